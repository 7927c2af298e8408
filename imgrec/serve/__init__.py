"""A recognition service over HTTP, for programs."""

"""Training: the stream of batches, the epoch loop, and what it leaves on disk."""

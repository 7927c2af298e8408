"""What the commands do, one function each, usable from Python."""

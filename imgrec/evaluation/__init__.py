"""What scores mean: measures against the truth, and ranked classes per image."""

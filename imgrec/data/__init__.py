"""Images and their labels: found, split, decoded and identified."""

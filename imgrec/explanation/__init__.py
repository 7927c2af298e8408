"""Where in a picture a model sees what it answers."""

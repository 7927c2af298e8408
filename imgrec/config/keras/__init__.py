"""The Keras objects that a config can name, with Keras' names and arguments."""

"""Keras objects that a config may name, with Keras' own names and arguments."""

"""Keras models: building, importing, exporting; and the setup of TensorFlow."""

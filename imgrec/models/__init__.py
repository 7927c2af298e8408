"""Keras models from configs, and TensorFlow's start."""

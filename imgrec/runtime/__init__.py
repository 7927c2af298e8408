"""Engines that run a model, and `score`, which runs one over images."""

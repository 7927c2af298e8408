"""Engines that answer for a model, and the one `score` that asks them."""

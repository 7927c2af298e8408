"""Evaluations and predictions as terminal tables, JSON, CSV, pictures and a web page."""

"""Typed sections of a YAML file: what is wrong is said in plain words, with its line."""

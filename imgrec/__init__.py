"""Train, evaluate and use image classifiers, described by YAML configs."""

__version__ = "0.1.0"

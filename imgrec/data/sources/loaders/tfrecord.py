"""Labelled images in TFRecord files."""

from imgrec.data.tfrecord import LOADER

__all__ = ["LOADER"]

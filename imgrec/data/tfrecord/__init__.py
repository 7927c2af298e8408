"""TFRecord files of `tf.train.Example`, read and written without TensorFlow."""

from imgrec.data.tfrecord.pack import (
    FILE_NAME,
    Manifest,
    Packing,
    Shards,
    SkippedImage,
    describe_split,
    is_pack,
    write_shards,
)
from imgrec.data.tfrecord.reader import LOADER

__all__ = [
    "FILE_NAME",
    "LOADER",
    "Manifest",
    "Packing",
    "Shards",
    "SkippedImage",
    "describe_split",
    "is_pack",
    "write_shards",
]

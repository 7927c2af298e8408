"""TFRecord files of `tf.train.Example`, read and written without TensorFlow."""

from imgrec.data.tfrecord.manifest import FILE_NAME, Manifest, is_pack
from imgrec.data.tfrecord.pack import Packing, Shards, describe_split, write_shards
from imgrec.data.tfrecord.reader import LOADER

__all__ = [
    "FILE_NAME",
    "LOADER",
    "Manifest",
    "Packing",
    "Shards",
    "describe_split",
    "is_pack",
    "write_shards",
]

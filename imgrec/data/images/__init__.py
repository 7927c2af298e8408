"""One image file or array: its bytes, its identity, its pixels."""

from imgrec.data.images.decoder import (
    Header,
    ImageSpec,
    crop_region,
    decode,
    decode_as_seen,
    decode_whole,
    describe,
    miniature,
)
from imgrec.data.images.decoding import HasName, decode_in_order, try_decode
from imgrec.data.images.files import (
    NO_IMAGE,
    file_stamp,
    fingerprint,
    identities_of_images,
    identity_of,
    image_bytes,
    source_key,
)
from imgrec.data.images.header import Traits, traits_of
from imgrec.data.images.inspection import (
    ImageVerdict,
    Inspection,
    inspect_images,
    inspection_of,
    verdict_of,
)

__all__ = [
    "NO_IMAGE",
    "HasName",
    "Header",
    "ImageSpec",
    "ImageVerdict",
    "Inspection",
    "Traits",
    "crop_region",
    "decode",
    "decode_as_seen",
    "decode_in_order",
    "decode_whole",
    "describe",
    "file_stamp",
    "fingerprint",
    "identities_of_images",
    "identity_of",
    "image_bytes",
    "inspect_images",
    "inspection_of",
    "miniature",
    "source_key",
    "traits_of",
    "try_decode",
    "verdict_of",
]

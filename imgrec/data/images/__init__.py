"""One image file or array: its bytes, its identity, its pixels."""

from imgrec.data.images.decoder import (
    Header,
    ImageSpec,
    decode,
    decode_whole,
    describe,
    miniature,
)
from imgrec.data.images.files import (
    MAX_BYTES,
    content_of,
    fingerprint,
    identities_of_images,
    identity_of,
)
from imgrec.data.images.formats import NO_IMAGE, is_damaged
from imgrec.data.images.inspection import (
    Traits,
    bad_headers,
    bad_unnamed,
    decode_in_order,
    inspect_image,
    traits_of,
)
from imgrec.data.images.signatures import HEAD, content_type

__all__ = [
    "HEAD",
    "MAX_BYTES",
    "NO_IMAGE",
    "Header",
    "ImageSpec",
    "Traits",
    "bad_headers",
    "bad_unnamed",
    "content_of",
    "content_type",
    "decode",
    "decode_in_order",
    "decode_whole",
    "describe",
    "fingerprint",
    "identities_of_images",
    "identity_of",
    "inspect_image",
    "is_damaged",
    "miniature",
    "traits_of",
]

"""One image file or array: its bytes, its identity, its pixels."""

from imgrec.data.images.decoder import (
    Header,
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
    identity_of_source,
)
from imgrec.data.images.formats import NO_IMAGE, is_damaged
from imgrec.data.images.inspection import (
    Traits,
    bad_headers,
    bad_unnamed,
    decode_in_order,
    decoded,
    inspect_image,
    read_new,
    traits_of,
)
from imgrec.data.images.signatures import HEAD, content_type
from imgrec.data.images.spec import ImageSpec

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
    "decoded",
    "describe",
    "fingerprint",
    "identities_of_images",
    "identity_of",
    "identity_of_source",
    "inspect_image",
    "is_damaged",
    "miniature",
    "read_new",
    "traits_of",
]

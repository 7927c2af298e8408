"""What a file is, by its first bytes: one of the formats, another kind of image, or something else.

Only asked where Pillow recognises nothing, except for HEIC, which Pillow needs a plugin for.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

HEAD = 2048
"""How many bytes of a file `content_type` looks at."""


class ContentType(Struct, frozen=True):
    """What a file is.

    name: a format as Pillow calls it, or a phrase such as `an HTML page`. kind: `format`, one that
    is decoded; `image`, one that is not; `other`, no image.
    """

    name: str
    kind: Literal["format", "image", "other"]


def content_type(head: bytes) -> ContentType | None:
    """Return what a file that begins with `head` is, None if it is not known.

    Example:
        >>> content_type(b"<!DOCTYPE html><html>").name
        'an HTML page'
    """
    if head[4:8] == b"ftyp":
        return _media(head)
    for offset, magic, found in _SIGNATURES:
        if head.startswith(magic, offset):
            return found
    if head[:4] == b"RIFF":
        return {b"WEBP": _format("WEBP"), b"AVI ": _other("a video")}.get(head[8:12])
    return _text(head) if head.strip(b"\0") else _other("nothing but zeros")


def is_heic(head: bytes) -> bool:
    """Return whether a file that begins with `head` is HEIC (HEIF)."""
    return head[4:8] == b"ftyp" and _media(head).name == "HEIC"


def is_truncated(content: bytes) -> bool:
    """Return whether the lengths in a RIFF, HEIC, AVIF, or JPEG 2000 file exceed `content`."""
    if content[:4] == b"RIFF":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    if content[4:8] not in {b"ftyp", b"jP  "}:
        return False
    start = 0
    while start < len(content):  # one box after another; a length of 0 is for the rest of the file
        size = int.from_bytes(content[start : start + 4], "big")
        if size == 1:
            size = int.from_bytes(content[start + 8 : start + 16], "big")
        if size < 8:
            return False
        start += size
    return start > len(content)


_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}


def _media(head: bytes) -> ContentType:
    """Return what an ISO media file is: its brands are in its first box."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, size, 4))}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and brands & _AVIF_BRANDS):
        return _format("AVIF")
    if major in _HEIC_BRANDS | _HEIF_BRANDS:
        return _format("HEIC")
    return _image("a camera's raw file") if major == b"crx " else _other("a video")


def _text(head: bytes) -> ContentType | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return _other("an HTML page")
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in start:
        return _other("an SVG drawing")
    if start.startswith(b"version https://git-lfs.github.com/"):
        return _other("a Git LFS pointer: run `git lfs pull`")
    return None


def _format(name: str) -> ContentType:
    return ContentType(name, "format")


def _image(name: str) -> ContentType:
    return ContentType(name, "image")


def _other(name: str) -> ContentType:
    return ContentType(name, "other")


_SIGNATURES = (
    (0, b"\xff\xd8\xff", _format("JPEG")),
    (0, b"\x89PNG\r\n\x1a\n", _format("PNG")),
    (0, b"GIF8", _format("GIF")),
    (0, b"II*\0", _format("TIFF")),
    (0, b"MM\0*", _format("TIFF")),
    (0, b"II+\0", _format("TIFF")),
    (0, b"MM\0+", _format("TIFF")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", _format("JPEG2000")),
    (0, b"\xff\x4f\xff\x51", _format("JPEG2000")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", _image("JPEG XL")),
    (0, b"\xff\x0a", _image("JPEG XL")),
    (0, b"II\xbc", _image("JPEG XR")),
    (0, b"8BPS", _image("a Photoshop file")),
    (0, b"\0\0\1\0", _image("an icon")),
    (0, b"v/1\1", _image("OpenEXR")),
    (0, b"#?RADIANCE", _image("Radiance HDR")),
    (0, b"SIMPLE  =", _image("FITS")),
    (128, b"DICM", _image("DICOM")),
    (0, b"DDS ", _image("a DirectDraw surface")),
    (0, b"FUJIFILMCCD-RAW", _image("a camera's raw file")),
    (0, b"IIRO", _image("a camera's raw file")),
    (0, b"IIU\0", _image("a camera's raw file")),
    (0, b"%!PS", _other("PostScript")),
    (0, b"%PDF-", _other("a PDF")),
    (0, b"PK\x03\x04", _other("a zip archive")),
    (0, b"Rar!", _other("a RAR archive")),
    (0, b"7z\xbc\xaf\x27\x1c", _other("a 7-Zip archive")),
    (0, b"\x1f\x8b", _other("gzip data")),
    (0, b"BZh", _other("bzip2 data")),
    (0, b"\xfd7zXZ\0", _other("xz data")),
    (257, b"ustar", _other("a tar archive")),
    (0, b"\x1aE\xdf\xa3", _other("a video")),
    (0, b"\0\0\1\xba", _other("a video")),
    (0, b"FLV\1", _other("a video")),
    (0, b"\x89HDF\r\n\x1a\n", _other("an HDF5 file")),
    (0, b"\x93NUMPY", _other("a NumPy array")),
    (0, b"\0\5\x16\7", _other("macOS metadata (AppleDouble)")),
)

"""Files in a body of `multipart/form-data`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imgrec.data.records import Photo
from imgrec.serve.exchange import HttpRequest, Refusal
from imgrec.text import printable

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART = "multipart/form-data"


def uploaded_files(request: HttpRequest) -> Sequence[Photo]:
    """Return the files of a multipart body, under their file names.

    Raises:
        Refusal: 400, the body is not valid; 413, there are too many; 422, a part is not a file.
    """
    _, parameters = parse_options_header(request.headers.get("content-type"))
    found = _Parts(request)
    try:
        parser = MultipartParser(parameters.get(b"boundary", b""), found.callbacks)
        parser.write(request.body)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(400, f"the multipart body is not valid: {printable(str(error))}") from None
    return found.photos


@dataclass
class _Parts:
    request: HttpRequest
    photos: list[Photo] = field(default_factory=list)
    name: bytes = b""
    header: bytes = b""
    value: bytes = b""
    disposition: bytes = b""
    content: bytearray = field(default_factory=bytearray)

    @property
    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self.on_part_begin,
            "on_part_data": self.on_part_data,
            "on_part_end": self.on_part_end,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
        }

    def on_part_begin(self) -> None:
        self.disposition, self.content = b"", bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def on_header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            self.disposition = self.value
        self.header = self.value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.content += data[start:end]

    def on_part_end(self) -> None:
        _, parameters = parse_options_header(self.disposition)
        if b"filename" not in parameters:
            name = parameters.get(b"name", b"").decode("utf-8", "replace")
            raise Refusal(
                422,
                f"the part {printable(name)} is not a file",
                hint="options are parameters of the address, such as ?top=3",
            )
        name = parameters[b"filename"].decode("utf-8", "surrogateescape")
        self.photos.append(Photo(name, bytes(self.content)))
        self.request.limited(self.photos)

"""The frozen backbone of a classifier: a LiteRT file from pixels to features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import BACKBONE, NewPhoto, Store
from imgrec.config.keras.named import plain
from imgrec.data.check import SIDE
from imgrec.data.images import ImageSpec, content_of, decode, traits_of
from imgrec.data.records import Photo
from imgrec.data.suffixes import SUFFIXES
from imgrec.errors import BadImage, RunError
from imgrec.files import sha256
from imgrec.json_documents import as_builtins, from_builtins
from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.litert import LiteRTWriter, features_tensor, read_graph, read_litert
from imgrec.models.packaged_weights import check_installed, read_packaged_weights
from imgrec.parallel import map_in_order, usable_cores
from imgrec.runs.card import BEST_MODEL, BackboneOrigin, Input
from imgrec.runs.folder import Run
from imgrec.runtime.engine import litert_missing
from imgrec.runtime.litert_engine import LiteRTEngine, open_litert
from imgrec.runtime.model_file import spec_of
from imgrec.text import abridge, printable
from imgrec.workflows.run_config import run_config

PACKAGED = "EfficientNetLite0"
"""The backbone of a classifier for which no other one is chosen."""

_SIDE = 224
_PACKAGED_NETWORK = {
    "backbone": {"name": PACKAGED},
    "layers": ["GlobalAveragePooling2D"],
    "head": "logistic",
}
_LONGEST_NAME = 255

Decode: TypeAlias = Callable[[Path, ImageSpec, str], NDArray[np.uint8]]
"""Decodes a file to a form; the text is what errors call it."""

Decoding: TypeAlias = Callable[[], AbstractContextManager[Decode]]
"""Opens what decodes stored photos."""


@contextmanager
def decoding_here() -> Iterator[Decode]:
    """Decode photos in this process."""
    yield decode


@dataclass(frozen=True)
class BackboneDescription:
    """What a classifier remembers of its backbone.

    name: of the network, or of the run whose model it is. input: what it takes. preprocessing: what
    it does to the pixels, as text. sha256: of its file. network: the section `model` of a config
    that describes a model with this backbone. origin: the run in that section, without its path; a
    classifier needs neither.
    """

    name: str
    input: Input
    preprocessing: str
    sha256: str
    network: Mapping[str, Any] = field(default_factory=lambda: _PACKAGED_NETWORK)
    origin: BackboneOrigin | None = None


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo that was decoded in the `forms` of a backbone.

    pixels: uint8 (height, width, channels). grey: uint8 (32, 32).
    """

    name: str
    content: bytes = field(repr=False)
    pixels: NDArray[np.uint8] = field(repr=False)
    grey: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class Backbone:
    """A backbone that can be used; decoding: of photos that are stored already."""

    description: BackboneDescription
    content: bytes
    engine: LiteRTEngine
    decoding: Decoding

    @property
    def spec(self) -> ImageSpec:
        """The form of the images that it takes."""
        return self.engine.spec

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of one image, uint8 (height, width, channels)."""
        found: NDArray[np.float32] = self.engine.outputs(pixels[np.newaxis])[0]
        return found

    @property
    def forms(self) -> tuple[ImageSpec, ImageSpec]:
        """The forms in which a photo is decoded: for the backbone, and for near-duplicates."""
        return self.spec, ImageSpec(SIDE, SIDE, 1)

    def read(
        self, photos: Iterable[Photo | DecodedPhoto], most: int
    ) -> Iterator[NewPhoto | BadImage]:
        """Yield what is stored of each photo, in order, or why it can't be used.

        Args:
            photos: The photos; their sources are paths or the content of files.
            most: How many bytes one may have.
        """
        prepared = map_in_order(
            lambda photo: _decoded(photo, self.forms, most), photos, usable_cores(), 8
        )
        for found in prepared:
            yield found if isinstance(found, BadImage) else self._described(found)

    def _described(self, found: DecodedPhoto) -> NewPhoto:
        traits = traits_of(found.content, header_only=True)
        form = "JPEG" if traits.format == "MPO" else traits.format
        return NewPhoto(
            sha256(found.content),
            found.content,
            file_name(found.name),
            SUFFIXES[form][0],
            traits.width,
            traits.height,
            self.features(found.pixels),
            found.grey,
        )


def packaged_backbone(name: str = PACKAGED) -> tuple[bytes, BackboneDescription]:
    """Return the file and the description of a backbone with the ImageNet weights of a package.

    Raises:
        RunError: The weights are not installed.
    """
    check_installed(name)
    content = litert_features(name, _SIDE, read_packaged_weights(name))
    taken = Input(_SIDE, _SIDE, 3, "bicubic", "crop")
    return content, BackboneDescription(
        name, taken, f"the preprocessing of {name}, in the model", sha256(content)
    )


def run_backbone(run: Run) -> tuple[bytes, BackboneDescription]:
    """Return the file and the description of the model of a run up to its last layer.

    Raises:
        RunError: The run has no usable LiteRT file, or its model no features in float32.
    """
    try:
        engine = open_litert(run)
    except ImportError as error:
        raise litert_missing(error) from error
    features = features_tensor(read_graph(engine.content), engine.output.index)
    model = LiteRTWriter(engine.content)
    if features is None or not model.is_float32(features):
        raise RunError(
            f"{printable(run.name)} has no features in float32 before its last layer",
            hint="use a run with more layers, and its float32 file",
        )
    if len(model.shape(features)) > 2:
        features = model.mean(features, "features")
    content, card = model.content(features), run.card
    network, origin = _network(run)
    description = BackboneDescription(
        run.name, card.input, card.preprocessing, sha256(content), network, origin
    )
    return content, description


def _network(run: Run) -> tuple[Mapping[str, Any], BackboneOrigin | None]:
    """Return the section `model` of a config for a head behind the model of a run, and its origin.

    That of a quick run has the backbone of the quick run itself.
    """
    if run.card.quick:
        return {**plain(run_config(run.path).model), "head": "logistic"}, run.card.backbone
    if BEST_MODEL not in run.card.hashes:
        raise RunError(
            f"{printable(run.name)} has no Keras model, so that no config can describe it",
            hint="use a run that was trained, or imported from a Keras file",
        )
    origin = BackboneOrigin(run.name, "", run.card.hashes[BEST_MODEL])
    return {"backbone": {"run": run.name}, "head": "logistic"}, origin


def open_backbone(store: Store, decoding: Decoding) -> Backbone:
    """Return the backbone of a classifier.

    Raises:
        RunError: Its file is missing or was changed, or LiteRT is not installed.
    """
    description = from_builtins(BackboneDescription, store.setting("backbone"))
    path = store.folder / BACKBONE
    content = read_litert(path)
    if sha256(content) != description.sha256:
        raise RunError(f"{printable(str(path))} is not the backbone that the photos were seen by")
    try:
        engine = LiteRTEngine(content, (), spec_of(description.input))
    except ImportError as error:
        raise litert_missing(error) from error
    return Backbone(description, content, engine, decoding)


def as_setting(description: BackboneDescription) -> Any:
    """Return a description as a store remembers it."""
    return as_builtins(description)


def file_name(path: str) -> str:
    """Return what a file is called, as text that can be stored; whatever it is, it is no path."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return abridge(name.encode("utf-8", "replace").decode(), _LONGEST_NAME)


def _decoded(
    photo: Photo | DecodedPhoto, forms: Sequence[ImageSpec], most: int
) -> DecodedPhoto | BadImage:
    if isinstance(photo, DecodedPhoto):
        return photo
    try:
        if isinstance(photo.source, BadImage):
            return photo.source
        content = content_of(photo.source, photo.name)
        if not isinstance(content, bytes):
            raise TypeError("a photo is a path, or the content of a file")
        if len(content) > most:
            return BadImage(photo.name, f"has more than {most >> 20} MiB")
        pixels, grey = (decode(content, form, photo.name) for form in forms)
        return DecodedPhoto(photo.name, content, pixels, grey[..., 0])
    except BadImage as error:
        return BadImage(error.name, error.reason)  # without its traceback, which keeps the content

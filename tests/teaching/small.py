"""A classifier that is cheap to teach: 16 features of pictures of 32 x 32 pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from imgrec.classifiers import NewPhoto, Quotas, Store
from imgrec.files import sha256
from imgrec.models.litert import LiteRTWriter
from imgrec.runs.card import Input
from imgrec.workflows.teaching import BackboneDescription, Classifier, as_setting

SIDE, FEATURES = 32, 16


def backbone() -> bytes:
    """Return a LiteRT file with one random convolution."""
    random, model = np.random.default_rng(0), LiteRTWriter()
    pixels = model.input((SIDE, SIDE, 3), "pixels")
    kernel = random.normal(size=(FEATURES, 3, 3, 3)) / 255
    bias = np.zeros(FEATURES)
    found = model.convolution(pixels, kernel, bias, 2, "convolution", relu6=True)
    return model.content(model.mean(found, "features"))


def create(folder: Path, quotas: Quotas | None = None) -> Classifier:
    """Return a new classifier with this backbone."""
    content = backbone()
    taken = Input(SIDE, SIDE, 3, "bicubic", "crop")
    description = BackboneDescription("EfficientNetLite0", taken, "none", sha256(content))
    Store.create(folder, content, {"backbone": as_setting(description)}, quotas).close()
    return Classifier(folder, create=False, quotas=quotas)


def picture(number: int, *, red: bool) -> bytes:
    """Return a PNG, mostly red or mostly blue, of a content that depends on the number."""
    random = np.random.default_rng(number)
    pixels = random.integers(0, 160, (24, 24, 3), np.uint8)
    pixels[..., 0 if red else 2] += 95
    return _png(Image.fromarray(pixels))


def plain(number: int, *, red: bool) -> bytes:
    """Return a PNG of one colour, which has no near-duplicates: less work than `picture`."""
    colour = (255, number, 0) if red else (0, number, 255)
    return _png(Image.new("RGB", (2, 2), colour))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def pictures(first: int, count: int, *, red: bool) -> list[bytes]:
    """Return some pictures."""
    return [picture(number, red=red) for number in range(first, first + count)]


def taught(folder: Path, count: int = 6) -> Classifier:
    """Return a new classifier with two classes."""
    found = create(folder)
    found.add(pictures(0, count, red=True), "red")
    found.add(pictures(100, count, red=False), "blue")
    return found


def hard(folder: Path) -> None:
    """Write a classifier whose cross-validation takes about a minute.

    Its many classes look the same, and are about as many as can just not be separated.
    """
    random = np.random.default_rng(0)
    create(folder).close()
    store = Store(folder)
    for place in range(80):
        name, numbers = str(place), range(5 * place, 5 * place + 5)
        store.add_class(name)
        store.add_photos([_noise(random, each) for each in numbers], name, "labelled")
    store.close()


def _noise(random: np.random.Generator, number: int) -> NewPhoto:
    content = picture(number, red=True)
    features = np.exp(3 * random.normal(size=FEATURES)).astype(np.float32)
    grey = random.integers(0, 256, (32, 32), np.uint8)
    return NewPhoto(sha256(content), content, "photo.png", "png", 24, 24, features, grey)

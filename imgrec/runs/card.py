"""What a run knows about its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypedDict

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from imgrec.network_summary import NetworkSummary
from imgrec.pixel_statistics import PixelStatistics
from imgrec.rounding import percent, percent_number
from imgrec.text import count_of

BEST_MODEL = "best.keras"
LAST_MODEL = "last.keras"
LITERT_MODEL = "model.tflite"

DEFAULT_CLASS_THRESHOLD = 0.5
"""The threshold of a class for which none was chosen."""

Fit = Literal["stretch", "crop", "pad"]
Size = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
# As `data.image_size` allows.
Side = Annotated[int, Meta(ge=1, le=8192)]

_NEXT = "next "


class Input(Struct, frozen=True):
    """The pixels that a model takes: sizes in pixels, values 0 to 255, RGB or grey.

    max_megapixels: larger images are refused, unless they can be decoded at a fraction.
    """

    height: Side
    width: Side
    channels: Size
    interpolation: str
    fit: Fit = "stretch"
    max_megapixels: Size = 100


class DataSource(Struct, frozen=True):
    """Where one split came from: the path as written (None: embedded), the absolute one, counts."""

    written: str | None
    absolute: str | None
    images: Count
    per_class: Mapping[str, Count]


class ExportParity(Struct, frozen=True):
    """How close the answers of an exported file are to those of best.keras, on real images.

    file: its name; format: `litert`, `onnx`, `saved_model` or `keras`; precision: `float32`,
    `float16` or `int8`. images: how many went through both.
    agreement: the fraction, 0 to 1, whose most probable class is the same, near-ties counted as
    the same. difference: the largest between two probabilities of one class, 0 to 1, and the
    name of the image where it is (`worst`).
    """

    file: str
    format: str
    precision: str
    images: int
    agreement: float
    difference: float
    worst: str


class Calibration(Struct, frozen=True):
    """The temperature by which the model's logits were divided, and what that did.

    It is part of the model file whose SHA-256 is `model`: best.keras, or the LiteRT file of a run
    without it. In a run of `imgrec calibrate`, it divides the logits of the origin's model, which
    may be calibrated already. Fitted on `images` images of `split`, where the mean log loss, in
    nats, went from `loss_before` to `loss_after`.
    """

    temperature: float
    split: str
    images: int
    loss_before: float
    loss_after: float
    model: str = ""


class Head(Struct, frozen=True):
    """An output layer that was solved exactly and not trained in epochs.

    kind: `logistic` for logistic regression. strength: that of its L2 regularisation, relative to
    the variance of the features. accuracy: that of a cross-validation, 0 to 1, with its exact 95 %
    interval from `low` to `high`; `folds` is the number of folds, `images` that of the different
    training images.
    """

    kind: Literal["logistic"]
    strength: float
    folds: Count
    images: Count
    accuracy: float
    low: float
    high: float

    @property
    def cross_validated(self) -> str:
        """The accuracy with its interval: `accuracy 98.9 % (98.3 to 99.3 %) in 5 folds`."""
        low, high = percent_number(self.low), percent_number(self.high)
        return f"accuracy {percent(self.accuracy)} ({low} to {high} %) in {self.folds} folds"

    def __str__(self) -> str:
        images = count_of(self.images, "training image")
        return (
            f"logistic regression of strength {self.strength:g}, solved exactly; cross-validated "
            f"{self.cross_validated} of {images}"
        )


class Threshold(Struct, frozen=True):
    """The highest probability, 0 to 1, below which the answer is "unknown".

    ood_similarity: the cosine, -1 to 1, below which it is "unknown" too; None if the model has no
    OOD score.
    target: what both were chosen for, such as `precision 0.98` or `coverage 0.9`. Of the `images`
    images of `split`, the fraction `coverage` reaches both, and `precision` of those is right.
    split: `calibration`, the validation images that did not choose the best epoch, or the images of
    `imgrec calibrate`; `validation`; or `cross-validated training`, of an exact head.
    confidence: how sure it is, 0 to 1, that the target is kept on new images; None if it was only
    reached on these images, as by earlier versions.
    """

    value: float
    target: str
    split: str
    images: int
    coverage: float
    precision: float
    ood_similarity: float | None = None
    confidence: float | None = None


class LabelThresholds(Struct, frozen=True):
    """The probability, 0 to 1, from which an image has each class, if it may have several.

    values: by class. target: what they were chosen for, such as `f1` or `precision 0.9`, on the
    `images` images of `split`.
    """

    values: Mapping[str, float]
    target: str
    split: str
    images: int


class ImportOrigin(Struct, frozen=True):
    """The model file that a run was imported from.

    file: its path as written; sha256: its SHA-256, empty for a folder. form: `keras`, `litert`,
    `h5` or `saved_model`. trusted: whether it was loaded though it could have held a program.
    activation: what turns the output of a LiteRT file, which are logits, into probabilities; None
    if they are probabilities. output_name: which output they are; empty if there is only one.
    """

    file: str
    sha256: str
    form: str
    trusted: bool = False
    activation: Literal["softmax", "sigmoid"] | None = None
    output_name: str = ""


class CalibrationOrigin(Struct, frozen=True):
    """The run whose model was calibrated on other images.

    run: its name. model: the SHA-256 of its model file. images: those that chose the temperature
    and the threshold.
    """

    run: str
    model: str
    images: DataSource

    @property
    def in_words(self) -> str:
        """The run, and how many images of what."""
        return f"{self.run}, on {count_of(self.images.images, 'image')} of {self.images.written}"


class BackboneOrigin(Struct, frozen=True):
    """The run whose first layers are the backbone.

    run: its name. path: its absolute path when the training began; empty in a version of a
    classifier. model: the SHA-256 of its best.keras. until: the last layer that is used; empty
    for the one before the output layer.
    """

    run: str
    path: str
    model: str
    until: str = ""

    @property
    def in_words(self) -> str:
        """The run, and its last layer, as `cat_dog-1, up to the layer conv2d_3`."""
        last = f"the layer {self.until}" if self.until else "its output layer"
        return f"{self.run}, up to {last}"


class BestEpochDocument(TypedDict, total=False):
    """The epoch, from 1, with the best monitored value; empty if none has ended."""

    epoch: Count
    monitor: str
    value: float


class Card(Struct, frozen=True):
    """The description of a run and its model.

    origin: of an imported model; None for one that was trained here. An imported one has no config,
    no images (`data` is empty) and no fingerprint.

    created: ISO 8601 in UTC, to the microsecond.
    complete: whether the training is finished; ended: when, in the format of `created`; empty if it
    is not finished, if there was none, or if that is not known.
    output: `softmax` (a unit per class) or `sigmoid` (one unit: the second of two classes; with
    multi_label a unit per class).
    multi_label: whether an image may have several classes, or none.
    preprocessing: what the model itself does to the pixels, as text.
    hashes: SHA-256 of each model file, by its name in the folder; see `announcing`.
    fingerprint: SHA-256 over the sorted (path, label, identity) of the training images.
    best: the epoch (from 1) whose weights are in best.keras and its monitored value.
    validated: how many of the validation images each epoch was validated on; None if on all.
    versions: of imgrec, its decoder (`decoder`; 1 if it is missing) and the libraries in use.
    computing: what the training's numbers depend on besides config and versions:
    `device` (`cpu` or `gpu`), `precision` (Keras' policy) and `replicas`; empty if that is not
    known. changes: what changed while it trained, as `after epoch 2: seed: 0 -> 5`.
    statistics: of the training images, if the preprocessing uses them.
    export_parity: of the files exported from best.keras that lie in the run.
    calibration, threshold, thresholds: if they were fitted. no_threshold: why
    `evaluation.selective_prediction` set no threshold; empty if it did, or was not asked to.
    network: the layers of the Keras model; None if they are not known.
    head: of the best model, if it was solved exactly; there are no epochs then, and no best one.
    backbone: the run that the backbone is from; None for other backbones, and without one.
    calibrated_from: of a run that `imgrec calibrate` made; None for others. What it says of
    training or import is that of its origin.
    """

    name: str
    created: str
    complete: bool
    classes: tuple[str, ...]
    input: Input
    output: Literal["softmax", "sigmoid"]
    preprocessing: str
    seed: int
    data: Mapping[str, DataSource]
    skipped: Count
    fingerprint: str
    versions: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    best: BestEpochDocument = field(default_factory=BestEpochDocument)
    epochs: Count = 0
    statistics: PixelStatistics | None = None
    export_parity: tuple[ExportParity, ...] = ()
    calibration: Calibration | None = None
    threshold: Threshold | None = None
    origin: ImportOrigin | None = None
    multi_label: bool = False
    thresholds: LabelThresholds | None = None
    ended: str = ""
    computing: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    no_threshold: str = ""
    validated: Count | None = None
    network: NetworkSummary | None = None
    head: Head | None = None
    calibrated_from: CalibrationOrigin | None = None
    backbone: BackboneOrigin | None = None

    @property
    def lists_images(self) -> bool:
        """Whether the run has a list of the images that its model depends on."""
        return self.origin is None or self.calibrated_from is not None

    @property
    def validated_on(self) -> str:
        """What the best epoch rests on, as `32 of 400 validation images`; empty without any."""
        if "validation" not in self.data:
            return ""
        images = self.data["validation"].images
        part = "" if self.validated is None else f"{self.validated:,} of "
        return f"{part}{count_of(images, 'validation image')}"

    @property
    def ready(self) -> str:
        """From when on a complete run could be used: its end, else its creation."""
        return self.ended or self.created

    @property
    def only_litert(self) -> bool:
        """Whether there is no Keras model: it was imported without, or `train --quick` made it."""
        if self.origin is None:
            return self.quick
        return self.origin.form in ("litert", "saved_model")

    @property
    def quick(self) -> bool:
        """Whether `imgrec train --quick` made the run, and it has no Keras model yet."""
        return self.head is not None and BEST_MODEL not in self.hashes

    @property
    def units(self) -> int:
        """How many numbers the model's last layer gives."""
        single = self.output == "sigmoid" and not self.multi_label
        return 1 if single else len(self.classes)

    @property
    def class_thresholds(self) -> tuple[float, ...] | None:
        """From which probability on an image has each class; None if it has exactly one."""
        if not self.multi_label:
            return None
        values = {} if self.thresholds is None else self.thresholds.values
        return tuple(values.get(name, DEFAULT_CLASS_THRESHOLD) for name in self.classes)

    @property
    def announced(self) -> tuple[str, ...]:
        """The files that are about to take their place, or did so as their writer was killed."""
        return tuple(name.removeprefix(_NEXT) for name in self.hashes if name.startswith(_NEXT))

    def announcing(self, file: str, digest: str) -> Card:
        """Return the card that also describes the `file` which is about to take its place.

        Written before the file is, it keeps the two from ever contradicting each other,
        whenever the process ends.
        """
        return replace(self, hashes={**self.hashes, f"{_NEXT}{file}": digest})

    def settled(self, file: str, digest: str | None) -> Card:
        """Return the card once the announced `file` is in its place, where it has this SHA-256.

        digest: None if the file is missing. A calibration and thresholds that were fitted to
        another best model are dropped.
        """
        hashes = {name: value for name, value in self.hashes.items() if name != f"{_NEXT}{file}"}
        if digest is not None:
            hashes[file] = digest
        card = replace(self, hashes=hashes)
        if card.calibration is None or card.calibration.model in hashes.values():
            return card
        return replace(card, calibration=None, threshold=None, thresholds=None, no_threshold="")

    def with_export(self, parity: ExportParity, digest: str) -> Card:
        """Return the card that also describes an exported file, in place of an older one."""
        others = [each for each in self.export_parity if each.file != parity.file]
        return replace(
            self,
            export_parity=(*others, parity),
            hashes={**self.hashes, parity.file: digest},
        )

    def without_exports(self) -> Card:
        """Return the card without the exported files, which a new best.keras makes stale."""
        files = {each.file for each in self.export_parity}
        kept = {name: digest for name, digest in self.hashes.items() if name not in files}
        return replace(self, export_parity=(), hashes=kept)

    def describes(self, file: str, digest: str) -> bool:
        """Return whether `file` may have this SHA-256."""
        return digest in (self.hashes.get(file), self.hashes.get(f"{_NEXT}{file}"))

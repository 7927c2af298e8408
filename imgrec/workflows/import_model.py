"""A run out of a model file that was not trained here."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgrec.files import sha256, write_atomically
from imgrec.models.adapt import Adaptation, adapt
from imgrec.models.backend import start
from imgrec.models.class_list import imagenet_classes, read_classes
from imgrec.models.foreign import Form, check_foreign, form_of, load_foreign
from imgrec.models.safety import check_keras
from imgrec.runs.card import Card, Fit, Input, Origin, read_card, write_card
from imgrec.runs.folder import Run, check_place, create
from imgrec.runtime.keras_engine import MODEL_FILE
from imgrec.workflows.versions import versions

log = logging.getLogger("imgrec")

IMAGENET = "imagenet"


@dataclass(frozen=True)
class Import:
    """What is imported, and what the file itself does not say.

    classes: a file of names, or `imagenet`. fit, interpolation: how images are brought to the
    model's size. trust: whether a form that is a program is loaded.
    """

    model: Path
    classes: str
    adaptation: Adaptation = field(default_factory=Adaptation)
    fit: Fit = "crop"
    interpolation: str = "bilinear"
    name: str | None = None
    trust: bool = False


def import_model(wanted: Import, *, runs_dir: Path) -> Run:
    """Return the new run that holds the model, ready to predict.

    Nothing is written before the model is known to give probabilities for pixels. Raises
    RunError where it is refused or of another kind, DataError for a bad list of classes.
    """
    check_place(runs_dir)
    form = form_of(wanted.model)
    check_foreign(wanted.model, form, trust=wanted.trust)
    start("cpu")
    classes = _classes(wanted.classes)
    model = adapt(load_foreign(wanted.model, trust=form == "h5"), wanted.adaptation, classes)
    card = _card(wanted, form, classes, model)
    with _new_folder(runs_dir, _name(wanted)) as folder:
        _write_model(folder, model)
        digest = sha256((folder / MODEL_FILE).read_bytes())
        write_card(folder, dataclasses.replace(card, hashes={MODEL_FILE: digest}))
    return Run(folder, read_card(folder))


def _classes(source: str) -> tuple[str, ...]:
    return imagenet_classes() if source == IMAGENET else read_classes(Path(source))


def _name(wanted: Import) -> str:
    return wanted.name or re.sub(r"[^\w.-]+", "_", wanted.model.stem).strip("._-") or "imported"


def _card(wanted: Import, form: Form, classes: tuple[str, ...], model: Any) -> Card:
    height, width, channels = model.input_shape[1:]
    digest = sha256(wanted.model.read_bytes()) if wanted.model.is_file() else ""
    return Card(
        name=_name(wanted),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        complete=True,
        classes=classes,
        input=Input(height, width, channels, wanted.interpolation, wanted.fit),
        output="sigmoid" if model.output_shape[-1] == 1 else "softmax",
        preprocessing=wanted.adaptation.in_words,
        seed=0,
        data={},
        skipped=0,
        fingerprint="",
        versions=versions(),
        origin=Origin(str(wanted.model), digest, form, wanted.trust),
    )


@contextlib.contextmanager
def _new_folder(runs_dir: Path, name: str) -> Iterator[Path]:
    """Make a run's folder, and take it away again where the run does not come to be."""
    folder = create(runs_dir, name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write_model(folder: Path, model: Any) -> None:
    """Save the model; what Keras would write into it that may not be loaded is refused here."""
    write_atomically(folder / MODEL_FILE, model.save)
    check_keras(folder / MODEL_FILE)

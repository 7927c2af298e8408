"""What a list of runs shows of each: numbers, costs, settings, tags."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from imgrec.errors import RunError
from imgrec.files import MAX_TABLE_BYTES, read_regular
from imgrec.json_documents import decode_json
from imgrec.metrics import METRICS
from imgrec.runs.card import BEST_MODEL, LITERT_MODEL, BestEpochDocument, Card
from imgrec.runs.card_file import CARD_FILE, read_card
from imgrec.runs.folder import CONFIG_FILE, METRICS_FILE
from imgrec.runs.history import HISTORY_FILE, read_history, total_seconds
from imgrec.runs.notes import NOTES_FILE, read_notes
from imgrec.runs.provenance import PROVENANCE_FILE, Provenance, read_provenance
from imgrec.runs.repeats_file import REPEATS_FILE, read_repeats
from imgrec.runs.settings import Setting, read_settings

SUMMARIZED_FILES = (
    CARD_FILE,
    METRICS_FILE,
    CONFIG_FILE,
    HISTORY_FILE,
    NOTES_FILE,
    PROVENANCE_FILE,
)
"""The files of a run that a summary depends on."""

Kind: TypeAlias = Literal["trained", "solved", "imported", "calibrated", "folds", "seeds"]
Value: TypeAlias = str | int | float | bool | tuple[str, ...] | None

_Number = TypeVar("_Number", int, float)

_OPTIMIZER = "training.optimizer"
_BACKBONE = "model.backbone.name"
_VALIDATED = "val_"
_MISSING = object()


class MetricSummary(Struct, frozen=True, gc=False):
    """A number with its 95 % interval, null if it has none."""

    value: float | None
    low: float | None = None
    high: float | None = None


class RunSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run in a list; of one that can't be read, only its name and the `error`.

    created, ended: ISO 8601 in UTC. kind: how its model was made; `folds` and `seeds` are folders
    of runs, with their mean metrics. metrics: of the final evaluation, on `evaluated` images of
    `split`. logs: what the best epoch measured on the validation images. images: by split. data:
    where the training images are, as written. weights, model_bytes: of the best model. seconds,
    cpu_seconds, peak_memory: of the whole training. settings: of the config, by their key. Zero and
    empty values are unknown.
    """

    name: str
    error: str = ""
    experiment: str = ""
    created: str = ""
    ended: str = ""
    complete: bool = False
    kind: Kind = "trained"
    origin: str = ""
    epochs: int = 0
    best: BestEpochDocument = {}
    metrics: Mapping[str, MetricSummary] = {}
    logs: Mapping[str, float] = {}
    split: str = ""
    evaluated: int = 0
    data: str = ""
    fingerprint: str = ""
    images: Mapping[str, int] = {}
    classes: int = 0
    weights: int | None = None
    multiply_adds: int | None = None
    model_bytes: int | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    host: str = ""
    commit: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    settings: Annotated[
        Mapping[str, Setting], Meta(description="By key; a list of plain values is JSON.")
    ] = {}

    def value(self, name: str) -> Value:
        """Return a property, a metric or a setting by its name; None if the run has none.

        Besides the fields, names are those of `IN_LIST`; a metric, also with `.low` or `.high`;
        `val_loss` and the like; and the key of a setting, in full or from a dot on. If several keys
        end like that, it is the shortest.
        """
        if name in _COMPUTED:
            computed: Value = _COMPUTED[name](self)
            return computed
        if name in _FIELDS:
            return getattr(self, name) or None
        metric, _, bound = name.partition(".")
        if metric in METRICS and bound in ("", "low", "high"):
            found = self.metrics.get(metric)
            return None if found is None else getattr(found, bound or "value")
        if name in self.logs:
            return self.logs[name]
        if name in self.settings:
            return self.settings[name]
        key = _key_ending_with(f".{name}", tuple(self.settings))
        return None if key is None else self.settings[key]

    def has(self, name: str) -> bool:
        """Return whether it is the name of a log or a setting of this run."""
        ending = f".{name}"
        return name in self.logs or any(f".{key}".endswith(ending) for key in self.settings)

    def names(self) -> Iterator[str]:
        """Yield the names of which `value` may have a value; of settings, their keys."""
        yield from (*_COMPUTED, *_FIELDS, *self.metrics, *self.logs, *self.settings)


@functools.lru_cache(maxsize=1024)
def _key_ending_with(ending: str, keys: tuple[str, ...]) -> str | None:
    found = [key for key in keys if key.endswith(ending)]
    return min(found, key=lambda key: (len(key), key)) if found else None


def _optimizer(run: RunSummary) -> Value:
    found = run.settings.get(_OPTIMIZER)
    inner = (key for key in run.settings if key.startswith(f"{_OPTIMIZER}."))
    return found or next((key.split(".")[2] for key in inner), None)


_FIELDS = (
    *("name", "experiment", "created", "ended", "kind", "origin", "epochs", "split", "data"),
    *("classes", "weights", "multiply_adds", "model_bytes", "seconds", "cpu_seconds"),
    *("peak_memory", "host", "commit", "note", "error"),
)
_COMPUTED: Mapping[str, Any] = {
    "complete": lambda run: run.complete,
    "tags": lambda run: run.tags,
    "backbone": lambda run: run.settings.get(_BACKBONE),
    "optimizer": _optimizer,
    "images": lambda run: run.images.get("train"),
    "best_epoch": lambda run: run.best.get("epoch"),
}

IN_LIST = (*_COMPUTED, *_FIELDS)
"""The names of what a run has besides metrics and settings."""


def summarize(folder: Path) -> RunSummary:
    """Return the summary of a run's folder; files other than the card may be missing or damaged.

    That of a folder of repeats is of all its runs.
    """
    if (folder / REPEATS_FILE).is_file() and not (folder / CARD_FILE).exists():
        return _summarized_repeats(folder)
    try:
        card = read_card(folder)
    except RunError as error:
        return RunSummary(name=folder.name, error=error.message)
    metrics, notes = _read(_metrics, folder), _read(read_notes, folder)
    provenance = _read(read_provenance, folder)
    history = _read(read_history, folder / HISTORY_FILE) or {}
    train = card.data.get("train")
    return RunSummary(
        name=folder.name,
        experiment=card.name,
        created=card.created,
        ended=card.ended,
        complete=card.complete,
        kind=_kind(card),
        origin=_origin(card),
        epochs=card.epochs,
        best=card.best,
        metrics={} if metrics is None else metrics.metrics,
        logs=_logs(card, history),
        split="" if metrics is None else metrics.split,
        evaluated=0 if metrics is None else metrics.images.used,
        data="" if train is None else train.written or "embedded",
        fingerprint=card.fingerprint,
        images={split: source.images for split, source in card.data.items()},
        classes=len(card.classes),
        weights=None if card.network is None else card.network.weights,
        multiply_adds=None if card.network is None else card.network.multiply_adds,
        model_bytes=_model_bytes(folder),
        settings=_read(read_settings, folder) or {},
        tags=() if notes is None else notes.tags,
        note="" if notes is None else notes.note,
        **_costs(provenance, history),
    )


def changed_settings(before: RunSummary, after: RunSummary) -> dict[str, tuple[Setting, Setting]]:
    """Return the settings in which two runs differ, by key, with both values; None for no value.

    Nothing if one of the runs has no config, such as an imported one.
    """
    old, new = before.settings, after.settings
    if not old or not new or old == new:
        return {}
    different = [key for key, value in new.items() if old.get(key, _MISSING) != value]
    different += old.keys() - new.keys()
    return {key: (old.get(key), new.get(key)) for key in sorted(different) if key != "name"}


def predecessors(runs: Sequence[RunSummary]) -> dict[str, RunSummary]:
    """Return for each run, by name, the run of the same experiment that was made before it.

    Runs without a config, such as imported ones, have none and are none.
    """
    newest: dict[str, RunSummary] = {}
    found = {}
    for run in sorted(runs, key=lambda run: run.created):
        if not run.settings:
            continue
        if run.experiment in newest:
            found[run.name] = newest[run.experiment]
        newest[run.experiment] = run
    return found


def _summarized_repeats(folder: Path) -> RunSummary:
    try:
        repeats = read_repeats(folder)
    except RunError as error:
        return RunSummary(name=folder.name, error=error.message)
    cards = sorted(folder.glob(f"*/{CARD_FILE}"))
    members = [run for run in map(summarize, (card.parent for card in cards)) if not run.error]
    notes, settings = _read(read_notes, folder), _read(read_settings, folder) or {}
    first = members[0] if members else RunSummary(name="")
    return replace(
        first,
        name=folder.name,
        experiment=str(settings.get("name", "")),
        created=min((run.created for run in members), default=""),
        ended=max((run.ended for run in members), default=""),
        complete=bool(repeats.metrics),
        kind=repeats.kind,
        epochs=0,
        best={},
        metrics={
            name: MetricSummary(each.value, each.low, each.high)
            for name, each in repeats.metrics.items()
        },
        logs={},
        split=repeats.split,
        evaluated=repeats.images,
        fingerprint="" if repeats.kind == "folds" else first.fingerprint,
        weights=_total(run.weights for run in members),
        multiply_adds=_total(run.multiply_adds for run in members),
        model_bytes=_total(run.model_bytes for run in members),
        seconds=_total(run.seconds for run in members),
        cpu_seconds=_total(run.cpu_seconds for run in members),
        peak_memory=max(filter(None, (run.peak_memory for run in members)), default=None),
        settings=settings,
        tags=() if notes is None else notes.tags,
        note="" if notes is None else notes.note,
    )


def _total(values: Iterable[_Number | None]) -> _Number | None:
    """Return the sum of what is known of all runs."""
    known = list(values)
    return None if not known or None in known else sum(filter(None, known))


class _Images(Struct):
    used: int


class _Metrics(Struct):
    """What is read of metrics.json."""

    split: str
    images: _Images
    metrics: dict[str, MetricSummary]


def _metrics(folder: Path) -> _Metrics:
    return decode_json(_Metrics, read_regular(folder / METRICS_FILE, MAX_TABLE_BYTES))


def _read(read: Any, path: Path) -> Any:
    """Return what `read` does; None if the file is missing or damaged, which the list survives."""
    try:
        return read(path)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _kind(card: Card) -> Kind:
    if card.calibrated_from is not None:
        return "calibrated"
    if card.origin is not None:
        return "imported"
    return "trained" if card.head is None else "solved"


def _origin(card: Card) -> str:
    if card.calibrated_from is not None:
        return card.calibrated_from.run
    return "" if card.origin is None else card.origin.file


def _logs(card: Card, history: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return what the best epoch, or else the last one, measured on the validation images."""
    epoch = card.best.get("epoch", 0)
    found = {}
    for name, values in history.items():
        if name.startswith(_VALIDATED) and values:
            value = values[epoch - 1] if 0 < epoch <= len(values) else values[-1]
            if math.isfinite(value):
                found[name] = value
    return found


def _costs(provenance: Provenance | None, history: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    if provenance is None or not provenance.sessions:
        return {"seconds": total_seconds(history)}
    last = provenance.sessions[-1]
    return {
        "seconds": provenance.seconds,
        "cpu_seconds": provenance.cpu_seconds,
        "peak_memory": provenance.peak_memory,
        "host": last.host.name,
        "commit": "" if last.repository is None else last.repository.commit,
    }


def _model_bytes(folder: Path) -> int | None:
    for name in (LITERT_MODEL, BEST_MODEL):
        try:
            return (folder / name).stat().st_size
        except OSError:
            continue
    return None

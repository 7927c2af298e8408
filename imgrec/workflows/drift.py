"""What a training that goes on finds other than it left it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from imgrec.config.difference import differences
from imgrec.config.experiment import Experiment
from imgrec.errors import DataError, ImgrecError, UsageError
from imgrec.runs.folder import Run
from imgrec.text import shown
from imgrec.training.checkpoint import newest_place
from imgrec.training.versions import MATTER, versions
from imgrec.workflows.continuing import unfitting
from imgrec.workflows.prepare import Prepared
from imgrec.workflows.run_files import Identities, identities_of, recorded_identities

log = logging.getLogger("imgrec")

FREE = (
    "training.epochs",
    "training.fine_tune.epochs",
    "training.checkpoint.every",
    "training.checkpoint.keep",
    "training.on_nan",
    "training.export",
    "data.root",
    "data.train",
    "data.validation",
    "data.test",
    "data.bad_images",
    "data.cache",
)
"""The keys that change no step that is done: how long, what is kept, where the same images lie."""

_HINT = "--allow-drift goes on all the same; or train anew"
_NAMES_SHOWN = 3

# The numbers of another optimizer or of other metrics mean something else, even where they fit.
_OPTIMIZER = "training.optimizer"
_BOUND = ("training.metrics",)


def check_drift(
    run: Run, before: Experiment, after: Experiment, *, allowed: bool
) -> tuple[str, ...]:
    """Return how config or versions changed what the training is, a line each, and warn of it.

    Raises UsageError unless it is `allowed`, and in any case for what no checkpoint survives.
    """
    keys = [each for each in differences(before, after) if not _free(each.key)]
    if run.card.computing:  # has what it came to
        keys = [each for each in keys if each.key != "training.precision"]
    bound = [str(each) for each in keys if each.key.startswith(_BOUND) or each.key == _OPTIMIZER]
    if bound and newest_place(run.state) is not None:
        raise unfitting(run, bound)
    now = versions()
    changed = [
        *map(str, keys),
        *_changed({name: run.card.versions.get(name, "") for name in MATTER}, now),
    ]
    return _told(UsageError, _other_training(run), changed, allowed=allowed)


def check_computing(run: Run, now: Mapping[str, str], *, allowed: bool) -> tuple[str, ...]:
    """Return how device, precision or replicas (as Card.computing) changed, and warn of it.

    Raises UsageError unless it is `allowed`, and in any case for another precision.
    """
    before = run.card.computing
    changed, hint = [*_changed(before, now)], _HINT
    kept = before.get("precision", now["precision"])
    if kept != now["precision"]:
        hint = f"--set training.precision={kept} --allow-drift keeps the precision; or train anew"
        allowed = False
    return _told(UsageError, _other_training(run), changed, allowed=allowed, hint=hint)


def check_images(run: Run, prepared: Prepared, *, allowed: bool) -> tuple[str, ...]:
    """Return how the images changed since the run began, a line each, and warn of it.

    Raises DataError unless it is `allowed`, and in any case where the classes changed.
    """
    if prepared.splits.classes != run.card.classes:
        raise DataError(
            f"the classes are not those that {run.name} was trained with", hint="train anew"
        )
    before, now = recorded_identities(run.path), identities_of(prepared)
    lines = [*_image_lines(before, now)]
    if not lines and prepared.fingerprint != run.card.fingerprint:
        lines = ["others than the card knows"]
    message = f"the images are not those that {run.name} was trained with"
    told = _told(DataError, message, lines, allowed=allowed)
    return tuple(f"images: {line}" for line in told)


def _free(key: str) -> bool:
    return any(key == free or key.startswith((f"{free}.", f"{free}[")) for free in FREE)


def _other_training(run: Run) -> str:
    return f"{run.name} would not go on as the same training"


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield what was known before and is something else now."""
    for name, value in before.items():
        if value and value != now[name]:
            yield f"{name}: {value} -> {now[name]}"


def _told(
    kind: type[ImgrecError],
    message: str,
    lines: Sequence[str],
    *,
    allowed: bool,
    hint: str = _HINT,
) -> tuple[str, ...]:
    """Return the lines, after a warning; raise the error where they are not `allowed`."""
    if lines:
        text = "\n".join([message, *(f"  {line}" for line in lines)])
        if not allowed:
            raise kind(text, hint=hint)
        log.warning("%s\ngoing on all the same, as --allow-drift says", text)
    return tuple(lines)


def _image_lines(before: Identities, now: Identities) -> Iterator[str]:
    old, new = _by_name(before), _by_name(now)
    both = old.keys() & new.keys()
    for words, names in (
        ("new", new.keys() - old.keys()),
        ("missing", old.keys() - new.keys()),
        ("of another content, class or split", {name for name in both if old[name] != new[name]}),
    ):
        if names:
            some = ", ".join(map(shown, sorted(names)[:_NAMES_SHOWN]))
            more = ", ..." if len(names) > _NAMES_SHOWN else ""
            yield f"{len(names)} {words}: {some}{more}"


def _by_name(images: Identities) -> dict[str, tuple[str, ...]]:
    return {name: (split, *identity) for (split, name), identity in images.items()}

"""What a training that goes on finds other than it left it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from imgrec.config.difference import differences
from imgrec.config.experiment import Experiment
from imgrec.errors import DataError, ImgrecError, UsageError
from imgrec.runs.folder import Run
from imgrec.text import shown
from imgrec.training.versions import MATTER, versions
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


def check_drift(run: Run, before: Experiment, after: Experiment, *, allowed: bool) -> None:
    """Raise UsageError where config or versions changed what the training is; warn if `allowed`."""
    changed = [str(each) for each in differences(before, after) if not _free(each.key)]
    now = versions()
    changed += [
        f"{name}: {run.card.versions[name]} -> {now[name]}"
        for name in MATTER
        if name in run.card.versions and run.card.versions[name] != now[name]
    ]
    if changed:
        _tell(
            UsageError, f"{run.name} would not go on as the same training", changed, allowed=allowed
        )


def check_images(run: Run, prepared: Prepared, *, allowed: bool) -> None:
    """Raise DataError where an image changed since the run began; warn if `allowed`.

    Raises DataError where the classes did, in any case.
    """
    if prepared.splits.classes != run.card.classes:
        raise DataError(
            f"the classes are not those that {run.name} was trained with", hint="train anew"
        )
    before, now = recorded_identities(run.path), identities_of(prepared)
    if before != now or prepared.fingerprint != run.card.fingerprint:
        message = f"the images are not those that {run.name} was trained with"
        _tell(DataError, message, [*_image_lines(before, now)], allowed=allowed)


def _free(key: str) -> bool:
    return any(key == free or key.startswith((f"{free}.", f"{free}[")) for free in FREE)


def _tell(kind: type[ImgrecError], message: str, lines: Sequence[str], *, allowed: bool) -> None:
    text = "\n".join([message, *(f"  {line}" for line in lines)])
    if not allowed:
        raise kind(text, hint=_HINT)
    log.warning("%s\ngoing on all the same, as --allow-drift says", text)


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

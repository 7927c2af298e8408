"""Photos that are deleted for ever: no model, file or index knows them afterwards."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from imgrec.classifiers import NotFound, Store
from imgrec.files import sha256_of
from imgrec.progress import Progress
from imgrec.text import join_few, printable
from imgrec.workflows.teaching.learner import Learner
from imgrec.workflows.teaching.outcomes import Forgotten
from imgrec.workflows.teaching.version import write_version

log = logging.getLogger("imgrec")

_HASH = re.compile(r"[0-9a-f]{64}")
_BEGINNING = re.compile(r"[0-9a-f]{4,63}")


def hash_of(store: Store, photo: str | Path) -> str:
    """Return the SHA-256 of a photo, which is named by it or by a file with the same content.

    Raises:
        NotFound: There is no such file, or no such photo in the classifier.
    """
    if isinstance(photo, str) and _HASH.fullmatch(photo):
        return store.photo(photo).sha256
    shown = printable(str(photo))
    try:
        sha256 = sha256_of(Path(photo))
    except (OSError, ValueError) as error:
        raise NotFound(
            f"{shown} is neither a file nor a whole SHA-256, which has 64 digits",
            hint=_photos_called(store, Path(photo).name),
        ) from error
    if store.find(sha256) is None:
        raise NotFound(
            f"{shown} is not a photo of {printable(store.name)}",
            hint=_photos_called(store, Path(photo).name),
        )
    return sha256


def _photos_called(store: Store, name: str) -> str:
    """Return the photos of a name, or whose SHA-256 begins so, for a hint; or what shows names."""
    photos = store.photos()
    if found := [each.sha256 for each in photos if each.name == name]:
        return f"photos called {printable(name)}, by SHA-256: {join_few(found)}"
    if _BEGINNING.fullmatch(name) and (
        found := [each.sha256 for each in photos if each.sha256.startswith(name)]
    ):
        return f"photos whose SHA-256 begins so: {join_few(found)}"
    folder = printable(shlex.quote(str(store.folder.parent)))
    return f"the page of `imgrec serve --classifiers {folder}` shows the photos with their names"


def forget(store: Store, learner: Learner, hashes: Sequence[str], progress: Progress) -> Forgotten:
    """Delete photos; raises NotFound if one of them is not there, and deletes none."""
    if not hashes:  # what is known stays true
        return Forgotten(0, (), store.published)
    gone = set(hashes)
    store.begin_forgetting(hashes)
    learner.unlearn(gone)
    withdrawn = finish_forgetting(store, learner, progress)
    return Forgotten(len(gone), withdrawn, store.published)


def finish_forgetting(store: Store, learner: Learner, progress: Progress) -> tuple[int, ...]:
    """Finish deletions that were begun, and return the versions that are withdrawn.

    If the published version knew a photo, one without it takes its place first.
    """
    published = store.published
    if published is not None and published.number in store.versions_that_know():
        examples = learner.examples()
        if examples.solvable:
            write_version(store, learner.backbone, learner.solve(examples, progress), progress)
        else:
            log.warning(
                "%s: nothing is published any more: too few photos are left", printable(store.name)
            )
    with progress.task("deleting photos", None):
        return store.end_forgetting()

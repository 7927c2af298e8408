"""The features of photos from a command line, written to a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imgrec.data.photo_arguments import expand_photos
from imgrec.files import check_suffix, check_writable, is_stream, refuse_existing
from imgrec.progress import Progress
from imgrec.runtime.feature_table import normalize, write_features
from imgrec.workflows.prediction import FailureSummary
from imgrec.workflows.similarity.extraction import FeatureModel, photo_features


def check_new_file(path: Path) -> None:
    """Raise UsageError or RunError if no file of features can be written to `path`."""
    check_suffix(path, (".npz",))
    if not is_stream(path):
        refuse_existing(path, by="features")
    check_writable(path)


def write_photo_features(
    photos: Sequence[str],
    model: FeatureModel,
    path: Path,
    *,
    normalized: bool = False,
    progress: Progress | None = None,
) -> FailureSummary:
    """Write the features of photos, in order, to a new .npz file, and those that can't be used.

    Args:
        photos: Files, folders (with everything below them), patterns, or `-` for stdin.
        model: The model.
        path: The file, which appears when it is complete, unless none of the photos can be used.
        normalized: Whether the features of each photo are scaled to length 1.
        progress: Where progress is reported.

    Returns:
        How many photos there were, and which can't be used.

    Raises:
        RunError: It can't be written, or a feature is not a finite number.
        UsageError: There is such a file already.
    """
    check_new_file(path)
    found = [*expand_photos(photos, sys.stdin)]
    table = photo_features(found, model, progress)
    if normalized:
        normalize(table.values)
        table = replace(table, normalized=True)
    if table.photos:
        check_new_file(path)  # it may have been written in the meantime
        write_features(table, path)
    return FailureSummary.of(len(found), table.refused)

"""Search a folder, or a file of features, for the photos most similar to one."""

from __future__ import annotations

import shlex
from pathlib import Path

from imgrec.backbones import BACKBONES
from imgrec.data.records import Photo
from imgrec.data.storage import is_folder
from imgrec.errors import BadImage, DataError, UsageError
from imgrec.evaluation.similarity import SimilarPhotos, most_similar
from imgrec.interface import option
from imgrec.progress import Progress, Silent
from imgrec.runtime.feature_table import FeatureTable, read_features
from imgrec.text import printable
from imgrec.workflows.similarity.extraction import FeatureModel, photo_features
from imgrec.workflows.similarity.folder_features import folder_features


def find_similar(
    photo: Path, place: Path, model: FeatureModel, top: int = 12, progress: Progress | None = None
) -> SimilarPhotos:
    """Return the photos that are most similar to one, by the features of a model.

    Args:
        photo: The photo.
        place: A folder, which is searched with everything below it, or a file of features.
        model: The model.
        top: How many photos to find at most.
        progress: Where progress is reported.

    Raises:
        BadImage: The photo can't be used.
        DataError: There are no photos in the folder, none of them can be used, or the file is not
            one of features.
        UsageError: The features in the file are those of another model.
    """
    wanted = photo_features([Photo(str(photo), photo)], model)
    if wanted.refused:
        raise BadImage(*wanted.refused[0])
    table = _searched(place, model, progress or Silent())
    if table.values.shape[1:] != wanted.values.shape[1:]:
        raise DataError(
            f"{printable(str(place))} has {table.values.shape[1]:,} features of each photo, "
            f"the model computes {wanted.values.shape[1]:,}"
        )
    found = most_similar(
        wanted.values[0],
        wanted.identities[0],
        table.values,
        table.photos,
        table.identities,
        top,
    )
    return SimilarPhotos(
        str(photo),
        wanted.identities[0],
        model.name,
        str(place),
        len(table.photos),
        found,
        table.refused,
    )


def _searched(place: Path, model: FeatureModel, progress: Progress) -> FeatureTable:
    shown = printable(str(place))
    if is_folder(place) or place.suffix.lower() != ".npz":
        table = folder_features(place, model, progress)
    else:
        table = read_features(place)
        _check_model(table, model, shown)
    if not table.photos:
        first = f", such as {_reason(table)}" if table.refused else ""
        raise DataError(f"{shown}: none of the photos can be used{first}")
    return table


def _check_model(table: FeatureTable, model: FeatureModel, shown: str) -> None:
    if table.model_identity == model.identity:
        return
    name, other = printable(table.model), printable(model.name)
    which = "pretrained" if table.model in BACKBONES else "model"
    hint = f"use {option(which, shlex.quote(name))}, or compute them again"
    if table.model == model.name:
        other, hint = "another model of that name", "compute them again"
    raise UsageError(f"{shown} has features of {name}, not of {other}", hint=hint)


def _reason(table: FeatureTable) -> str:
    first = table.refused[0]
    return f"{printable(first.name)}: {first.reason}"

"""A classifier that is taught photo by photo."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

from imgrec.api.model import PhotoLike, named_photos
from imgrec.api.results import Predictions
from imgrec.errors import UsageError
from imgrec.progress import Silent
from imgrec.text import either, printable
from imgrec.workflows import teaching

Answering: TypeAlias = Literal["draft", "published"]


class Classifier(teaching.Classifier):
    """A classifier in a folder; threads can share it, other processes can't.

    Args:
        folder: That of the classifier. It is created if it is missing.
        create: Whether it may be created.
        quotas: How large it may become.

    Raises:
        imgrec.errors.RunError: Another process holds the folder above, such as a service; the
            index can't be used; or the weights of the backbone are not installed.
        imgrec.errors.UsageError: It is missing, and may not be created.

    Example:
        >>> with imgrec.Classifier("classifiers/pets") as pets:  # doctest: +SKIP
        ...     pets.add(["cat.jpg", "tom.jpg"], "cat")
        ...     pets.add(["dog.jpg", "rex.jpg"], "dog")
        ...     pets.predict("photo.jpg")
        photo.jpg: cat 98.2 %, dog 1.8 %
    """

    def predict(
        self,
        photos: PhotoLike | Iterable[PhotoLike],
        *,
        top: int = 5,
        threshold: float | None = None,
        version: Answering = "draft",
    ) -> Predictions:
        """Classify photos.

        Args:
            photos: As for `Model.predict`.
            top: The number of classes listed, at least 1.
            threshold: The probability, 0 to 1, below which an answer is "unknown"; None for that of
                the classifier.
            version: `draft` for the classifier as it is now, `published` for its published version.

        Returns:
            A prediction for each photo, in order; one that can't be read has an error.

        Raises:
            imgrec.errors.UsageError: There are too few photos, nothing is published, or there is no
                such version.
        """
        if version not in get_args(Answering):
            raise UsageError(
                f"there is no version {printable(str(version))} to predict with",
                hint=f"use {either(get_args(Answering))}; "
                "`imgrec.load(CLASSIFIER.run(1).path)` loads version 1",
            )
        found = tuple(named_photos(photos))
        predictor = self.draft() if version == "draft" else self.published()
        predictor = predictor.with_options(top=top, threshold=threshold)
        batches = predictor.predictions(found, total=len(found), progress=Silent())
        return Predictions(tuple(each for batch in batches for each in batch), found)

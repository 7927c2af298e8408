"""A classifier on disk: every change is whole, and lasts once it is acknowledged.

DIR/pets/ contains
    photos/CLASS/SHA256.jpg     the labelled photos, an ordinary data set
    unsure/, none/              those without a class
    classifier.sqlite           names, labels, features, thumbnails, versions
    backbone.tflite             from pixels to features
    versions/pets-1/            a run for each version

What a killed process left is put right when the classifier is opened.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from imgrec.classifier_folder import INDEX, VERSIONS, is_classifier
from imgrec.classifiers.database import connect, purge, readable_errors
from imgrec.classifiers.errors import Conflict, NotFound
from imgrec.classifiers.labels import Labels
from imgrec.classifiers.lock import FolderLock
from imgrec.classifiers.names import check_classifier_name
from imgrec.classifiers.photo_files import (
    full_disk,
    reconcile,
    remove_photos,
)
from imgrec.classifiers.records import (
    Quotas,
    StoredVersion,
    VersionPhoto,
)
from imgrec.files import write_bytes_atomically, write_folder
from imgrec.text import join_few, printable

BACKBONE = "backbone.tflite"


class Store(Labels):
    """The photos, labels, features and versions of a classifier; threads can share it.

    Args:
        folder: That of the classifier; `create` makes one.
        quotas: How large it may become.

    Raises:
        NotFound: There is no classifier.
        ClassifierInUse: Another process holds the folder above.
        RunError: Its index is damaged, or of a newer version.
    """

    def __init__(self, folder: Path, quotas: Quotas | None = None) -> None:
        if not is_classifier(folder):
            others = sorted(each.name for each in folder.parent.glob("*") if is_classifier(each))
            raise NotFound(
                f"there is no classifier {printable(str(folder))}",
                hint=f"classifiers there: {join_few([*map(printable, others)], 10)}"
                if others
                else "`imgrec teach FOLDER CLASS PHOTOS` makes one",
            )
        self._lock = FolderLock(folder.parent)
        try:
            super().__init__(folder, quotas or Quotas())
            reconcile(folder, {each.sha256: each for each in self.photos()})
            self._remove_unknown_versions()
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def create(
        cls,
        folder: Path,
        backbone: bytes,
        settings: Mapping[str, Any],
        quotas: Quotas | None = None,
    ) -> Self:
        """Create an empty classifier.

        Args:
            folder: It must not exist; the folder above is created if it is missing.
            backbone: A LiteRT file, from pixels to features.
            settings: What to remember; see `setting`.
            quotas: As in the class.

        Raises:
            UsageError: The name is not one of a classifier.
            Conflict: The folder exists.
        """
        check_classifier_name(folder.name)
        with full_disk(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder.parent)
        try:
            if folder.exists():
                raise Conflict(
                    f"{printable(str(folder))} exists and is not a classifier",
                    hint="choose a folder that does not exist yet, or that of a classifier",
                )

            def write(place: Path) -> None:
                write_bytes_atomically(place / BACKBONE, backbone)
                database = connect(place, new=True)
                rows = {"revision": 1, "next_version": 1, "published": 0, **settings}
                with readable_errors(place / INDEX), contextlib.closing(database):
                    database.executemany(
                        "INSERT INTO settings VALUES (?, ?)",
                        [(key, json.dumps(value)) for key, value in rows.items()],
                    )

            with full_disk(folder):
                write_folder(folder, write)
            return cls(folder, quotas)
        finally:
            lock.release()

    def close(self) -> None:
        """Close the index, and give the folder back; a second call does nothing."""
        with self._mutex:
            if self._closed is None:
                self.say_closed(
                    f"the classifier {printable(self.name)} is closed",
                    f"open it again: imgrec.Classifier({printable(repr(str(self.folder)))})",
                )
            self._connection.close()
            self._lock.release()

    def begin_forgetting(self, hashes: Sequence[str]) -> None:
        """Remove photos from the index; `end_forgetting` removes what else knows them.

        From here on they are in no new model. Raises NotFound, and removes none.
        """
        with self._change():
            for sha256 in dict.fromkeys(hashes):
                self.photo(sha256)
                self._execute("INSERT INTO forgetting VALUES (?)", sha256)
                self._execute("DELETE FROM photos WHERE sha256 = ?", sha256)

    def forgetting(self) -> tuple[str, ...]:
        """Return the photos whose deletion was begun and is not finished."""
        return tuple(sha256 for (sha256,) in self._rows("SELECT sha256 FROM forgetting"))

    def versions_that_know(self) -> tuple[int, ...]:
        """Return the versions that know a photo of `forgetting`."""
        rows = self._rows(
            "SELECT DISTINCT version FROM version_photos "
            "WHERE sha256 IN (SELECT sha256 FROM forgetting) ORDER BY version"
        )
        return tuple(number for (number,) in rows)

    def end_forgetting(self) -> tuple[int, ...]:
        """Remove what is left of the photos of `forgetting`: files, versions, rows.

        Returns:
            The versions that are withdrawn now.
        """
        with self._mutex:
            remove_photos(self.folder, set(self.forgetting()))
            known = self.versions_that_know()
            folders = {each.number: each.folder for each in self.versions()}
            for number in known:
                shutil.rmtree(self.folder / VERSIONS / folders[number], ignore_errors=True)
            with self._change():
                for number in known:
                    self._withdraw(number)
                self._execute("DELETE FROM forgetting")
            purge(self._database, self.folder)
        return known

    def versions(self) -> tuple[StoredVersion, ...]:
        """Return the versions, the oldest first."""
        published = self.setting("published")
        rows = self._rows(
            "SELECT number, folder, created, photos, classes, accuracy, low, high, fingerprint, "
            "withdrawn FROM versions ORDER BY number"
        )
        return tuple(_version(row, published) for row in rows)

    def version(self, number: int) -> StoredVersion:
        """Return a version; raises NotFound."""
        found = next((each for each in self.versions() if each.number == number), None)
        if found is None:
            numbers = [str(each.number) for each in self.versions() if not each.withdrawn]
            raise NotFound(
                f"there is no version {number} of {printable(self.name)}",
                hint=f"versions: {join_few(numbers, 10)}" if numbers else "it has no versions yet",
            )
        return found

    @property
    def published(self) -> StoredVersion | None:
        """The version that answers, if there is one."""
        return next((each for each in self.versions() if each.published), None)

    def run_path(self, version: StoredVersion) -> Path:
        """Return the folder of the run of a version."""
        return self.folder / VERSIONS / version.folder

    def version_photos(self, number: int) -> tuple[VersionPhoto, ...]:
        """Return the photos that a version knows, sorted by SHA-256."""
        rows = self._rows(
            "SELECT sha256, class, probabilities FROM version_photos WHERE version = ? "
            "ORDER BY sha256",
            number,
        )
        return tuple(
            VersionPhoto(sha256, name, np.frombuffer(probabilities, np.float32))
            for sha256, name, probabilities in rows
        )

    @contextlib.contextmanager
    def new_version_folder(self) -> Iterator[tuple[int, Path]]:
        """Create the folder of the next version, and return its number; removed on an error."""
        with self._change():
            number = int(self.setting("next_version"))
            self._set("next_version", number + 1)
        folder = self.folder / VERSIONS / f"{self.name}-{number}"
        with full_disk(folder):
            try:
                folder.mkdir(parents=True)
                yield number, folder
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def publish(self, version: StoredVersion, photos: Sequence[VersionPhoto]) -> None:
        """Add a version whose run is complete, and publish it; raises NotFound for a photo.

        A photo that is gone by now was deleted meanwhile: the version must not be published.
        """
        with self._change():
            for each in photos:
                self.photo(each.sha256)
            columns = (
                *(version.number, version.folder, version.created, version.photos),
                json.dumps(list(version.classes)),
                *(version.accuracy, version.low, version.high, version.fingerprint),
            )
            self._execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", *columns)
            for each in photos:
                values = each.probabilities.tobytes()
                self._execute(
                    "INSERT INTO version_photos VALUES (?, ?, ?, ?)",
                    *(version.number, each.sha256, each.class_name, values),
                )
            self._set("published", version.number)

    def restore(self, number: int) -> StoredVersion:
        """Publish an earlier version; raises NotFound, or Conflict if it was withdrawn."""
        with self._change():
            version = self.version(number)
            if version.withdrawn or number in self.versions_that_know():
                raise Conflict(
                    f"version {number} of {printable(self.name)} was withdrawn: it knew a photo "
                    "that was deleted",
                    hint="publish a new one",
                )
            self._set("published", number)
        return self.version(number)

    def _withdraw(self, number: int) -> None:
        self._execute("DELETE FROM version_photos WHERE version = ?", number)
        self._execute(
            "UPDATE versions SET withdrawn = 1, fingerprint = '' WHERE number = ?", number
        )
        if self.setting("published") == number:
            self._set("published", 0)

    def _remove_unknown_versions(self) -> None:
        """Remove the run of a version that a killed process did not finish, or had withdrawn."""
        place, numbers = self.folder / VERSIONS, range(1, int(self.setting("next_version")))
        kept = {each.number for each in self.versions() if not each.withdrawn}
        for path in list(place.iterdir()) if place.is_dir() else []:
            number = path.name.rpartition("-")[2]
            if number.isdecimal() and int(number) in numbers and int(number) not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _version(row: Sequence[Any], published: int) -> StoredVersion:
    columns = *row[:4], json.loads(row[4]), *row[5:9], bool(row[9]), row[0] == published
    return StoredVersion(*columns)

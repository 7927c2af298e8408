"""The classes and the photos of a classifier.

A file is written before its row and removed after it, so that the index never names a file that was
not there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgrec.classifier_folder import INDEX
from imgrec.classifiers.database import readable_errors
from imgrec.classifiers.errors import Conflict, NotFound, QuotaExceeded
from imgrec.classifiers.index import Index
from imgrec.classifiers.names import check_class_name
from imgrec.classifiers.photo_files import move_photo, photo_path, remove_photos, write_photo
from imgrec.classifiers.records import (
    NewPhoto,
    PhotoStatus,
    Quotas,
    StoredClass,
    StoredPhoto,
    check_status,
)
from imgrec.text import count_of, join_few, printable, quoted

_SIDE = 32
_PHOTO = (
    "SELECT photos.sha256, classes.name, status, photos.name, suffix, size, width, height, added, "
    "max(photos.changed, coalesce(classes.changed, 0)) "
    "FROM photos LEFT JOIN classes ON classes.id = photos.class"
)


class Labels(Index):
    """The classes and photos of a classifier, and what is known of each photo."""

    def __init__(self, folder: Path, quotas: Quotas) -> None:
        super().__init__(folder)
        self.quotas = quotas

    def classes(self) -> tuple[StoredClass, ...]:
        """Return the classes, sorted by name."""
        rows = self._rows(
            "SELECT classes.name, count(sha256), classes.changed FROM classes "
            "LEFT JOIN photos ON photos.class = classes.id GROUP BY classes.id"
        )
        return tuple(sorted((StoredClass(*row) for row in rows), key=lambda each: each.name))

    def class_named(self, name: str) -> StoredClass:
        """Return a class; raises NotFound."""
        found = next((each for each in self.classes() if each.name == name), None)
        if found is None:
            raise self._no_class(name)
        return found

    def add_class(self, name: str) -> bool:
        """Add a class, and return whether it is new.

        Raises:
            UsageError: The name is not one of a class.
            Conflict: There is one that differs by upper and lower case alone.
            QuotaExceeded: There are too many.
        """
        with self._change() as revision:
            if is_new := self.check_class(name):
                name = check_class_name(name)
                self._execute(
                    "INSERT INTO classes (name, folded, changed) VALUES (?, ?, ?)",
                    *(name, name.casefold(), revision),
                )
        return is_new

    def check_class(self, name: str) -> bool:
        """Return whether a class is missing and could be added; raises as `add_class`."""
        name = check_class_name(name)
        known = {each.name for each in self.classes()}
        if name in known:
            return False
        if len(known) >= self.quotas.classes:
            most = count_of(self.quotas.classes, "class")
            raise QuotaExceeded(f"a classifier has at most {most}")
        self._check_folded(name, known)
        return True

    def rename_class(self, name: str, new: str) -> None:
        """Give a class another name; raises NotFound, and otherwise as `add_class`."""
        new = check_class_name(new)
        with self._change() as revision:
            number = self._class_number(name)
            if new == name:
                return
            moved = self.photos(class_name=name)
            self._check_folded(new, {each.name for each in self.classes()} - {name})
            self._execute(
                "UPDATE classes SET name = ?, folded = ?, changed = ? WHERE id = ?",
                *(new, new.casefold(), revision, number),
            )
        for photo in moved:
            self._move(photo)

    def remove_class(self, name: str) -> None:
        """Remove a class without photos; raises NotFound, or Conflict if it has some."""
        with self._change():
            number = self._class_number(name)
            if found := self.class_named(name).photos:
                raise Conflict(f"{quoted(name)} has {count_of(found, 'photo')}")
            self._execute("DELETE FROM classes WHERE id = ?", number)

    def check_room(self, sizes: Sequence[int]) -> None:
        """Raise QuotaExceeded if photos of so many bytes can't be added."""
        limits = self.quotas
        if max(sizes, default=0) > limits.photo_size:
            raise QuotaExceeded(f"a photo has at most {limits.photo_size >> 20} MiB")
        count, size = self.totals()
        if count + len(sizes) > limits.photos:
            most = count_of(limits.photos, "photo")
            raise QuotaExceeded(f"a classifier has at most {most}")
        if size + sum(sizes) > limits.size:
            raise QuotaExceeded(f"the photos of a classifier have at most {limits.size >> 20} MiB")

    def totals(self) -> tuple[int, int]:
        """Return how many photos there are, and their bytes."""
        count, size = self._rows("SELECT count(*), coalesce(sum(size), 0) FROM photos")[0]
        return count, size

    def counts(self) -> Mapping[PhotoStatus, int]:
        """Return how many photos there are of each status."""
        rows = self._rows("SELECT status, count(*) FROM photos GROUP BY status")
        return {"labelled": 0, "unsure": 0, "none": 0, **dict(rows)}

    def add_photos(
        self, photos: Sequence[NewPhoto], class_name: str | None, status: PhotoStatus
    ) -> set[str]:
        """Add photos that are not there yet, and return their SHA-256; others stay as they are.

        Args:
            photos: The photos.
            class_name: Their class, which is added with the first photo; None unless they are
                `labelled`.
            status: Of all of them.

        Raises:
            UsageError, Conflict: As `add_class`; none is added.
            QuotaExceeded: As `add_class` and `check_room`; none is added.
            DiskFull: There is no space; none is added.
        """
        with self._mutex:
            new = {each.sha256: each for each in photos if self.find(each.sha256) is None}
            self.check_room([len(each.content) for each in new.values()])
            added = utc_now()
            rows = [_stored(each, class_name, status, added) for each in new.values()]
            try:
                for row in rows:
                    write_photo(photo_path(self.folder, row), new[row.sha256].content)
                with self._change() as revision:
                    number = self._added_class(class_name) if new else None
                    for row in rows:
                        self._insert_photo(row, number, new[row.sha256], revision)
            except BaseException:
                remove_photos(self.folder, set(new))
                raise
        return set(new)

    def label(
        self,
        hashes: Sequence[str],
        class_name: str | None,
        status: PhotoStatus,
        *,
        unchanged_since: int | None = None,
    ) -> tuple[StoredPhoto, ...]:
        """Give photos another class, or none, and return those that had another label.

        Args:
            hashes: Their SHA-256.
            class_name: Their class; None unless they are `labelled`.
            status: Of all of them.
            unchanged_since: Photos that changed after this revision stay as they are.

        Raises:
            NotFound: There is no such photo or class; nothing is changed.
        """
        with self._mutex:
            known = [self.photo(each) for each in dict.fromkeys(hashes)]
            moved = [
                each
                for each in known
                if (each.class_name, each.status) != (class_name, status)
                and (unchanged_since is None or each.changed <= unchanged_since)
            ]
            number = None if class_name is None else self._class_number(class_name)
            if not moved:
                return ()
            with self._change() as revision:
                for each in moved:
                    self._execute(
                        "UPDATE photos SET class = ?, status = ?, changed = ? WHERE sha256 = ?",
                        *(number, status, revision, each.sha256),
                    )
            for each in moved:
                self._move(each)
            return tuple(self.photo(each.sha256) for each in moved)

    def find(self, sha256: str) -> StoredPhoto | None:
        """Return a photo; None if it is not there."""
        row = self._row(f"{_PHOTO} WHERE photos.sha256 = ?", sha256)
        return None if row is None else StoredPhoto(*row)

    def photo(self, sha256: str) -> StoredPhoto:
        """Return a photo; raises NotFound."""
        found = self.find(sha256)
        if found is None:
            raise NotFound(
                f"there is no photo {printable(sha256)} in {printable(self.name)}",
                hint="it may have been deleted; the list of photos has those that are there",
            )
        return found

    def photos(
        self,
        *,
        class_name: str | None = None,
        status: PhotoStatus | None = None,
        after: str = "",
        limit: int = -1,
    ) -> tuple[StoredPhoto, ...]:
        """Return photos, sorted by SHA-256.

        Args:
            class_name: Only those of a class.
            status: Only those with a status.
            after: Only those behind this SHA-256.
            limit: How many at most; all if it is negative.

        Raises:
            NotFound: There is no such class.
            UsageError: There is no such status.
        """
        if status is not None:
            check_status(status)
        if class_name is not None:
            self.class_named(class_name)
        rows = self._rows(
            f"{_PHOTO} WHERE photos.sha256 > ? AND (? IS NULL OR classes.name = ?) "
            "AND (? IS NULL OR status = ?) ORDER BY photos.sha256 LIMIT ?",
            *(after, class_name, class_name, status, status, limit),
        )
        return tuple(StoredPhoto(*row) for row in rows)

    def path(self, photo: StoredPhoto) -> Path:
        """Return the file of a photo."""
        return photo_path(self.folder, photo)

    def features(self) -> Mapping[str, NDArray[np.float32]]:
        """Return the features of each photo, by its SHA-256, sorted; they are rows of one array."""
        query = "SELECT sha256, features FROM features ORDER BY sha256"
        found: dict[str, NDArray[np.float32]] = {}
        with self._mutex, readable_errors(self.folder / INDEX):
            count, size = self._database.execute(
                "SELECT count(*), max(length(features)) FROM features"
            ).fetchone()
            values = np.empty((count, (size or 0) // 4), np.float32)
            for row, (sha256, features) in enumerate(self._database.execute(query)):
                values[row] = np.frombuffer(features, np.float32)
                found[sha256] = values[row]
        return found

    def grey(self, hashes: Iterable[str]) -> Mapping[str, NDArray[np.uint8]]:
        """Return the grey thumbnails, uint8 (32, 32), of those of some photos that are there."""
        query = "SELECT grey FROM features WHERE sha256 = ?"
        found = ((each, self._row(query, each)) for each in hashes)
        return {
            sha256: np.frombuffer(row[0], np.uint8).reshape(_SIDE, _SIDE)
            for sha256, row in found
            if row is not None
        }

    def thumbnail(self, sha256: str) -> bytes | None:
        """Return the thumbnail of a photo; None if it was not made yet."""
        found = self._row("SELECT content FROM thumbnails WHERE sha256 = ?", sha256)
        return None if found is None else bytes(found[0])

    def keep_thumbnail(self, sha256: str, content: bytes) -> None:
        """Store the thumbnail of a photo; nothing happens if the photo is gone."""
        with self._mutex, readable_errors(self.folder / INDEX):
            self._database.execute(
                "INSERT OR REPLACE INTO thumbnails SELECT sha256, ? FROM photos WHERE sha256 = ?",
                (content, sha256),
            )

    def _added_class(self, name: str | None) -> int | None:
        """Return the number of a class, which is added if it is missing."""
        if name is None:
            return None
        self.add_class(name)
        return self._class_number(check_class_name(name))

    def _check_folded(self, name: str, known: Iterable[str]) -> None:
        """Raise Conflict if a class differs from a name by upper and lower case alone."""
        folded = name.casefold()
        for there in known:
            if there.casefold() == folded:
                raise Conflict(
                    f"there is a class {quoted(there)} already",
                    hint="use it, or a name that differs by more than upper and lower case",
                )

    def _class_number(self, name: str) -> int:
        found = self._row("SELECT id FROM classes WHERE name = ?", name)
        if found is None:
            raise self._no_class(name)
        return int(found[0])

    def _no_class(self, name: str) -> NotFound:
        names = [each.name for each in self.classes()]
        hint = f"classes: {join_few(names, 10)}" if names else "it has no classes yet"
        return NotFound(f"there is no class {quoted(name)} in {printable(self.name)}", hint=hint)

    def _insert_photo(
        self, row: StoredPhoto, number: int | None, photo: NewPhoto, revision: int
    ) -> None:
        self._execute(
            "INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(row.sha256, number, row.status, row.name, row.suffix),
            *(row.size, row.width, row.height, row.added, revision),
        )
        values = photo.features.astype(np.float32).tobytes(), photo.grey.tobytes()
        self._execute("INSERT INTO features VALUES (?, ?, ?)", row.sha256, *values)

    def _move(self, before: StoredPhoto) -> None:
        """Move the file of a photo to where it belongs now; it may be missing."""
        with contextlib.suppress(FileNotFoundError):
            move_photo(self.path(before), self.path(self.photo(before.sha256)))


def utc_now() -> str:
    """Return the time, as ISO 8601 in UTC to the microsecond."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def _stored(
    photo: NewPhoto, class_name: str | None, status: PhotoStatus, added: str
) -> StoredPhoto:
    return StoredPhoto(
        photo.sha256,
        class_name,
        status,
        photo.name,
        photo.suffix,
        len(photo.content),
        photo.width,
        photo.height,
        added,
        0,
    )

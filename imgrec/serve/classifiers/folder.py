"""The classifiers that a service holds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from imgrec.classifiers import FolderLock, NotFound, check_classifier_name
from imgrec.files import writing
from imgrec.text import printable
from imgrec.workflows.teaching import Classifier, list_classifiers


class Classifiers:
    """The classifiers in a folder, which is held until it is closed.

    Args:
        folder: It is created if it is missing.
        address: Where the service answers; whoever wants to change a classifier is told.

    Raises:
        ClassifierInUse: Another process holds the folder.
        RunError: It can't be written.
    """

    def __init__(self, folder: Path, address: str) -> None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = FolderLock(folder, address)
        self._mutex = threading.RLock()
        self._open: dict[str, Classifier] = {}

    def names(self) -> Sequence[str]:
        """Return the names of the classifiers, sorted."""
        return list_classifiers(self._folder)

    def get(self, name: str) -> Classifier:
        """Return a classifier; raises NotFound."""
        with self._mutex:
            if name not in self._open:
                if name not in self.names():
                    raise NotFound(f"there is no classifier {printable(name)}")
                self._open[name] = Classifier(self._folder / name, create=False)
            return self._open[name]

    def create(self, name: str) -> tuple[Classifier, bool]:
        """Return a classifier, and whether it is new."""
        check_classifier_name(name)
        with self._mutex:
            if name in self.names():
                return self.get(name), False
            self._open[name] = Classifier(self._folder / name)
            return self._open[name], True

    def rename(self, name: str, new: str) -> Classifier:
        """Give a classifier another name; raises NotFound and Conflict."""
        with self._mutex:
            if name == new:
                return self.get(name)
            renamed = self.get(name).rename(new)
            del self._open[name]
            self._open[new] = renamed
            return renamed

    def delete(self, name: str) -> None:
        """Delete a classifier; raises NotFound."""
        with self._mutex:
            self.get(name).delete()
            del self._open[name]

    def close(self) -> None:
        """Give the folder back."""
        with self._mutex:
            for each in self._open.values():
                each.close()
            self._open.clear()
            self._lock.release()

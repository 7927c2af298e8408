"""The classifiers that a service holds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from imgrec.allocator import give_blocks_back
from imgrec.classifiers import FolderLock, NotFound, check_classifier_name
from imgrec.files import writing
from imgrec.serve.batching import Batched
from imgrec.serve.classifiers.jobs import Jobs
from imgrec.serve.decoding import decoding_apart
from imgrec.serve.models import ModelSource, ServedModel, open_served
from imgrec.serve.service import Service
from imgrec.text import join_few, quoted
from imgrec.workflows.teaching import Classifier, list_classifiers

# Solvers make many arrays of some megabytes, each in a thread of its own.
_BLOCK = 1 << 18


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
        give_blocks_back(_BLOCK)
        self._folder = folder
        self._lock = FolderLock(folder, address)
        self.jobs = Jobs()
        self._mutex = threading.RLock()
        self._open: dict[str, Classifier] = {}
        self._drafts: dict[str, ServedModel] = {}
        self._served: dict[str, Path] = {}

    def names(self) -> Sequence[str]:
        """Return the names of the classifiers, sorted."""
        return list_classifiers(self._folder)

    def get(self, name: str) -> Classifier:
        """Return a classifier; raises NotFound."""
        with self._mutex:
            if name not in self._open:
                if name not in (names := self.names()):
                    there = f"classifiers: {join_few(names, 10)}" if names else "PUT makes one"
                    raise NotFound(f"there is no classifier {quoted(name)}", hint=there)
                self._open[name] = Classifier(
                    self._folder / name, create=False, decoding=decoding_apart
                )
            return self._open[name]

    def create(self, name: str) -> tuple[Classifier, bool]:
        """Return a classifier, and whether it is new."""
        check_classifier_name(name)
        with self._mutex:
            if name in self.names():
                return self.get(name), False
            self._open[name] = Classifier(self._folder / name, decoding=decoding_apart)
            return self._open[name], True

    def rename(self, name: str, new: str) -> Classifier:
        """Give a classifier another name; raises NotFound and Conflict."""
        with self._mutex:
            if name == new:
                return self.get(name)
            renamed = self.get(name).rename(new)
            del self._open[name]
            self._open[new] = renamed
            self.jobs.drop(name)
            return renamed

    def delete(self, name: str) -> None:
        """Delete a classifier; raises NotFound."""
        with self._mutex:
            self.get(name).delete()
            del self._open[name]
            self.jobs.drop(name)

    def draft(self, name: str) -> ServedModel:
        """Return what answers as a classifier is now.

        Raises:
            NotFound: There is no such classifier.
            Conflict: It has too few photos.
        """
        predictor = self.get(name).draft()
        with self._mutex:
            last = self._drafts.get(name)
            if last is None or last.predictor.engines != predictor.engines:
                last = ServedModel(name, (name,), predictor, Batched(predictor.engines, 1))
                self._drafts[name] = last
            return last

    def published(self, name: str) -> ServedModel:
        """Return the published version of a classifier; raises NotFound without one."""
        classifier = self.get(name)
        predictor = classifier.published()
        (version,) = (each for each in classifier.versions() if each.published)
        run = classifier.run(version.number)
        return ServedModel(name, (run,), predictor, Batched(predictor.engines, 1))

    def follow(self, service: Service) -> None:
        """Have the published versions answer under the names of their classifiers.

        A model of the service that has such a name keeps it. Drafts that may know photos which are
        deleted by now are dropped.
        """
        with self._mutex:
            self._drafts.clear()
            found = {name: path for name in self.names() if (path := self._run_of(name))}
            for name in [each for each in self._served if each not in found]:
                service.remove(name)
                del self._served[name]
            there = {each.name for each in service.models}
            for name, path in found.items():
                if self._served.get(name) == path or (name in there and name not in self._served):
                    continue
                source = ModelSource(name, (str(path.resolve()),), path.parent)
                service.add(source, open_served(source))
                self._served[name] = path

    def _run_of(self, name: str) -> Path | None:
        """Return the folder of the run that is published."""
        classifier = self.get(name)
        version = next((each for each in classifier.versions() if each.published), None)
        return None if version is None else classifier.run(version.number).path

    def stop(self) -> None:
        """End what takes long; afterwards, no model is computed any more."""
        for each in list(self._open.values()):
            each.stop()

    def close(self) -> None:
        """Give the folder back."""
        self.stop()
        self.jobs.close()
        with self._mutex:
            for each in self._open.values():
                each.close()
            self._open.clear()
            self._lock.release()

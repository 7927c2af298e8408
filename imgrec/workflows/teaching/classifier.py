"""A classifier that people teach: the verbs, whoever calls them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from imgrec.classifier_folder import is_classifier
from imgrec.classifiers import (
    Conflict,
    NotFound,
    PhotoStatus,
    Quotas,
    Store,
    StoredPhoto,
    StoredVersion,
    check_classifier_name,
)
from imgrec.data.images import ImageSpec
from imgrec.evaluation.prediction import ModelInfo
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import default_runs_dir, find
from imgrec.text import printable
from imgrec.workflows.prediction import Predictor, open_models
from imgrec.workflows.teaching.adding import (
    NewPhotoLike,
    add_photos,
    checked_label,
    named_photos,
)
from imgrec.workflows.teaching.backbone import (
    BackboneDescription,
    Decoding,
    as_setting,
    decoding_here,
    packaged_backbone,
    run_backbone,
)
from imgrec.workflows.teaching.contents import Contents
from imgrec.workflows.teaching.examples import Examples
from imgrec.workflows.teaching.forgetting import finish_forgetting, forget, hash_of
from imgrec.workflows.teaching.learner import Learner
from imgrec.workflows.teaching.outcomes import AddedPhoto, Forgotten, Judgement, Published
from imgrec.workflows.teaching.standing import Standing
from imgrec.workflows.teaching.trained_version import publish_run
from imgrec.workflows.teaching.version import judge, model_content, write_version

_CHUNK = 32
_DELETED = ".deleted-"


class Classifier(Contents):
    """A classifier in a folder; threads can share it.

    Args:
        folder: That of the classifier. It is created if it is missing.
        create: Whether it may be created.
        backbone: A run with a LiteRT file, whose model up to its last layer is the backbone of a
            new classifier; None for EfficientNetLite0 with ImageNet weights.
        quotas: How large it may become.
        decoding: Opens what decodes stored photos; by default, this process does.

    Raises:
        NotFound: It is missing, and may not be created.
        Conflict: It is there, and has another backbone.
        ClassifierInUse: Another process holds the folder above, such as a service.
        RunError: It can't be used, or the weights of the backbone are not installed.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        create: bool = True,
        backbone: str | Path | None = None,
        quotas: Quotas | None = None,
        decoding: Decoding = decoding_here,
    ) -> None:
        place = Path(folder)
        if place.name in ("", ".."):  # its own name is that of the classifier
            place = place.resolve()
        if create and not is_classifier(place):
            content, description = _backbone(backbone)
            settings = {"backbone": as_setting(description)}
            store = Store.create(place, content, settings, quotas)
        else:
            store = Store(place, quotas)
        super().__init__(store)
        self._decoding = decoding
        self._learner = Learner(store, decoding)
        self._mutex = threading.RLock()
        self._job = threading.RLock()  # publishing and forgetting, one at a time
        self._published: tuple[int, Predictor] | None = None
        try:
            if backbone is not None:
                self._require_backbone(backbone)
            if self._store.forgetting():
                finish_forgetting(self._store, self._learner, Silent())
        except BaseException:
            self._store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stop(self) -> None:
        """End what takes long, such as a cross-validation; it raises Conflict in its thread.

        Afterwards, no model is computed any more.
        """
        self._learner.stop()

    def close(self) -> None:
        """Stop, and give the folder back to other processes; other methods then raise Conflict."""
        self.stop()
        self._learner.wait()
        with self._job:
            self._store.close()

    # Teaching

    def add_class(self, name: str) -> bool:
        """Add a class, and return whether it is new.

        Raises:
            UsageError: The name can't be that of a class.
            Conflict: There is one that differs by upper and lower case alone.
            QuotaExceeded: There are too many.
        """
        return self._store.add_class(name)

    def rename_class(self, name: str, new: str) -> None:
        """Give a class another name; raises NotFound, and otherwise as `add_class`."""
        self._store.rename_class(name, new)

    def delete_class(self, name: str, progress: Progress | None = None) -> Forgotten:
        """Delete a class with all of its photos, as `forget` does; raises NotFound."""
        self._store.class_named(name)
        with self._job:
            hashes = [each.sha256 for each in self._store.photos(class_name=name)]
            done = self._forget(hashes, progress)
            self._store.remove_class(name)
        return done

    @property
    def forms(self) -> tuple[ImageSpec, ImageSpec]:
        """The forms in which a DecodedPhoto is decoded; raises RunError."""
        return self._learner.backbone.forms

    def add(
        self,
        photos: NewPhotoLike | Iterable[NewPhotoLike],
        class_name: str | None = None,
        *,
        status: PhotoStatus = "labelled",
        relabel: bool = False,
        progress: Progress | None = None,
    ) -> tuple[AddedPhoto, ...]:
        """Add photos to a class, which is created if it is missing and gets a photo.

        Args:
            photos: One photo, or any number: the path of a file, of a folder (everything below it)
                or a pattern; the content of a file as bytes; photos that were decoded in `forms`.
            class_name: Their class; None for photos that are `unsure` or show `none` of them.
            status: What is known of them.
            relabel: Whether photos that are there with another label get this one.
            progress: Where progress is reported.

        Returns:
            What became of each, in their order.

        Raises:
            TypeError: One of `photos` is something else.
            UsageError: The name can't be that of a class, or there is none; or there is no such
                status.
            QuotaExceeded: There would be too many photos, classes or bytes.
            DiskFull: There is no space. Photos that were added before stay.
        """
        label = class_name, status = checked_label(class_name, status)
        if class_name is not None:
            self._store.check_class(class_name)
        listed = list(named_photos(photos))
        done: list[AddedPhoto] = []
        with (progress or Silent()).task("adding photos", len(listed)) as task:
            for start in range(0, len(listed), _CHUNK):
                chunk = listed[start : start + _CHUNK]
                done += add_photos(self._store, self._learner, chunk, label, relabel=relabel)
                task.advance(len(done) - start)
        return tuple(done)

    def label(
        self, sha256: str, class_name: str | None = None, *, status: PhotoStatus = "labelled"
    ) -> StoredPhoto:
        """Give a photo another class, or say that it is `unsure` or shows `none` of them.

        Raises:
            NotFound: There is no such photo or class.
        """
        self.label_photos([sha256], class_name, status=status)
        return self._store.photo(sha256)

    def label_photos(
        self,
        hashes: Sequence[str],
        class_name: str | None = None,
        *,
        status: PhotoStatus = "labelled",
        unchanged_since: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[StoredPhoto, ...]:
        """Label several photos as `label` does, all or none; return those that had another label.

        Args:
            hashes: Their SHA-256.
            class_name: Their class.
            status: What is known of them.
            unchanged_since: Photos that changed after this revision stay as they are.
            progress: Where progress is reported.
        """
        label = checked_label(class_name, status)
        with (progress or Silent()).task("moving photos", None):
            return self._store.label(hashes, *label, unchanged_since=unchanged_since)

    def forget(
        self, photos: str | Path | Iterable[str | Path], progress: Progress | None = None
    ) -> Forgotten:
        """Delete photos for ever: no model, file or index knows them afterwards.

        The models are those that never saw the photos, bit for bit. Versions that knew one are
        withdrawn; if the published one did, a version without them is published.

        Args:
            photos: The SHA-256 of one or several, or paths of files with the same content.
            progress: Where progress is reported.

        Raises:
            NotFound: One of them is not there; none is deleted.
        """
        given = [photos] if isinstance(photos, str | Path) else photos
        return self._forget([self.hash_of(each) for each in given], progress)

    def hash_of(self, photo: str | Path) -> str:
        """Return the SHA-256 of a photo, given by it or as a file; raises NotFound."""
        return hash_of(self._store, photo)

    # What was learned

    def examples(self) -> Examples:
        """Return the labelled photos as they are now."""
        return self._learner.examples()

    def standing(
        self, *, wait: bool = True, progress: Progress | None = None
    ) -> tuple[Standing | None, bool]:
        """Return how good the classifier is, and whether that is of the photos as they are now.

        Args:
            wait: Whether to wait until it is; otherwise it is computed in the background.
            progress: Where progress is reported.

        Returns:
            None if there are too few photos, or nothing was computed yet.
        """
        return self._learner.standing(wait=wait, progress=progress)

    def judgement(self) -> Judgement:
        """Return what a version of the photos as they are now would be judged by.

        Raises:
            Conflict: There are too few photos.
        """
        return judge(self._store, self._learner.solve(self._learner.solvable()))

    def draft(self) -> Predictor:
        """Return what classifies photos as the classifier is now.

        Raises:
            Conflict: There are too few photos.
        """
        examples, draft = self._learner.draft()
        member = ModelInfo(self.name, draft.classes, draft.decision)
        return Predictor((member,), (draft,), (f"draft of revision {examples.revision}",))

    def published(self) -> Predictor:
        """Return what classifies photos as the published version does.

        Raises:
            NotFound: Nothing is published.
        """
        version = self._store.published
        if version is None:
            raise NotFound(f"no version of {printable(self.name)} is published")
        with self._mutex:
            if self._published is None or self._published[0] != version.number:
                self._published = version.number, open_models([self.run(version.number)])
            return self._published[1]

    def model_content(self) -> bytes:
        """Return the LiteRT file that would be published now, without its description.

        Raises:
            Conflict: There are too few photos.
        """
        return model_content(self._learner.backbone, self._learner.solve(self._learner.solvable()))

    # Versions

    def publish(
        self,
        run: str | Path | None = None,
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Published:
        """Write a version, a complete run, and let it answer if it meets the requirements.

        It has to meet `require`, and must not be worse than the published version beyond chance, on
        the photos that both were measured on. If their classes differ, they are not compared, and
        the judgement says so.

        Args:
            run: A run that was trained on photos of this classifier, which is copied; it is judged
                by its own test or validation images. None for the head that the photos give.
            force: Whether it is published whatever its numbers are.
            progress: Where progress is reported.

        Raises:
            Conflict: There are too few photos, or only one of a class; the run has other classes,
                or knows a photo that is not there.
            RunError: The run can't be used.
        """
        with self._job:
            if run is not None:
                trained = find(str(run), default_runs_dir())
                return publish_run(self._store, trained, progress or Silent(), force=force)
            examples = self._learner.solvable()
            if examples.too_few:
                raise Conflict(examples.missing, hint="a class takes two photos, or none")
            progress = progress or Silent()
            solved = self._learner.solve(examples, progress)
            judgement = judge(self._store, solved)
            if not force and not judgement.met:
                return Published(None, judgement)
            version = write_version(self._store, self._learner.backbone, solved, progress)
            return Published(version, judgement)

    def restore(self, number: int) -> StoredVersion:
        """Let an earlier version answer again.

        Raises:
            NotFound: There is no such version.
            Conflict: It was withdrawn, as it knew a photo that was deleted.
        """
        with self._job:
            return self._store.restore(number)

    # The classifier as a whole

    def rename(self, name: str) -> Self:
        """Give the classifier another name, and return the renamed one; this object is closed.

        Raises:
            UsageError: The name can't be that of a classifier.
            Conflict: There is something of that name.
        """
        self._store.check_open()
        check_classifier_name(name)
        target = self.folder.with_name(name)
        if target.exists():
            raise Conflict(f"there is a classifier {printable(name)} already")
        with self._job:
            self.close()
            self.folder.rename(target)
            self._store.say_closed(
                f"the classifier {printable(self.name)} was renamed to {printable(name)}",
                "use the classifier that `rename` returned",
            )
        return type(self)(target, create=False, quotas=self._store.quotas, decoding=self._decoding)

    def delete(self) -> None:
        """Delete the classifier with all photos and versions, for ever; this object is closed."""
        self._store.check_open()
        with self._job:
            self.close()
            doomed = self.folder.with_name(f"{_DELETED}{self.name}")
            self.folder.rename(doomed)
            self._store.say_closed(f"the classifier {printable(self.name)} was deleted")
            shutil.rmtree(doomed)

    # Helpers

    def _require_backbone(self, backbone: str | Path) -> None:
        """Raise Conflict if the classifier has another backbone."""
        _, wanted = _backbone(backbone)
        if wanted.sha256 != self._learner.backbone.description.sha256:
            raise Conflict(
                f"{printable(self.name)} has another backbone",
                hint="a classifier keeps the one that it was created with",
            )

    def _forget(self, hashes: Sequence[str], progress: Progress | None) -> Forgotten:
        with self._job:
            done = forget(self._store, self._learner, hashes, progress or Silent())
        with self._mutex:
            self._published = None  # it may have known them
        return done


def _backbone(run: str | Path | None) -> tuple[bytes, BackboneDescription]:
    return packaged_backbone() if run is None else run_backbone(find(str(run), default_runs_dir()))


def list_classifiers(folder: Path) -> tuple[str, ...]:
    """Return the names of the classifiers in a folder; what deletions left is removed."""
    for left in folder.glob(f"{_DELETED}*"):
        shutil.rmtree(left, ignore_errors=True)
    return tuple(sorted(each.name for each in folder.iterdir() if is_classifier(each)))

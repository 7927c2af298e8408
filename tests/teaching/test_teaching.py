"""Classifiers that are taught: the model is a function of the set of labelled photos."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import imgrec
from imgrec.classifiers import (
    ClassifierInUse,
    Conflict,
    NotFound,
    QuotaExceeded,
    Quotas,
    StoredPhoto,
)
from imgrec.data.records import Photo
from imgrec.errors import DataError, RunError, UsageError
from imgrec.files import sha256
from imgrec.progress import Silent, Task
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run, find
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate
from imgrec.workflows.experiment_argument import experiment_of
from imgrec.workflows.export import export
from imgrec.workflows.teaching import Classifier
from imgrec.workflows.training import QUICK, train_quick
from tests.conftest import needs_weights
from tests.teaching.small import create, picture, pictures, plain

_PHOTOS = 10


def test_photos_lie_in_class_folders(pets: Classifier) -> None:
    """They are named by the SHA-256 of their content."""
    content = picture(0, red=True)
    path = pets.path(sha256(content))
    assert path == pets.folder / "photos" / "red" / f"{sha256(content)}.png"
    assert path.read_bytes() == content
    assert [(each.name, each.photos) for each in pets.classes()] == [("blue", 6), ("red", 6)]


def test_what_becomes_of_photos(pets: Classifier) -> None:
    """A photo that is there stays as it is; one that is no image is refused."""
    known, other = picture(0, red=True), picture(100, red=False)
    found = pets.add([known, other, b"no image", picture(7, red=True)], "red")
    assert [each.outcome for each in found] == ["known", "elsewhere", "refused", "added"]
    assert found[2].reason
    assert pets.photo(sha256(other)).class_name == "blue"


def test_a_relabelled_photo_moves(pets: Classifier) -> None:
    """So do photos without a class, which are not part of the data set."""
    digest = sha256(picture(0, red=True))
    pets.label(digest, "blue")
    assert pets.path(digest).parent == pets.folder / "photos" / "blue"
    pets.label(digest, status="unsure")
    assert pets.path(digest).parent == pets.folder / "unsure"
    assert pets.path(digest).is_file()
    assert len(pets.examples().photos) == 11


def test_a_renamed_class_moves(pets: Classifier) -> None:
    """Its photos are in the folder of the new name; case alone does not make a name new."""
    pets.rename_class("red", "rouge")
    assert {path.name for path in (pets.folder / "photos").iterdir()} == {"blue", "rouge"}
    assert len(list((pets.folder / "photos" / "rouge").iterdir())) == 6
    with pytest.raises(Conflict, match="there is a class blue already"):
        pets.rename_class("rouge", "Blue")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "..", ".x", "con", "a\nb", "x" * 101, "a."])
def test_names_are_never_paths(pets: Classifier, name: str) -> None:
    """A name that could lead elsewhere, or be no folder, is refused."""
    with pytest.raises(UsageError, match="name of a class"):
        pets.add_class(name)


def test_the_draft_answers(pets: Classifier) -> None:
    """It knows the colours, and says that a photo unlike all others is unknown."""
    white = np.full((32, 32, 3), 255, np.uint8)
    given = [Photo("red", picture(50, red=True)), Photo("white", white)]
    ((red, unknown),) = pets.draft().predictions(given, total=2, progress=Silent())
    assert (red.labels, red.known) == (("red",), True)
    assert not unknown.known


def test_photos_are_classified_from_python(pets: Classifier) -> None:
    """By the draft, or by the published version, in the form of `Model.predict`."""
    with imgrec.Classifier(pets.folder, create=False) as found:
        for version in ("draft", "published"):
            (answer,) = found.predict(picture(50, red=True), version=version)
            assert answer.label == "red"
        for other in ("foo", 1):
            with pytest.raises(UsageError, match=f"there is no version {other}"):
                found.predict(picture(50, red=True), version=other)  # type: ignore[arg-type]


def test_a_closed_classifier_says_so(pets: Classifier) -> None:
    """And what became of it; `rename` returns one of the same kind."""
    with imgrec.Classifier(pets.folder, create=False) as old:
        new = old.rename("animals")
    with new:
        assert new.predict(picture(50, red=True))[0].label == "red"
        with pytest.raises(Conflict, match=r"pets was renamed to animals$") as refused:
            old.predict(picture(50, red=True))
        assert refused.value.hint == "use the classifier that `rename` returned"
        with pytest.raises(Conflict, match=r"pets was renamed to animals$"):
            old.rename("others")
    with pytest.raises(Conflict, match=r"animals is closed$") as refused:
        new.add(picture(51, red=True), "red")
    assert refused.value.hint == f"open it again: imgrec.Classifier({str(new.folder)!r})"
    with imgrec.Classifier(new.folder) as again:
        again.delete()
    with pytest.raises(Conflict, match=r"animals was deleted$"):
        again.classes()
    with pytest.raises(Conflict, match=r"animals was deleted$"):
        again.delete()


def test_a_part_of_a_hash_and_a_folder_are_no_photo(pets: Classifier) -> None:
    """The message says what is needed, and the hint which photo may be meant."""
    known = sha256(picture(0, red=True))
    refusals = {known[:8]: f"photos whose SHA-256 begins so: {known}", str(pets.folder): ""}
    for photo, hint in refusals.items():
        with pytest.raises(
            NotFound, match="neither a file nor a whole SHA-256, which has 64"
        ) as no:
            pets.forget(photo)
        assert no.value.hint.startswith(hint)


def test_the_folder_may_be_the_working_directory(
    pets: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classifier has its own name there, and another folder is named."""
    pets.close()
    monkeypatch.chdir(pets.folder)
    with Classifier(".", create=False) as here:
        assert (here.name, here.folder) == ("pets", pets.folder.resolve())
        here.publish(force=True)
        assert here.run(2).name == "pets-2"
    with pytest.raises(Conflict, match=f"{pets.folder.parent.resolve()} exists and is not a"):
        Classifier("..")


def test_folders_and_patterns_are_added(pets: Classifier, tmp_path: Path) -> None:
    """As by `imgrec teach`: with everything below, and a reason if there is nothing."""
    for number, name in enumerate(("a.png", "b/c.png", "b/d.jpg", "e.png")):
        path = tmp_path / "new" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(20 + number, red=True))
    given: list[str | Path]
    given = [tmp_path / "new/b", f"{tmp_path}/new/*.png", str(tmp_path / "no")]
    *added, missing = pets.add(given, "red")
    assert [Path(each.name).name for each in added] == ["c.png", "d.jpg", "a.png", "e.png"]
    assert {each.outcome for each in added} == {"added"}
    assert (missing.outcome, missing.reason) == ("refused", "no such file or folder")
    with pytest.raises(TypeError, match="a path or bytes, not int"):
        pets.add([1], "green")  # type: ignore[list-item]
    assert "green" not in [each.name for each in pets.classes()]


def test_one_photo_is_taken_like_several(pets: Classifier, tmp_path: Path) -> None:
    """Its path is not taken for a list of letters."""
    (tmp_path / "red.png").write_bytes(picture(7, red=True))
    (added,) = pets.add(str(tmp_path / "red.png"), "red")
    assert (added.outcome, added.name) == ("added", str(tmp_path / "red.png"))
    assert [each.outcome for each in pets.add(picture(8, red=True), "red")] == ["added"]
    with pytest.raises(NotFound, match=r"nope\.png is neither a file nor a whole SHA-256"):
        pets.forget("nope.png")
    assert pets.forget(tmp_path / "red.png").photos == 1


def test_a_status_that_does_not_exist(pets: Classifier) -> None:
    """It is refused before anything is decoded or changed."""
    wrong: Any = "unsur"
    digest = sha256(picture(0, red=True))
    for attempt in (
        lambda: pets.add([picture(7, red=True)], status=wrong),
        lambda: pets.add([picture(7, red=True)], "red", status=wrong),
        lambda: pets.label(digest, status=wrong),
        lambda: pets.photos(status=wrong),
    ):
        with pytest.raises(UsageError, match="there is no status unsur") as refused:
            attempt()
        assert refused.value.hint == "use labelled, unsure or none"


def test_a_classifier_is_no_run(pets: Classifier) -> None:
    """What is published is named, also while something else holds the classifier."""
    pets.publish(force=True)
    pets.restore(1)
    with pytest.raises(RunError, match="pets is a classifier, not a run") as refused:
        find(str(pets.folder), pets.folder)
    run = pets.folder / "versions" / "pets-1"
    assert refused.value.hint == f"name its published version: {run}"
    pets.delete_class("red")
    pets.close()
    before = set(pets.folder.iterdir())
    with pytest.raises(RunError, match="pets is a classifier, not a run") as refused:
        find(str(pets.folder), pets.folder)
    assert f"`imgrec teach {pets.folder} --publish`" in refused.value.hint
    assert set(pets.folder.iterdir()) == before


def test_a_classifier_is_no_data_set(pets: Classifier) -> None:
    """Its folders are not classes; those of its photos are."""
    with pytest.raises(DataError, match="pets is a classifier, not a data set") as refused:
        experiment_of(str(pets.folder), QUICK)
    photos = str(pets.folder / "photos")
    assert refused.value.hint == f"name the folder of its photos: {photos}"
    assert experiment_of(photos, QUICK)[0].data.root == photos


def test_too_few_photos_give_no_model(tmp_path: Path) -> None:
    """A class counts from its second photo on."""
    with create(tmp_path / "pets") as pets:
        pets.add(pictures(0, 2, red=True), "red")
        pets.add(pictures(100, 1, red=False), "blue")
        assert pets.standing() == (None, True)
        with pytest.raises(Conflict, match="too few photos"):
            pets.draft()
        pets.add(pictures(101, 1, red=False), "blue")
        found, current = pets.standing()
        assert current
        assert found is not None
        assert not found.enough


def test_a_wrong_label_is_suspected(pets: Classifier) -> None:
    """Once there are enough photos to be sure of the other class; until then, it is confused."""
    pets.add([wrong := picture(60, red=True)], "blue")
    found, _ = pets.standing()
    assert found is not None
    assert (found.suspects, found.confused[0].photos) == ((), 1)
    pets.add(pictures(20, 4, red=True), "red")
    pets.add(pictures(120, 4, red=False), "blue")
    found, _ = pets.standing()
    assert found is not None
    assert [(each.sha256, each.taken_for) for each in found.suspects] == [(sha256(wrong), "red")]
    assert (found.confused[0].class_name, found.confused[0].taken_for) == ("blue", "red")


def test_a_version_is_a_run(pets: Classifier) -> None:
    """It is complete, has the answers of the draft, and says "unknown" as the draft does."""
    version = pets.version(1)
    card = read_card(pets.run(1).path)
    assert card.complete
    assert card.head is not None
    assert (card.classes, card.head.images, version.photos) == (("blue", "red"), 12, 12)
    photos = [Photo("red", picture(50, red=True)), Photo("blue", picture(150, red=False))]
    ((one, two),) = pets.published().predictions(photos, total=2, progress=Silent())
    ((draft, _),) = pets.draft().predictions(photos, total=2, progress=Silent())
    assert (one.labels, two.labels) == (("red",), ("blue",))
    assert one.top[0].probability == pytest.approx(draft.top[0].probability, abs=1e-5)
    assert {"model.tflite", "report.html", "metrics.json", "images.csv", "config.yaml"} <= {
        path.name for path in pets.run(1).path.iterdir()
    }


def test_no_path_is_in_a_classifier(pets: Classifier, tmp_path: Path) -> None:
    """A folder can be moved or given away: nothing in it says where it was."""
    pets.close()
    with Classifier(pets.folder.rename(tmp_path / "moved")) as moved:
        for path in moved.folder.rglob("*"):
            assert path.is_dir() or str(tmp_path.parent).encode() not in path.read_bytes()
        assert moved.run(1).card.data["train"].written == "photos"
        assert moved.published().members[0].classes == ("blue", "red")


def test_a_version_is_evaluated(pets: Classifier, tmp_path: Path) -> None:
    """On other photos: its own taught it, and it does not say where they are."""
    run = pets.run(1)
    with pytest.raises(UsageError, match="pets-1 is a version of a classifier") as refused:
        evaluate(run)
    assert "give images with" in refused.value.hint
    with pytest.raises(DataError, match="pets-1 was trained on 12 of 12 images"):
        evaluate(run, EvaluationRequest(ImageChoice(data=pets.folder / "photos")))
    for name, first in (("red", 50), ("blue", 150)):
        (tmp_path / "others" / name).mkdir(parents=True)
        for number, content in enumerate(pictures(first, 3, red=name == "red")):
            (tmp_path / "others" / name / f"{number}.png").write_bytes(content)
    found = evaluate(run, EvaluationRequest(ImageChoice(data=tmp_path / "others"))).evaluation
    assert found.metrics["accuracy"].value == 1


def test_a_version_is_exported(
    pets: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared on random pictures: a folder `photos` that is here is not the one it knew."""
    (tmp_path / "photos" / "red").mkdir(parents=True)
    (tmp_path / "photos" / "red" / "0.png").write_bytes(picture(0, red=True))
    monkeypatch.chdir(tmp_path)
    found = export(pets.run(1), output=tmp_path / "pets-1.tflite")
    assert found.parity.images == 32
    assert found.parity.worst.startswith("random picture ")


def test_a_requirement_that_is_not_met_stops_a_version(pets: Classifier) -> None:
    """It is not written then."""
    pets.require = "accuracy.low >= 0.99"
    assert pets.require == ("accuracy.low >= 0.99",)
    found = pets.publish()
    assert found.version is None
    assert [each.met for each in found.verdicts] == [False, True]
    assert (
        "on the 12 photos that both were measured on, accuracy is 100.0 %, as in version 1"
        in found.verdicts[1].reason
    )
    assert len(pets.versions()) == 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, _PHOTOS - 1),
        st.sampled_from(["red", "blue", "unsure", "forget"]),
    ),
    max_size=12,
)


@pytest.mark.long
@pytest.mark.parametrize("examples", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_history_gives_the_same_model(examples: int) -> None:
    """Random uploads, new labels and deletions that end in the same set give the same bytes."""
    everything = {number: plain(9 * number, red=number % 2 == 0) for number in range(_PHOTOS)}
    final = {number: ("blue", "red")[number % 2 == 0] for number in range(_PHOTOS - 2)}
    models = set()
    # Most of the time, a disk would write what every change makes last.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

    @settings(max_examples=examples, deadline=None)
    @given(_STEPS, st.permutations(range(_PHOTOS)))
    def run(steps: list[tuple[int, str]], order: list[int]) -> None:
        with TemporaryDirectory(dir=memory) as place, create(Path(place) / "pets") as pets:
            for number, step in steps:
                _take(pets, everything[number], step)
            for number in order:
                _take(pets, everything[number], final.get(number, "forget"))
            models.add(pets.model_content())

    run()
    assert len(models) == 1


def _take(pets: Classifier, content: bytes, step: str) -> None:
    digest = sha256(content)
    there = any(each.sha256 == digest for each in pets.photos())
    if step == "forget":
        if there:
            pets.forget([digest])
    elif step == "unsure":
        pets.add([content], status="unsure")
        pets.label(digest, status="unsure")
    else:
        pets.add_class(step)
        pets.add([content], step)
        pets.label(digest, step)


def test_what_is_forgotten_is_gone(pets: Classifier) -> None:
    """No file has its bytes, its SHA-256 or its features; what knew it is withdrawn.

    The model is, bit for bit, the one that never saw it.
    """
    before = pets.run(1).path
    content = picture(9, red=True)
    digest = sha256(content)
    pets.add([content], "red")
    pets.thumbnail(digest)
    pets.publish(force=True)
    traces = _traces(pets, content)
    assert all(_found(pets.folder, trace) for trace in traces[:3])
    second = pets.version(2)

    done = pets.forget([pets.path(digest)])

    assert (done.photos, done.withdrawn) == (1, (2,))
    assert done.published is not None
    assert done.published.number == 3
    gone = pets.version(2)
    assert (gone.withdrawn, gone.created, gone.accuracy) == (True, second.created, second.accuracy)
    assert [_found(pets.folder, trace) for trace in traces] == [[]] * len(traces)
    with pytest.raises(Conflict, match="was withdrawn"):
        pets.restore(2)
    with pytest.raises(NotFound):
        pets.photo(digest)
    after = pets.run(3).path
    assert (before / "model.tflite").read_bytes() == (after / "model.tflite").read_bytes()
    cards = [json.loads((each / "card.json").read_text()) for each in (before, after)]
    for card in cards:
        del card["created"], card["ended"], card["data"]  # dates and paths
    assert cards[0] == cards[1]
    assert pets.restore(1).published


def test_a_photo_comes_back_after_its_deletion(pets: Classifier) -> None:
    """Not while it is being deleted: its file would be removed with that of the other one."""
    content = picture(0, red=True)
    outcomes = []

    class Meanwhile(Silent):
        @contextmanager
        def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
            del title, total, unit
            outcomes.append(pets.add([content], "red")[0])
            yield self

    pets.forget([sha256(content)], Meanwhile())
    assert {each.outcome for each in outcomes} == {"refused"}
    assert outcomes[0].reason == "is being deleted; add it again when that is done"
    assert pets.add([content], "red")[0].outcome == "added"
    assert pets.path(sha256(content)).read_bytes() == content
    assert len(pets.examples().features) == 12


def _traces(pets: Classifier, content: bytes) -> list[bytes]:
    """Return parts of what is stored of a photo."""
    examples, digest = pets.examples(), sha256(content)
    values = examples.features[[each.sha256 for each in examples.photos].index(digest)]
    direction = (values / np.linalg.norm(values.astype(np.float64))).astype(np.float32)
    vectors = values.tobytes()[:24], direction.tobytes()[:24]
    return [content[60:92], digest.encode(), *vectors, bytes.fromhex(digest)]


def test_a_run_as_the_backbone(pets: Classifier, tmp_path: Path) -> None:
    """Its model up to the last layer; an existing classifier keeps the one that it has."""
    run = pets.run(1).path
    with Classifier(tmp_path / "others" / "pets", backbone=run) as other:
        other.add(pictures(0, 2, red=True), "red")
        other.add(pictures(100, 2, red=False), "blue")
        features = {each.sha256: row for each, row in zip(*_rows(other), strict=True)}
        for photo, row in zip(*_rows(pets), strict=True):
            if photo.sha256 in features:
                np.testing.assert_array_equal(features[photo.sha256], row)
    with pytest.raises(Conflict, match="has another backbone"):
        Classifier(pets.folder, backbone=run)


@pytest.mark.usefixtures("no_packaged_weights")
def test_a_version_behind_a_run_needs_no_run(trained: Run, tmp_path: Path) -> None:
    """It is published from anywhere, also when the run is gone; only its name is remembered.

    Nor does it need the weights of a package.
    """
    run = tmp_path / "runs" / "mine-1"
    shutil.copytree(trained.path, run)
    with Classifier(tmp_path / "pets", backbone=run) as pets:
        pets.add(pictures(0, 2, red=True), "red")
        pets.add(pictures(100, 2, red=False), "blue")
        shutil.rmtree(run)
        version = pets.publish().version
        assert version is not None
        assert version.number == 1
        origin = pets.run(1).card.backbone
        assert origin is not None
        assert (origin.run, origin.path) == ("mine-1", "")
        assert pets.run(1).card.preprocessing == trained.card.preprocessing
        assert pets.published().members[0].classes == ("blue", "red")


def _rows(pets: Classifier) -> tuple[Sequence[StoredPhoto], NDArray[np.float32]]:
    examples = pets.examples()
    return examples.photos, examples.features


def test_a_run_that_knows_other_photos_is_no_version(pets: Classifier, tmp_path: Path) -> None:
    """A photo that was deleted, or has no class any more, must not come back with a run."""
    run = tmp_path / "run"
    shutil.copytree(pets.run(1).path, run)
    pets.label(sha256(picture(0, red=True)), status="unsure")
    with pytest.raises(Conflict, match=r"knows red/.* is not among the labelled photos"):
        pets.publish(run)
    pets.rename_class("red", "rouge")
    with pytest.raises(Conflict, match="have different classes"):
        pets.publish(run)


@needs_weights
@pytest.mark.slow
def test_a_run_is_published(tmp_path: Path) -> None:
    """It is copied, and withdrawn when one of its photos is deleted."""
    with Classifier(tmp_path / "pets") as pets:
        pets.add(pictures(0, 10, red=True), "red")
        pets.add(pictures(100, 10, red=False), "blue")
        experiment, _ = experiment_of(str(pets.folder / "photos"), QUICK)
        run = train_quick(experiment, runs_dir=tmp_path / "runs").run
        found = pets.publish(run.path).version
        assert found is not None
        assert (found.photos, found.accuracy) == (20, 1)
        assert pets.published().members[0].classes == ("blue", "red")
        assert pets.publish().version == pets.version(2)
        assert pets.publish(run.path).version == pets.version(1)  # no further copy
        assert [each.published for each in pets.versions()] == [True, False]
        done = pets.forget([sha256(picture(0, red=True))])
        assert done.withdrawn == (1, 2)
        assert done.published is not None


def test_a_class_is_the_same_in_every_form_of_unicode(tmp_path: Path) -> None:
    """Names that are typed on macOS have accents of their own."""
    with create(tmp_path / "pets") as pets:
        for name, outcome in (("cafe\u0301", "added"), (" café", "known")):
            (found,) = pets.add(pictures(0, 1, red=True), name)
            assert found.outcome == outcome
        assert [(each.name, each.photos) for each in pets.classes()] == [("café", 1)]
        (photo,) = pets.photos()
        assert pets.label(photo.sha256, "cafe\u0301").class_name == "café"


def test_quotas(tmp_path: Path) -> None:
    """A photo or class too many is refused; what was there stays, and no empty class comes."""
    with create(tmp_path / "pets", Quotas(classes=2, photos=2)) as pets:
        pets.add(pictures(0, 2, red=True), "red")
        for name in ("red", "blue"):
            with pytest.raises(QuotaExceeded, match="at most 2 photos"):
                pets.add(pictures(2, 1, red=True), name)
        assert [(each.name, each.photos) for each in pets.classes()] == [("red", 2)]
        pets.add_class("blue")
        with pytest.raises(QuotaExceeded, match="at most 2 classes"):
            pets.add_class("green")
        assert len(list((pets.folder / "photos" / "red").iterdir())) == 2


def test_versions_of_the_index(pets: Classifier) -> None:
    """One of a newer version is refused; an older one is migrated, with a backup."""
    index = pets.folder / "classifier.sqlite"
    pets.add([extra := picture(9, red=True)], "red")
    pets.close()
    with closing(sqlite3.connect(index)) as database, database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(RunError, match="was written by a newer version of imgrec"):
        Classifier(pets.folder, create=False)
    with closing(sqlite3.connect(index)) as database, database:
        database.executescript("DROP TABLE thumbnails; PRAGMA user_version = 1")
    digest = sha256(extra)
    backup = index.with_name(f"{index.name}.backup-1")
    with Classifier(pets.folder, create=False) as migrated:
        assert migrated.thumbnail(digest)
        assert digest.encode() in backup.read_bytes()
        migrated.forget([digest])
        assert not backup.exists()


def test_another_process_is_refused(pets: Classifier) -> None:
    """While a service holds the folder, the error has its address."""
    pets.close()
    held = f"""
import sys
from pathlib import Path
from imgrec.classifiers import FolderLock
lock = FolderLock(Path({str(pets.folder.parent)!r}), "http://127.0.0.1:8000")
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ClassifierInUse, match=r"service at http://127\.0\.0\.1:8000"):
            Classifier(pets.folder, create=False)
        holder.communicate("")
    Classifier(pets.folder, create=False).close()


def _found(folder: Path, trace: bytes) -> list[Path]:
    """Return the files whose name or content has a trace."""
    return [
        path
        for path in folder.rglob("*")
        if trace in str(path).encode() or (path.is_file() and trace in path.read_bytes())
    ]

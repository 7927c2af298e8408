"""Any number of photos, by any number of models, in the memory of a few."""

from __future__ import annotations

import dataclasses
import gc
import json
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.data.records import Photo
from imgrec.errors import RunError, UsageError
from imgrec.evaluation.prediction import ModelInfo, Prediction
from imgrec.progress import Silent
from imgrec.report.documents import LineForm, prediction_document
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Decision
from imgrec.workflows.prediction import (
    FailureSummary,
    PredictedBatch,
    Predictor,
    file_sink,
    open_models,
    predict_photos,
    table_sink,
)
from tests.runtime.brightness import Brightness


def predictor(*engines: Engine) -> Predictor:
    """Return what asks these engines, called m0, m1 and so on."""
    members = [ModelInfo(f"m{number}", each.classes) for number, each in enumerate(engines)]
    return Predictor(tuple(members), engines, ("hash",) * len(engines))


def photo(folder: Path, level: int = 51) -> str:
    """Return the path of a grey picture."""
    path = folder / f"{level}.png"
    Image.new("L", (4, 4), level).save(path)
    return str(path)


def test_models_of_other_sizes_decode_on_their_own(tmp_path: Path) -> None:
    """Each gets the picture in its own form; the mean is over both, classes aligned by name."""
    path = Path(photo(tmp_path, 204))
    turned = Brightness(("bright", "dark"), ImageSpec(2, 2, 3))
    asked = predictor(Brightness(), turned).with_options(top=1)
    ((found,),) = asked.predictions([Photo("p", path)], total=1, progress=Silent())
    assert [answer.top[0].class_name for answer in found.answers] == ["bright", "dark"]
    assert found.agree is False
    np.testing.assert_allclose(found.answers[0].top[0].probability, 0.8, rtol=1e-6)
    np.testing.assert_allclose(found.top[0].probability, 0.5, rtol=1e-6)


def test_a_threshold_given_is_that_of_every_model() -> None:
    """Without one each keeps its own."""
    one = predictor(Brightness())
    own = dataclasses.replace(one, members=(ModelInfo("m0", ("dark", "bright"), Decision(0.7)),))
    grey = [Photo("p", np.full((4, 4), 102, np.uint8))]
    for asked, known in ((one, True), (own, False), (own.with_options(top=1, threshold=0.6), True)):
        ((found,),) = asked.predictions(grey, total=1, progress=Silent())
        assert found.known is known
        assert found.label == ("dark" if known else None)


@pytest.mark.parametrize("wrong", [{"top": 0}, {"threshold": 1.5}, {"tta": "flop"}])
def test_what_can_not_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    """From Python too, where no command line looks at the options."""
    with pytest.raises(UsageError, match=str(*wrong.values())):
        predictor(Brightness()).with_options(**{"top": 5, **wrong})


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_memory_does_not_grow_with_the_photos(form: LineForm, tmp_path: Path) -> None:
    """Ten times as many photos are written with hardly a byte more."""
    folder = tmp_path / "photos"
    folder.mkdir()
    # In a new process, where no other test has left anything behind.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        few, many = pool.submit(peaks, photo(folder), tmp_path / "out", form, (400, 4000)).result()
    # Predictions that were kept would take 1.5 MB more.
    assert many - few < 600_000


def peaks(path: str, output: Path, form: LineForm, counts: Sequence[int]) -> list[int]:
    """Return the bytes that predicting a photo so many times takes at most."""
    found = []
    for count in (200, *counts):  # the first one loads modules
        gc.collect()
        tracemalloc.start()
        photos = [path] * count
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        asked = predictor(Brightness())
        tally = predict_photos(photos, asked, file_sink(output, asked, form))
        found.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()
        assert tally == FailureSummary(count)
    return found[1:]


def test_tables_are_made_of_a_few_photos_each_and_delivered_at_the_end(tmp_path: Path) -> None:
    """However many photos there are, few wait for their table; none is lost or repeated."""
    parts: list[tuple[int, bool]] = []
    delivered: list[str] = []

    def table(predictions: Sequence[Prediction], *, last: bool) -> str:
        parts.append((len(predictions), last))
        assert not delivered
        return "".join(f"{each.name}\n" for each in predictions)

    found = [photo(tmp_path, level) for level in range(0, 200, 2)]
    for count, expected in ((0, [(0, True)]), (40, [(40, True)]), (100, [(40, False)] * 2)):
        parts.clear()
        delivered.clear()
        sink = table_sink(table, lambda text: delivered.append("".join(text)), most=40)
        with sink(iter(())) as output:
            for batch in _batches(found[:count]):
                output.write(PredictedBatch(batch, (), FailureSummary()))
        assert parts[:2] == expected
        assert delivered == ["".join(f"{name}\n" for name in found[:count])]
    assert parts[2:] == [(20, True)]


def _batches(names: Sequence[str]) -> Iterator[Sequence[Prediction]]:
    for at in range(0, len(names), 32):
        yield [Prediction(name, ()) for name in names[at : at + 32]]


def test_an_interrupted_file_becomes_the_same(tmp_path: Path) -> None:
    """Wherever it stops, going on gives the file, and the tally, of one that never stopped."""
    photos = [photo(tmp_path, level) for level in range(0, 200, 2)] + ["none.png"]
    photos.insert(10, "gone.png")
    asked = predictor(Brightness(), Brightness(("bright", "dark"))).with_options(top=2)
    whole = predict_photos(photos, asked, file_sink(tmp_path / "whole.csv", asked, "csv"))

    @dataclasses.dataclass(frozen=True)
    class Failing(Brightness):
        """Answers two batches, then never again."""

        left: Iterator[int] = dataclasses.field(default_factory=lambda: iter(range(2)))

        def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
            if next(self.left, None) is None:
                raise RunError("stopped")
            return super().answers(images)

    engines = (Failing(), asked.engines[1])
    failing = dataclasses.replace(asked, engines=engines)
    with pytest.raises(RunError, match="stopped"):
        predict_photos(photos, failing, file_sink(tmp_path / "out.csv", failing, "csv"))
    assert (tmp_path / "out.csv.partial").read_text().count("\n") == 1 + 63 * 6 + 1
    rest = file_sink(tmp_path / "out.csv", asked, "csv", resume=True)
    again = predict_photos(photos, asked, rest)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (again.photos, again.failed) == (whole.photos, whole.failed) == (102, 2)


def test_other_options_do_not_continue() -> None:
    """What differs is named: the model's file, the classes shown, the threshold, the mirror."""
    asked = predictor(Brightness())
    other = dataclasses.replace(asked, weights=("other",))
    settings = asked.settings
    changed = other.with_options(top=2, threshold=0.5, tta="flip").settings
    assert {key for key in settings if settings[key] != changed[key]} == {
        "weights",
        "top",
        "threshold",
        "tta",
    }
    json.dumps(settings)


def test_only_the_first_failures_are_kept() -> None:
    """A million bad photos are counted, not remembered."""
    bad = [Photo(f"{number}.png", Path("none.png")) for number in range(100)]
    tally = FailureSummary()
    for batch in predictor(Brightness()).predictions(bad, total=None, progress=Silent()):
        tally = tally.with_batch(batch)
    assert (tally.photos, tally.failed, len(tally.examples)) == (100, 100, 20)
    assert tally.examples[19].name == "19.png"


def test_a_model_named_twice_is_refused(trained: Run) -> None:
    """It would only count twice."""
    with pytest.raises(UsageError, match="named twice"):
        open_models([trained, trained])


def test_several_classes_are_one(trained: Run) -> None:
    """Its probability is the sum of theirs, and the document says which they are."""
    grey = Photo("grey", np.full((8, 8), 90, np.uint8))

    def answers(class_names: dict[str, str]) -> dict[str, float]:
        model = open_models([trained], class_names=class_names).with_options(top=10)
        ((found,),) = model.predictions([grey], total=1, progress=Silent())
        return dict(found.top)

    plain, merged = answers({}), answers({"low": "0,1,2", "seven": "7"})
    assert merged.keys() == {"low", "3", "4", "5", "6", "seven", "8", "9"}
    assert merged["low"] == pytest.approx(plain["0"] + plain["1"] + plain["2"])
    assert (merged["seven"], merged["8"]) == (plain["7"], plain["8"])
    asked = open_models([trained], class_names={"low": "0,1,2"})
    (document,) = prediction_document([], asked.members).models
    assert document.merged == {"low": ("0", "1", "2")}
    other = open_models([trained], class_names={"low": "0,1,3"})
    assert other.settings["classes"] != asked.settings["classes"]

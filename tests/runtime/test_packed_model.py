"""Large LiteRT files in the cache folder, with packed weights: faster starts, the same answers."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.files import sha256_of
from imgrec.models.litert import Graph, LiteRTWriter, Operator, has_fixed_shapes, with_head
from imgrec.runs.folder import Run
from imgrec.runtime import litert_engine
from imgrec.runtime.litert_engine import open_litert
from imgrec.runtime.packed_model import packed_model
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tests.models.hostile import litert_file, litert_model

LOG_SOFTMAX = 50
Operators = Sequence[tuple[str, list[int], list[int]]]
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 12, 12, 3), np.uint8)


def network(filters: int) -> bytes:
    """Return a network with 5 classes, whose weights are nearly all in one convolution."""
    random = np.random.default_rng(1)
    model = LiteRTWriter()
    maps = model.multiply(model.input((12, 12, 3), "pixels"), 1 / 255, "scaled")
    for number, channels in enumerate((3, filters)):
        kernel = random.standard_normal((filters, 1, 1, channels), np.float32) / channels
        maps = model.convolution(maps, kernel, np.zeros(filters), 6, f"c{number}", relu6=True)
    head = random.normal(size=(filters, 5)), random.normal(size=5)
    return with_head(model.content(model.mean(maps, "mean")), *head)


def imported(folder: Path, filters: int) -> Run:
    """Return the run of such a network."""
    (folder / "network.tflite").write_bytes(network(filters))
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in "abcde"))
    spec = ImportSpec(folder / "network.tflite", str(folder / "classes.txt"))
    return import_model(spec, runs_dir=folder)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose file counts as large; the cache folder is empty."""
    monkeypatch.setattr(litert_engine, "_LARGE", 1)
    monkeypatch.setenv("IMGREC_CACHE", str(tmp_path / "cache"))
    return imported(tmp_path, 64)


def packed_files() -> dict[str, tuple[int, int]]:
    """Return the inode and the time of change of each file of packed weights in the cache."""
    folder = Path(os.environ["IMGREC_CACHE"])
    found = {path.name: path.stat() for path in folder.glob("*.packed")}
    return {name: (status.st_ino, status.st_size) for name, status in found.items()}


def test_the_answers_are_the_same_bit_for_bit(run: Run) -> None:
    """Of one image and of several, the first time and from the cache; so is the content."""
    expected = open_litert(run).outputs(IMAGES)
    for _ in range(2):
        engine = open_litert(run, packed=True)
        for count in (1, 3, len(IMAGES)):
            np.testing.assert_array_equal(engine.outputs(IMAGES[:count]), expected[:count])
        assert engine.content == (run.path / "model.tflite").read_bytes()
        assert len(packed_files()) == 1


def test_weights_are_packed_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """A line says where they are; whoever opens the model next takes them from there."""
    with caplog.at_level(logging.INFO, "imgrec"):
        first = open_litert(run, packed=True)
        kept = packed_files()
        second = open_litert(run, packed=True)
    assert packed_files() == kept
    assert [record.message.partition(": ")[0] for record in caplog.records] == ["packed weights"]
    np.testing.assert_array_equal(second.outputs(IMAGES), first.outputs(IMAGES))


@pytest.mark.parametrize("suffix", ["packed", "model"])
def test_a_changed_cache_file_is_written_again(run: Run, suffix: str) -> None:
    """Neither weights nor a model are used that somebody changed, or that are missing."""
    expected = open_litert(run, packed=True).outputs(IMAGES)
    (path,) = Path(os.environ["IMGREC_CACHE"]).glob(f"*.{suffix}")
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    for damaged in (bytes(changed), content[:-9], None):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
            path.chmod(0o600)
        np.testing.assert_array_equal(open_litert(run, packed=True).outputs(IMAGES), expected)
        assert path.read_bytes() == content


def test_another_file_than_the_card_describes_is_refused(run: Run) -> None:
    """Even if the cache has the one that the card describes."""
    open_litert(run, packed=True)
    file = run.path / "model.tflite"
    file.write_bytes(file.read_bytes() + b"0")
    with pytest.raises(RunError, match="is not the file that the run's card describes"):
        open_litert(run, packed=True)


def test_without_a_cache_the_model_is_opened_as_it_is(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder to which others may write is not used; a line says why."""
    folder = Path(os.environ["IMGREC_CACHE"])
    folder.mkdir()
    folder.chmod(0o777)
    with caplog.at_level(logging.INFO, "imgrec"):
        found = open_litert(run, packed=True).outputs(IMAGES)
    np.testing.assert_array_equal(found, open_litert(run).outputs(IMAGES))
    assert "other users own it, or may write to it" in caplog.text
    assert not [*folder.iterdir()]


def test_a_model_with_unknown_operators_is_opened_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written for it: its shapes might depend on the image, which nobody would check."""
    monkeypatch.setenv("IMGREC_CACHE", str(tmp_path / "cache"))
    model = litert_model()
    model.operatorCodes[2].builtinCode = model.operatorCodes[2].deprecatedBuiltinCode = LOG_SOFTMAX
    model.subgraphs[0].operators[2].builtinOptions = None
    model.subgraphs[0].operators[2].builtinOptionsType = 0
    file = litert_file(tmp_path / "model.tflite", model)
    with caplog.at_level(logging.INFO, "imgrec"):
        assert packed_model(file, sha256_of(file), (4, 4, 3)) is None
    assert "not kept for the next start (shapes may depend on the image)" in caplog.text
    assert not packed_files()


@pytest.mark.parametrize(
    ("fixed", "operators"),
    [
        (True, [("SHAPE", [0], [1]), ("STRIDED_SLICE", [1, 9], [2]), ("RESHAPE", [0, 2], [3])]),
        (True, [("SHAPE", [0], [1]), ("PACK", [1, 9], [2]), ("RESHAPE", [0, 2], [3])]),
        (True, [("CONV_2D", [0, 8, 9], [1]), ("MEAN", [1, 7], [2])]),
        (False, [("CAST", [0], [1]), ("RESHAPE", [0, 1], [2])]),
        (True, [("STRIDED_SLICE", [0, 9], [1]), ("PACK", [1, 1], [2])]),
        (False, [("STRIDED_SLICE", [0, 9], [1]), ("RESHAPE", [0, 1], [2])]),
        (False, [("CAST", [0], [1]), ("STRIDED_SLICE", [0, 1], [2])]),
        (False, [("SHAPE", [0], [1]), ("CAST", [1], [2]), ("RESHAPE", [0, 2], [3])]),
        (False, [("SHAPE", [0], [1]), ("PACK", [1, 0], [2]), ("RESHAPE", [0, 2], [3])]),
        (False, [("107", [0], [1])]),
    ],
)
def test_fixed_shapes(*, fixed: bool, operators: Operators) -> None:
    """Those that follow from the input's; tensors that no operator computes are constant."""
    found = tuple(
        Operator(name, tuple(inputs), tuple(outputs)) for name, inputs, outputs in operators
    )
    assert has_fixed_shapes(Graph((), (), (0,), (), found)) is fixed


OPEN = """
import sys
from pathlib import Path
import numpy as np
from imgrec.runs.folder import find
from imgrec.runtime.litert_engine import open_litert
from tools.peak_memory import peak_memory

engine = open_litert(find(sys.argv[1], Path(sys.argv[2])), packed=sys.argv[3] == "packed")
print(engine.outputs(np.zeros((1, 12, 12, 3), np.uint8)).tobytes().hex())
print(peak_memory())
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_model_needs_half_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second process on; nothing that LiteRT logs comes out."""
    monkeypatch.setenv("IMGREC_CACHE", str(tmp_path / "cache"))
    run = imported(tmp_path, 4200)
    size = (run.path / "model.tflite").stat().st_size

    def opened(how: str) -> tuple[str, int]:
        arguments = [sys.executable, "-c", OPEN, run.name, str(tmp_path), how]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True)
        assert "INFO" not in done.stderr
        answer, peak = done.stdout.split()
        return answer, int(peak)

    plain, first, second = (opened(how) for how in ("plain", "packed", "packed"))
    assert plain[0] == first[0] == second[0]
    assert second[1] < plain[1] - size / 2

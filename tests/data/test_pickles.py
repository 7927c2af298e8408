"""Tests of pickled arrays, and of pickles that would do harm."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.child_process import ChildFailure, ChildProcess, Limits
from imgrec.data import unpickle
from imgrec.data.records import Dataset, RecordsBySplit
from imgrec.data.sources.arrays import from_arrays
from imgrec.data.sources.loaders.pickle_file import read_pickle
from imgrec.data.unpickle import load_pickle, pickled_arrays
from imgrec.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 3), np.uint8)
LABELS = np.array([0, 1, 1, 0])


def written(folder: Path, content: Any, protocol: int = 4) -> Path:
    """Return a file that holds `content` as a pickle."""
    file = folder / "data.pkl"
    file.write_bytes(pickle.dumps(content, protocol))
    return file


def pixels(dataset: Dataset) -> NDArray[Any]:
    """Return the pixels of all images, by name."""
    return np.stack([np.asarray(record.source) for record in dataset.records])


def read_here(file: Path) -> RecordsBySplit:
    """Do in this process, which is faster, what `read_pickle` does in a child process."""
    return from_arrays(pickled_arrays(str(file)), str(file))


def refusal(file: Path) -> str:
    """Return the message with which the pickle in `file` is refused."""
    with pytest.raises(DataError) as caught:
        read_here(file)
    return caught.value.message


class Calls:
    """Pickled, it becomes a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    """X, Y as a tuple, in each of the forms that Python has written."""
    parts = read_here(written(tmp_path, (PIXELS, LABELS), protocol))
    assert list(parts) == ["all"]
    assert np.array_equal(pixels(parts["all"]), PIXELS)
    assert [record.label for record in parts["all"].records] == LABELS.tolist()


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("order", ["C", "F", "K"])
def test_every_memory_layout_is_read(tmp_path: Path, order: Any, protocol: int) -> None:
    """Also Fortran's, and that of an array whose axes were moved."""
    array = np.asarray(PIXELS, order=order)
    if order == "K":
        array = PIXELS.transpose(0, 2, 1, 3)
    parts = read_here(written(tmp_path, [array, LABELS], protocol))
    assert np.array_equal(pixels(parts["all"]), array)


@pytest.mark.parametrize("dtype", [">u2", "<i4", ">f4", "<f8"])
def test_every_byte_order_is_read(tmp_path: Path, dtype: str) -> None:
    """Numbers of either byte order mean the same."""
    parts = read_here(written(tmp_path, (PIXELS.astype(dtype), LABELS)))
    assert np.array_equal(pixels(parts["all"]), PIXELS)


def test_four_arrays_have_a_test_part(tmp_path: Path) -> None:
    """X, Y, X_test, Y_test is what old tutorials ship."""
    content = (PIXELS, LABELS, PIXELS[:2], LABELS[:2])
    parts = read_pickle(written(tmp_path, content))
    assert {part: len(dataset.records) for part, dataset in parts.items()} == {
        "train": 4,
        "test": 2,
    }


def test_a_dict_of_lists_is_read(tmp_path: Path) -> None:
    """Lists will do; texts are class names; NumPy's scalars are numbers."""
    content = {"images": PIXELS.tolist(), "labels": ["b", "a", "a", "b"], "about": {"by": "us"}}
    dataset = read_pickle(written(tmp_path, content))["all"]
    assert dataset.classes == ("a", "b")
    assert [case.names for each in dataset.findings for case in each.cases] == [("about",)]
    scalars = {"x": PIXELS, "y": [np.int64(label) for label in LABELS]}
    assert read_here(written(tmp_path, scalars))["all"].classes == ("0", "1")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_a_pickle_calls_is_run(tmp_path: Path, protocol: int) -> None:
    """os.system, eval, exec and open are refused by name, wherever they stand, and do nothing."""
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')"
    hostile = {
        "system": Calls(os.system, f"touch {marker}"),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "open": Calls(open, str(marker), "w"),
    }
    for name, call in hostile.items():
        for content in (call, (PIXELS, call), {"x": PIXELS, "y": LABELS, "z": call}):
            message = refusal(written(tmp_path, content, protocol))
            assert f".{name}, which is refused" in message
    assert not marker.exists()


def test_numpy_is_not_a_way_around(tmp_path: Path) -> None:
    """Other functions of NumPy, some of which run code or open files, are refused too."""
    marker = tmp_path / "ran"
    for function, arguments in (
        (np.save, (str(marker), PIXELS)),
        (np.load, (str(marker),)),
        (np.testing.assert_equal, (1, 2)),
        (np.random.default_rng, ()),
    ):
        assert "which is refused" in refusal(written(tmp_path, Calls(function, *arguments)))
    assert list(tmp_path.iterdir()) == [tmp_path / "data.pkl"]


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cnumpy\nndarray\n}(Vshape\nI1\nub.",
        b"cnumpy\nndarray\n(tR.",
        b"cnumpy\nndarray\n)\x81.",
        b"cnumpy\ndtype\n(VO\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntVb\ntR.",
        b"cnumpy\nndarray.__class__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.",
        b"Pout\n.",
        b"cnumpy\ndtype\n.",
    ],
    ids=["build", "call", "new", "object", "kind", "dotted", "dotted4", "persistent", "name"],
)
def test_stand_ins_can_not_be_turned_around(tmp_path: Path, opcodes: bytes) -> None:
    """What a pickle may name can't be changed, entered, or used for something else."""
    file = tmp_path / "data.pkl"
    file.write_bytes(opcodes)
    with pytest.raises(DataError):
        load_pickle(file)


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    """Even where the objects are harmless: ragged lists are not images."""
    ragged = np.array([PIXELS[0], PIXELS[1, :1]], dtype=object)
    assert "type O8, which is refused" in refusal(written(tmp_path, (ragged, LABELS[:2])))
    lists = [PIXELS[0].tolist(), [[1]]]
    assert "differ in size" in refusal(written(tmp_path, (lists, [0, 1])))


@pytest.mark.parametrize("content", [{"x": PIXELS}, (PIXELS,), PIXELS, 7, {1: PIXELS}, None])
def test_other_contents_are_named(tmp_path: Path, content: Any) -> None:
    """A pickle of something else is an error that names the file."""
    assert "data.pkl" in refusal(written(tmp_path, content))


def test_a_file_that_is_missing_or_cut_is_named(tmp_path: Path) -> None:
    """One plain sentence each."""
    assert refusal(tmp_path / "no.pkl").endswith("no.pkl can't be read: no such file or directory")
    file = written(tmp_path, (PIXELS, LABELS))
    file.write_bytes(file.read_bytes()[:-20])
    assert "is not a pickle that can be read" in refusal(file)


def test_a_short_pickle_takes_little_memory(tmp_path: Path) -> None:
    """Neither a place far away to remember a value by, nor lists of lists of lists of the same."""
    file = tmp_path / "data.pkl"
    for place in (b"r\xff\xff\xff\x3f", b"p1073741823\n"):
        file.write_bytes(b"K\x01" + place + b".")
        assert "more memory than it fills" in refusal(file)
    twice = b"".join(b"(h%ch%clq%c" % (level, level, level + 1) for level in range(40))
    file.write_bytes(b"\x80\x02]q\x00" + twice + b".")
    assert "lists of more than 100000000 values" in refusal(file)


def test_calls_make_no_more_than_the_file_holds(tmp_path: Path) -> None:
    """A text that is encoded again and again would be as many texts in memory."""
    text = b"X\x00\x10\x00\x00" + b"a" * 4096 + b"q\x02"
    encode = b"c_codecs\nencode\nq\x01" + text + b"X\x06\x00\x00\x00latin1q\x03\x86R"
    again = b"h\x01h\x02h\x03\x86R"
    file = tmp_path / "data.pkl"
    file.write_bytes(b"\x80\x02]q\x00(" + encode + again * 1000 + b"e.")
    assert "far more of its bytes than it has" in refusal(file)


def test_more_values_than_memory_should_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte of a pickle makes an empty dict of 64: they are counted before one is made."""
    monkeypatch.setattr(unpickle, "_MAX_OPERATIONS", 1000)
    file = tmp_path / "data.pkl"
    file.write_bytes(b"\x80\x02(" + b"}" * 1001 + b"l.")
    assert "more than 1000 values" in refusal(file)


def test_a_text_does_not_widen_all_others_beyond_memory(tmp_path: Path) -> None:
    """All texts of an array take as much as the longest; the child process has a limit."""
    labels = ["a"] * 999 + ["a" * 10**6]
    with pytest.raises(DataError, match="far more memory than its size says"):
        read_pickle(written(tmp_path, {"x": np.zeros((1000, 1, 1), np.uint8), "y": labels}))


@pytest.mark.parametrize("kind", ["tuples", "lists", "key"])
def test_values_that_are_nested_too_deeply_are_refused(tmp_path: Path, kind: str) -> None:
    """A key of 200,000 tuples, each in the next one, crashes the process that computes its hash."""
    tuples = b")" + b"\x85" * 200_000
    file = tmp_path / "data.pkl"
    file.write_bytes(
        {
            "tuples": b"\x80\x02" + tuples + b".",
            "lists": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
            "key": b"\x80\x02}" + tuples + b"K\x01s.",
        }[kind]
    )
    expected = r"crashed \(SIG" if kind == "key" else "is nested too deeply"
    with pytest.raises(DataError, match=rf"data.pkl is refused: .*{expected}"):
        read_pickle(file)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["dict", "set", "shared tuples"])
def test_keys_that_take_too_long_are_refused(tmp_path: Path, kind: str) -> None:
    """Numbers with the same hash are each compared with all others."""
    number = 2**61 - 1
    numbers = b"".join(pickle.dumps(each * number, 2)[2:-1] for each in range(60_000))
    keys = b"".join(pickle.dumps(each * number, 2)[2:-1] + b"N" for each in range(60_000))
    file = tmp_path / "data.pkl"
    file.write_bytes(
        {
            "dict": b"\x80\x02}(" + keys + b"u.",
            "set": b"\x80\x04\x8f(" + numbers + b"\x90.",
            "shared tuples": b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"Ns.",
        }[kind]
    )
    limits = Limits(1 << 30, processor_seconds=1, seconds=300)
    with (
        ChildProcess(pickled_arrays, [str(file)], limits) as child,
        pytest.raises(ChildFailure, match="took more than 1 s of processor time"),
    ):
        child.result()


def test_lists_may_stand_several_times(tmp_path: Path) -> None:
    """One-hot labels made with `[[1, 0]] * 2` are one list for Python."""
    labels = [[1, 0]] * 2 + [[0, 1]] * 2
    dataset = read_here(written(tmp_path, (PIXELS, labels)))["all"]
    assert [record.label for record in dataset.records] == [0, 0, 1, 1]


@given(damage=st.tuples(st.integers(0, 600), st.integers(0, 255)))
def test_damage_is_never_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, damage: tuple[int, int]
) -> None:
    """Whichever byte is another one, there are images or a DataError."""
    place, byte = damage
    content = bytearray(pickle.dumps((PIXELS, LABELS), 2))
    content[place % len(content)] = byte
    file = tmp_path_factory.getbasetemp() / "damaged.pkl"
    file.write_bytes(content)
    with contextlib.suppress(DataError):
        read_here(file)

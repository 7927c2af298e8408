"""Files of models that would do or hold what they should not are refused before they are opened."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imgrec.config.keras.layers import LAYERS as CONFIGURABLE
from imgrec.config.load import parse
from imgrec.errors import RunError
from imgrec.models.files import check_keras, check_weights
from imgrec.models.files.safety import LAYERS
from imgrec.models.litert import read_litert
from imgrec.workflows.experiment_sections import build_network
from tests.models.hostile import keras_file, layer, program, sequential, weights

FUNCTION = {"module": "builtins", "class_name": "function", "registered_name": "function"}
DENSE = layer("Dense", units=3, name="dense")


def test_a_plain_model_is_let_in(tmp_path: Path) -> None:
    """A file of Keras' own layers and of numbers raises nothing, whatever it was compiled with."""
    activation = layer("Activation", activation={**FUNCTION, "config": "relu"})
    config = sequential(DENSE, activation) | {"compile_config": {"loss": program(tmp_path / "x")}}
    check_keras(keras_file(tmp_path / "m.keras", config=config))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (layer("TFSMLayer", filepath="/x"), "keras.layers.TFSMLayer, a layer that is not allowed"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "StringLookup"),
        (layer("TextVectorization", vocabulary="/etc/passwd"), "TextVectorization"),
        (layer("TorchModuleWrapper", module="AAAA"), "TorchModuleWrapper"),
        (layer("Dense", "os"), r"os\.Dense, which is not one of Keras' layers"),
        (layer("Popen", "subprocess"), r"subprocess\.Popen"),
        (layer("Dense", None), "needs Dense, which is not one"),
        (layer("Mine\x1b[2J", "mine"), r"Mine\\x1b\[2J"),
        (layer("Vectorize", "keras.src.ops.numpy"), "Vectorize"),
        (layer("np", "keras.src.ops.numpy"), r"numpy\.np"),
        (layer("__typespec__", None), "__typespec__"),
        ({**DENSE, "registered_name": "mine>Dense"}, "custom object mine>Dense"),
        ({**DENSE, "class_name": 3}, "not a string"),
        (layer("Activation", activation={**FUNCTION, "config": "os.system"}), "function os.system"),
        (layer("Activation", activation={**FUNCTION, "config": "deserialize"}), "deserialize"),
        (
            layer(
                "Activation",
                activation={**FUNCTION, "module": "keras.utils", "config": "get_file"},
            ),
            "function get_file",
        ),
        (
            layer(
                "Dense",
                units=1,
                kernel_initializer={"class_name": "__lambda__", "config": {"value": "x"}},
            ),
            "Lambda",
        ),
        (
            {
                **DENSE,
                "inbound_nodes": [{"args": [], "kwargs": {"x": layer("system", "os")}}],
            },
            r"os\.system",
        ),
    ],
)
def test_names_outside_the_list_are_refused(
    tmp_path: Path, part: dict[str, Any], reason: str
) -> None:
    """A layer, function or value that could read a file or run something is named."""
    file = keras_file(tmp_path / "m.keras", config=sequential(DENSE, part))
    with pytest.raises(RunError, match=f"m.keras is refused: .*{reason}") as caught:
        check_keras(file)
    assert caught.value.exit_status == 4
    assert "docs/security.md" in caught.value.hint


def test_a_lambda_layer_would_run_and_does_not(tmp_path: Path) -> None:
    """The program in a Lambda layer makes a file if Keras trusts it; here it doesn't."""
    import keras

    ran = tmp_path / "ran"
    file = keras_file(tmp_path / "m.keras", config=sequential(program(ran)))
    with pytest.raises(RunError, match="Lambda layer, which is code"):
        check_keras(file)
    assert not ran.exists()
    keras.models.load_model(file, compile=False, safe_mode=False)
    assert ran.exists()


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"../evil.py": b"x"}, r"is refused: it contains \.\./evil\.py"),
        ({"assets/x": b"x"}, "is refused: it contains assets/x"),
        ({"model.weights.h5": bytes(50 << 20)}, "would expand from .* to 52428800 bytes"),
        ({"config.json": b"{"}, "config.json can't be read"),
        ({"config.json": b"[]"}, "config.json is not an object"),
        ({"config.json": b"[" * 100_000}, "config.json can't be read"),
        ({"model.weights.h5": b""}, "are not an HDF5 file"),
        ({"model.weights.h5": weights()[:900]}, "are not an HDF5 file, or a damaged one"),
    ],
)
def test_members_of_other_names_and_sizes_are_refused(
    tmp_path: Path, members: dict[str, bytes], reason: str
) -> None:
    """A path out of the folder, a bomb, and what can't be read are named; nothing is unpacked."""
    with pytest.raises(RunError, match=reason):
        check_keras(keras_file(tmp_path / "m.keras", members))
    assert list(tmp_path.iterdir()) == [tmp_path / "m.keras"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_compression_is_named(tmp_path: Path, method: int) -> None:
    """Whatever method has packed a member, its damage is that of the file."""
    file = tmp_path / "m.keras"
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", weights())
    content = bytearray(file.read_bytes())
    begin = content.index(b"model.weights.h5") + 40
    content[begin : begin + 40] = bytes(range(40))
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"m\.keras (is not a complete|is refused|can't be read)"):
        check_keras(file)


def test_a_second_member_of_a_name_is_refused(tmp_path: Path) -> None:
    """What is checked is what is loaded: there is one config."""
    file = keras_file(tmp_path / "m.keras")
    with (
        zipfile.ZipFile(file, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("config.json", "{}")
    with pytest.raises(RunError, match=r"it contains 2 files config\.json"):
        check_keras(file)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """What a member declares is what is read of it, and then its sum is wrong."""
    file = keras_file(tmp_path / "m.keras", {"model.weights.h5": bytes(50 << 20)})
    size = (50 << 20).to_bytes(4, "little")
    file.write_bytes(file.read_bytes().replace(size, (4096).to_bytes(4, "little")))
    with pytest.raises(RunError, match=r"not a complete \.keras file: Bad CRC-32"):
        check_keras(file)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", weights()])
@pytest.mark.parametrize("check", [check_keras, read_litert])
def test_other_files_are_named(
    tmp_path: Path, content: bytes, check: Callable[[Path], object]
) -> None:
    """Empty and foreign files are named, and so are a missing one and a folder."""
    file = tmp_path / "m\n.keras"
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"m\\n\.keras is (empty|not )"):
        check(file)
    with pytest.raises(RunError, match="none can't be read: no such file"):
        check(tmp_path / "none")
    with pytest.raises(RunError, match="is not a file"):
        check(tmp_path)


def _external_link(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")


def _soft_link(file: h5py.File) -> None:
    file["a"] = h5py.SoftLink("/b")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("a", (8,), "u1", external=[("/etc/hostname", 0, 8)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/hostname", "a", (8,))
    file.create_virtual_dataset("a", layout)


def _claimed(file: h5py.File) -> None:
    file.create_dataset("a", (1 << 40,), "f4", chunks=(1 << 20,))


def _many_claimed(file: h5py.File) -> None:
    for number in range(500):
        file.create_dataset(f"a{number}", (1 << 18,), "f4")


def _linked_again(file: h5py.File) -> None:
    file["a"] = np.ones(1 << 15, np.float32)
    for number in range(50):
        file[f"a{number}"] = file["a"]


def _texts(file: h5py.File) -> None:
    file["a"] = ["text"]


def _time(file: h5py.File) -> None:
    """Write a data set of a type that NumPy does not have."""
    one = h5py.h5s.create(h5py.h5s.SCALAR)
    h5py.h5d.create(file.id, b"vars", h5py.h5t.UNIX_D32LE, one)


def _committed_type(file: h5py.File) -> None:
    file["a"] = np.dtype("f4")


def _circle(file: h5py.File) -> None:
    file["a/b"] = np.zeros(3)
    file["a/c"] = file["a"]


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (_external_link, "link to another file: '/layers/dense/vars/0'"),
        (_soft_link, "link to another file"),
        (_external_storage, "are in another file"),
        (_virtual, "are in another file"),
        (_claimed, "claim 4398046511104 bytes where the file has 0"),
        (_many_claimed, "claim 524288000 bytes where the file has 0"),
        (_linked_again, "claim 6684672 bytes where the file has 1"),
        (_texts, "are not numbers"),
        (_committed_type, "contain a type"),
        (_time, "are not an HDF5 file, or a damaged one"),
        (_circle, "nested too deeply"),
    ],
)
def test_weights_outside_their_file_are_refused(
    tmp_path: Path, fill: Callable[[h5py.File], None], reason: str
) -> None:
    """By themselves, and within a `.keras` file: what HDF5 would fetch from elsewhere is named."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    alone = tmp_path / "w.weights.h5"
    alone.write_bytes(content.getvalue())
    within = keras_file(tmp_path / "m.keras", {"model.weights.h5": content.getvalue()})
    for check, path in ((check_weights, alone), (check_keras, within), (check_weights, within)):
        with pytest.raises(RunError, match=f"is refused: its weights .*{reason}"):
            check(path)


def test_a_text_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    """HDF5 allocates what a text claims to be: a child process does, within its limit."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["layer_names"] = ["dense", "output"]
    heap = content.getvalue().index(b"GCOL")
    texts = [struct.pack("<IQ", length, heap) for length in (5, 0xFFFF_FFF0)]
    assert content.getvalue().count(texts[0]) == 1
    path = tmp_path / "w.weights.h5"
    path.write_bytes(content.getvalue().replace(texts[0], texts[1]))

    script = f"""
import pathlib, resource
from imgrec.errors import RunError
from imgrec.models.files import check_weights
from tools.peak_memory import peak_memory
try:
    check_weights(pathlib.Path({str(path)!r}))
except RunError as error:
    print(error)
print(peak_memory() < 2**30)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 2**30)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    refused = f"{path} is refused: its weights are not an HDF5 file, or a damaged one"
    assert done.stdout.splitlines() == [refused, "True", "True"]


def test_a_file_is_read_again_only_after_it_changed(tmp_path: Path) -> None:
    """The child process that reads its weights is started once, and once more for other weights."""
    path = keras_file(tmp_path / "m.keras", config=sequential(DENSE))

    def seconds_of_children() -> float:
        found = os.times()
        before = found.children_user + found.children_system
        check_keras(path)
        found = os.times()
        return found.children_user + found.children_system - before

    assert seconds_of_children() > 0
    assert seconds_of_children() == 0
    keras_file(path, config=sequential(DENSE, DENSE))
    assert seconds_of_children() > 0


def test_weights_of_other_kinds_are_refused(tmp_path: Path) -> None:
    """A suffix by which Keras would take another way is refused; plain weights are let in."""
    path = tmp_path / "w.h5"
    path.write_bytes(weights())
    check_weights(path)
    with pytest.raises(RunError, match=r"does not end in \.h5 or \.keras"):
        check_weights(path.rename(tmp_path / "w.weights.json"))


def test_a_backbone_takes_no_such_weights(tmp_path: Path) -> None:
    """`model.backbone.weights` is checked before Keras reads it."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        _external_link(file)
    text = f"""
name: hostile
data: {{loader: digits, image_size: [32, 32]}}
model: {{backbone: {{name: MobileNetV2, weights: '{tmp_path / "w.h5"}'}}, layers: [Flatten]}}
"""
    with pytest.raises(RunError, match=r"w\.h5 is refused: its weights link to another file"):
        build_network(parse(text, "hostile.yaml"), 10)


def test_every_layer_that_a_config_may_name_is_let_in() -> None:
    """A run trained here is never refused for its layers."""
    assert set(CONFIGURABLE) - {"Residual", "Repeat"} <= LAYERS

"""How long predicting and evaluating take as processes, compared with plain Keras scripts."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from imgrec.data.images import decode
from imgrec.runs.folder import find
from imgrec.runtime.litert_engine import FILES, open_litert
from imgrec.runtime.score import BATCH_SIZE
from tools.bench.figures import Figure, Size
from tools.bench.processes import Cost, cost_of, cost_text, imgrec, middle, own_cache

# The arguments of each: the model, the photo or folder, and the side of the images.
_START = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
model = keras.models.load_model(sys.argv[1], compile=False)
side = int(sys.argv[3])
"""
ONE_PHOTO = (
    _START
    + """
photo = keras.utils.load_img(sys.argv[2], target_size=(side, side))
print(model.predict(keras.utils.img_to_array(photo)[None], verbose=0))
"""
)
# What predicting a photo takes at least. Its arguments: the LiteRT file, the photo, the side.
BARE = """
import sys
import numpy as np
from PIL import Image
from ai_edge_litert.interpreter import Interpreter
side = int(sys.argv[3])
photo = Image.open(sys.argv[2]).convert("RGB").resize((side, side))
pixels = np.asarray(photo, np.float32)[None]
model = Interpreter(sys.argv[1])
taken, given = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
model.resize_tensor_input(taken, pixels.shape)
model.allocate_tensors()
model.set_tensor(taken, pixels)
model.invoke()
print(model.get_tensor(given))
"""
_FOLDER = (
    _START
    + """
data = keras.utils.image_dataset_from_directory(
    sys.argv[2], label_mode="binary", image_size=(side, side), shuffle=False, verbose=False)
"""
)
FOLDER = _FOLDER + "print(model.predict(data, verbose=0).mean())"
EVALUATION = (
    _FOLDER
    + """
model.compile(loss="binary_crossentropy", metrics=["accuracy"])
print(model.evaluate(data, verbose=0))
"""
)


def photos_and_folders(runs: Path, folder: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of one photo, of all training photos and of an evaluation, by a CNN's run.

    runs: holds `cat_dog-1`; folder: the photos it was trained on, in `train` and `validation`.
    """
    run = runs / "cat_dog-1"
    photo = _some_photo(folder)
    where = ("--model", str(run))
    keras = (str(run / "best.keras"), str(photo), "150")
    yield from _figures(
        "one photo, `cat_dog`",
        {
            "Keras": _script(ONE_PHOTO, *keras),
            "NumPy, Pillow and LiteRT": _script(BARE, str(run / FILES["float32"]), *keras[1:]),
            "imgrec": imgrec("predict", str(photo), *where),
        },
        size.rounds + 2,
        {"Keras": "at most 1/22, 90 MB", "NumPy, Pillow and LiteRT": "at most 1.25 times"},
    )
    train = str(folder / "train")
    form = ("--format", "jsonl", "--output", str(runs / "all.jsonl"))
    yield from _figures(
        "2,000 photos from disk, `cat_dog`",
        {
            "Keras": _script(FOLDER, keras[0], train, "150"),
            "imgrec": imgrec("predict", train, *where, *form),
        },
        size.rounds,
        {"Keras": "at most 1/3"},
        output=runs / "all.jsonl",
        split=(run, folder / "train"),
    )
    yield from _figures(
        "`evaluate` on 400 photos, `cat_dog`",
        {
            "Keras": _script(EVALUATION, keras[0], str(folder / "validation"), "150"),
            "imgrec": imgrec("evaluate", str(run)),
        },
        size.rounds,
        {"Keras": "at most 1/3"},
        split=(run, folder / "validation"),
    )


def large_network(run: Path, photo: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of one photo by the run of a full VGG16, in float32 and int8."""
    keras = _script(ONE_PHOTO, str(run / "best.keras"), str(photo), "224")
    predict = ("predict", str(photo), "--model", str(run))
    for precision, memory in (("float32", 700), ("int8", 260)):
        name = f"one photo, full VGG16, {precision}"
        ours = imgrec(*predict, "--precision", precision)
        with own_cache(run.parent):
            yield Figure(f"{name}: imgrec, the first time", cost_text(cost_of(ours)))
            ways, goals = {"Keras": keras, "imgrec": ours}, {"Keras": f"at most 1/10, {memory} MB"}
            yield from _figures(name, ways, size.rounds, goals)


def _figures(
    name: str,
    ways: Mapping[str, Sequence[str]],
    rounds: int,
    goals: Mapping[str, str],
    output: Path | None = None,
    split: tuple[Path, Path] | None = None,
) -> Iterator[Figure]:
    """Yield the cost of each way, measured in turns, and the ratios to imgrec, with their goals.

    output: removed before each. split: the run and the photos by which imgrec's time is divided.
    """
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, command in ways.items():
            if output is not None:
                output.unlink(missing_ok=True)
            costs[way].append(cost_of(command))
    for way, found in costs.items():
        yield Figure(f"{name}: {way}", cost_text(middle(found)))
    for way in [each for each in ways if each != "imgrec"]:
        pairs = zip(costs["imgrec"], costs[way], strict=True)
        ratio = statistics.median(ours.seconds / other.seconds for ours, other in pairs)
        shown = f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f} times"
        yield Figure(f"{name}: time of imgrec relative to {way}", shown, goals.get(way, ""))

    if split is not None:
        whole = statistics.median(each.processor for each in costs["imgrec"])
        decoder, network = _least(*split)
        yield Figure(
            f"{name}: processor time of imgrec",
            f"{whole:.1f} s: decoder {decoder:.1f} s, network {network:.1f} s, "
            f"the rest {whole - decoder - network:.1f} s",
        )


def _least(run: Path, folder: Path) -> tuple[float, float]:
    """Return the processor time in seconds of decoding photos, and that of the network."""
    engine = open_litert(find(str(run), run.parent))
    engine.answers(np.zeros((BATCH_SIZE, engine.spec.height, engine.spec.width, 3), np.uint8))
    decoder = network = 0.0
    photos = sorted(folder.rglob("*.jpg"))
    for start in range(0, len(photos), BATCH_SIZE):
        began = time.process_time()
        pixels = [decode(photo, engine.spec) for photo in photos[start : start + BATCH_SIZE]]
        decoded = time.process_time()
        engine.answers(np.stack(pixels))
        decoder += decoded - began
        network += time.process_time() - decoded
    return decoder, network


def _script(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def _some_photo(folder: Path) -> Path:
    return min((folder / "validation").rglob("*.jpg"))

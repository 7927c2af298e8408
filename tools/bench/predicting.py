"""How long predicting and evaluating take as processes, compared with plain Keras scripts."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from imgrec.runtime.litert_engine import FILES
from tools.bench.figures import Figure, Size
from tools.bench.processes import Cost, cost_of, cost_text, imgrec, middle

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
        "at most 1/10, 130 MB",
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
        "at most 1/2",
        output=runs / "all.jsonl",
    )
    yield from _figures(
        "`evaluate` on 400 photos, `cat_dog`",
        {
            "Keras": _script(EVALUATION, keras[0], str(folder / "validation"), "150"),
            "imgrec": imgrec("evaluate", str(run)),
        },
        size.rounds,
        "at most 1/2",
    )


def large_network(run: Path, photo: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of one photo by the run of a full VGG16, in float32 and int8."""
    keras = _script(ONE_PHOTO, str(run / "best.keras"), str(photo), "224")
    predict = ("predict", str(photo), "--model", str(run))
    for precision, goal in (("float32", "at most 1/6"), ("int8", "at most 1/10, 450 MB")):
        ways = {"Keras": keras, "imgrec": imgrec(*predict, "--precision", precision)}
        yield from _figures(f"one photo, full VGG16, {precision}", ways, size.rounds, goal)


def _figures(
    name: str,
    ways: Mapping[str, Sequence[str]],
    rounds: int,
    goal: str,
    output: Path | None = None,
) -> Iterator[Figure]:
    """Yield the cost of each way, measured in turns, and the ratios to imgrec."""
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
        yield Figure(
            f"{name}: time of imgrec relative to {way}", shown, goal if way == "Keras" else ""
        )


def _script(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def _some_photo(folder: Path) -> Path:
    return min((folder / "validation").rglob("*.jpg"))

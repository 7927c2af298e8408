"""How long `train --quick` takes as a process, compared with a plain Keras script.

Both have EfficientNet-Lite0 with ImageNet weights, whose features are computed once. fastai and
Ultralytics download their weights, so they are not compared.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.bench.figures import Figure, Size
from tools.bench.processes import Cost, cost_of, cost_text, imgrec, middle, own_cache
from tools.photos import LITE0

# The arguments: the network with its classifier, the photos, the model to write.
KERAS = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
network = keras.models.load_model(sys.argv[1], compile=False)
backbone = keras.Model(network.input, network.layers[-1].input)
def images(part):
    return keras.utils.image_dataset_from_directory(
        f"{sys.argv[2]}/{part}", label_mode="int", image_size=(224, 224), shuffle=False,
        crop_to_aspect_ratio=True, verbose=False)
parts = {}
for part in ("train", "validation"):
    data = images(part)
    labels = np.concatenate([each for _, each in data])
    parts[part] = backbone.predict(data, verbose=0), labels
head = keras.layers.Dense(2, activation="softmax")
model = keras.Sequential([keras.Input(backbone.output.shape[1:]), head])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(*parts["train"], epochs=20, verbose=0)
_, accuracy = model.evaluate(*parts["validation"], verbose=0)
keras.Model(backbone.input, head(backbone.output)).save(sys.argv[3])
with open(sys.argv[3] + ".json", "w") as file:
    json.dump(accuracy, file)
"""


def quick(folder: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of a model of the photos in `train` and `validation`, and its accuracy."""
    costs: dict[str, list[Cost]] = {"plain Keras": [], "imgrec": []}
    right: dict[str, float] = {}
    for _ in range(max(1, size.rounds - 1)):
        with tempfile.TemporaryDirectory() as place, own_cache(place):
            if LITE0.is_file():
                model = f"{place}/model.keras"
                script = [sys.executable, "-c", KERAS, str(LITE0), str(folder), model]
                costs["plain Keras"].append(cost_of(script))
                right["plain Keras"] = json.loads(Path(f"{model}.json").read_text("utf-8"))
            target = "evaluation.selective_prediction={precision: 0.98}"
            where = ("--runs-dir", place, "--name", "quick")
            command = imgrec("train", str(folder.resolve()), "--quick", "--set", target, *where)
            costs["imgrec"].append(cost_of(command))
            metrics = json.loads(Path(f"{place}/quick-1/metrics.json").read_text("utf-8"))
            right["imgrec"] = metrics["metrics"]["accuracy"]["value"]
    for way, accuracy in right.items():
        yield Figure(f"2,000 photos to a model: {way}", cost_text(middle(costs[way])))
        yield Figure(f"accuracy on the 400 validation photos: {way}", f"{accuracy:.2%}")
    if "plain Keras" in right:
        pairs = zip(costs["plain Keras"], costs["imgrec"], strict=True)
        ratio = statistics.median(keras.seconds / ours.seconds for keras, ours in pairs)
        yield Figure("time of imgrec relative to plain Keras", f"1/{ratio:.1f}")

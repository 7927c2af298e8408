"""Make the small valid files that are mutated, and what is around them: `make_seeds`."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CONFIG = """
name: tiny
seed: 1
data:
  root: photos
  image_size: [16, 16]
  split: {validation: 0.25, test: 0.25}
  batch_size: 8
preprocessing: {rescale: 1/255}
augmentation: {horizontal_flip: true, width_shift_range: 0.1}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu, name: first}
    - BatchNormalization: {name: norm}
    - MaxPooling2D
    - Residual: {layers: [Conv2D: {filters: 4, kernel_size: 3, padding: same, name: second}]}
    - Repeat: {times: 2, layers: [ReLU]}
    - Flatten
    - Dropout: {rate: 0.2}
    - Dense: {units: 16, activation: relu, name: third}
training:
  epochs: 1
  optimizer: {Adam: {learning_rate: 1e-2}}
  callbacks: [EarlyStopping: {patience: 3}]
evaluation: {require: [accuracy >= 0.0]}
"""
LABELS = {
    "labels.txt": "0 bright\n1 dark\n",
    "labels.csv": "id,name\n0,bright\n1,dark\n",
    "labels.json": '{"bright": 0, "dark": 1}',
    "index.json": '{"0": ["n01440764", "bright"], "1": ["n01443537", "dark"]}',
    "labels.pbtxt": 'item {\n  id: 1\n  name: "bright"\n}\nitem {\n  id: 2\n  name: "dark"\n}\n',
}


def make_seeds(folder: Path) -> None:
    """Write everything below a new folder; it becomes the working directory."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    _photos(Path("photos"))
    _pictures(Path("pictures"))
    _data()
    _write({f"labels/{name}": text.encode() for name, text in LABELS.items()})
    _write({"configs/tiny.yaml": CONFIG.encode(), "labels.txt": b"bright\ndark\n"})
    _runs_and_models()


def _write(files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def _pixels(number: int, channels: int = 3, height: int = 20, width: int = 24) -> NDArray[np.uint8]:
    """Return noise on a ramp, different for each number."""
    random = np.random.default_rng(number)
    ramp = np.linspace(0, 150, width)[None, :, None] + random.integers(
        0, 100, (height, 1, channels)
    )
    return (ramp + random.integers(0, 5, (height, width, channels))).astype(np.uint8)


def _photos(root: Path) -> None:
    for number in range(16):
        folder = root / ("bright", "dark")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_pixels(number) // (1 + number % 2)).save(folder / f"{number}.png")


def _pictures(root: Path) -> None:
    """Write the image formats, each in several forms."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    rgb = Image.fromarray(_pixels(0))
    grey, rgba = rgb.convert("L"), rgb.convert("RGBA")
    rgba.putalpha(grey)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"save_all": True, "append_images": [rgb.rotate(90), rgb.rotate(180)]}
    forms: Mapping[str, list[tuple[Image.Image, dict[str, Any]]]] = {
        "jpeg": [
            *((rgb, {"exif": exif}), (rgb, {"progressive": True})),
            *((grey, {}), (rgb.convert("CMYK"), {})),
        ],
        "png": [
            *((rgb, {}), (rgba, {}), (rgb.convert("P"), {"transparency": 3})),
            *((deep, {}), (rgb, several)),
        ],
        "gif": [(rgb, {}), (rgb, several), (rgb.convert("P"), {"transparency": 3})],
        "bmp": [(rgb, {}), (rgba, {}), (rgb.convert("1"), {}), (rgb.convert("P"), {})],
        "webp": [(rgb, {"exif": exif}), (rgba, {"lossless": True}), (rgb, several)],
        "tiff": [
            *((rgb, {"compression": each}) for each in ("raw", "tiff_lzw", "jpeg")),
            *((rgb.convert(mode), {}) for mode in ("CMYK", "LAB", "P", "1")),
            *((deep, {}), (rgb, several), (rgba, {"compression": "packbits"})),
        ],
        "ppm": [(rgb, {}), (grey, {}), (rgb.convert("1"), {})],
        "jp2": [(rgb, {}), (rgba, {"num_resolutions": 2}), (rgb, {"tile_size": (16, 16)})],
        "avif": [(rgb, {"exif": exif}), (rgba, {}), (rgb, several)],
        "heic": [(rgb, {"exif": exif}), (rgba, {}), (rgb, several)],
    }  # fmt: skip
    for name, images in forms.items():
        for folder in ("seeds", "others"):
            (root / name / folder).mkdir(parents=True)
        for number, (image, options) in enumerate(images):
            image.save(root / name / "seeds" / f"{number}.{name}", **options)
        for number in range(4):
            Image.fromarray(_pixels(number + 9)).save(root / name / "others" / f"{number}.png")
    (root / "ppm/seeds/3.ppm").write_bytes(b"P3 2 2 255\n0 1 2 3 4 5\n6 7 8 9 10 11\n")
    codestream = io.BytesIO()
    rgb.save(codestream, "JPEG2000", no_jp2=True)
    (root / "jp2/seeds/3.j2k").write_bytes(codestream.getvalue())


def _data() -> None:
    """Write small data sets in each form but that of a pack."""
    from tools.fuzz.containers import frame

    x, y = np.stack([_pixels(number) for number in range(6)]), np.arange(6) % 2
    names = np.array(["bright", "dark"])
    for name, arrays in (
        ("npz/0.npz", {"x_train": x, "y_train": y, "x_test": x[:2] + 1, "y_test": y[:2]}),
        ("npz/1.npz", {"images": x / 255, "labels": np.eye(2)[y], "classes": names}),
        ("npz/2.npz", {"x": x[..., 0], "y": names[y]}),
    ):
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        _write({name: stream.getvalue()})
    _write({f"pickle/{n}.pkl": pickle.dumps((x, y), protocol=n) for n in (0, 2, 4)})
    _write({"pickle/5.pkl": pickle.dumps({"x": x.tolist(), "y": names[y].tolist()}, protocol=5)})
    images = struct.pack(">4I", 0x803, 6, 20, 24) + x[..., 0].tobytes()
    labels = struct.pack(">2I", 0x801, 6) + y.astype(np.uint8).tobytes()
    parts = {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels}
    _write({f"idx/{name}": content for name, content in parts.items()})
    _write({f"idx_gz/{name}.gz": gzip.compress(part, mtime=0) for name, part in parts.items()})
    rows = [
        f"../photos/{c}/{n}.png,{c},train" for n in range(8) for c in [("bright", "dark")[n % 2]]
    ]
    _write({"csv/images.csv": "\n".join(["path,label,split", *rows, ""]).encode()})
    examples = (_example(Path(f"photos/bright/{n}.png").read_bytes(), n % 4) for n in (0, 2, 4, 6))
    _write({"tfrecord/0.tfrecord": b"".join(map(frame, examples))})


def _example(image: bytes, label: int) -> bytes:
    """Return a `tf.train.Example` of an encoded image and the number of its class."""
    features = (
        _field(1, b"image/encoded") + _field(2, _field(1, _field(1, image))),
        _field(1, b"image/class/label") + _field(2, _field(3, _field(1, bytes([label])))),
    )
    return _field(1, b"".join(_field(1, each) for each in features))


def _field(number: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + content


def _runs_and_models() -> None:
    """Train a model for an epoch, and write it and others in each form."""
    _imgrec("train", "configs/tiny.yaml")
    _imgrec("data", "pack", "configs/tiny.yaml", "--output", "pack")
    Path("models").mkdir()
    _imgrec("export", "--format", "litert", "--precision", "int8", "--output", "models/int8.tflite")
    _imgrec("export", "--format", "litert", "--output", "models/own.tflite")
    _imgrec("export", "--format", "keras", "--output", "models/own.keras")
    _models(Path("models"))
    _weights(Path("weights"))


def _models(folder: Path) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    taken = keras.Input((16, 16, 3))
    wide = layers.SeparableConv2D(4, 3, padding="same", activation="relu6")(
        layers.Rescaling(1 / 255)(taken)
    )
    pooled = layers.AveragePooling2D(2)(layers.Add()([wide, layers.Conv2D(4, 1)(taken)]))
    resized = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2DTranspose(2, 3)(pooled))
    rows = layers.Conv1D(4, 3)(layers.Permute((2, 1))(layers.Reshape((20, 40))(resized)))
    both = layers.Concatenate()([layers.Flatten()(rows), layers.GlobalMaxPooling2D()(wide)])
    model = keras.Model(
        taken, layers.Dense(2, activation="softmax")(layers.LayerNormalization()(both))
    )
    model.save(folder / "plain.keras")
    model.export(str(folder / "plain.tflite"), format="litert", verbose=False)


def _weights(folder: Path) -> None:
    """Write the weights of the trained model in Keras' forms."""
    import keras

    folder.mkdir()
    model = keras.saving.load_model("runs/tiny-1/best.keras")
    model.save_weights(folder / "0.weights.h5")
    model.save(folder / "1.h5")
    model.save(folder / "2.keras")


def _imgrec(*arguments: str) -> None:
    from imgrec.cli.main import main

    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    make_seeds(Path(sys.argv[1]))

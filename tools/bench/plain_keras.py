"""A plain Keras script, to compare the trainings of imgrec with.

python -m tools.bench.plain_keras augmented FOLDER   a small network, photos by ImageDataGenerator
python -m tools.bench.plain_keras frozen FOLDER WEIGHTS   a head on frozen VGG16

FOLDER has class folders of two classes. Printed are the images/s of the second epoch on, as JSON.
TensorFlow starts as it is installed.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import keras
import tensorflow as tf
from keras import layers

SIZE = (150, 150)
EPOCHS = 3
STEPS = 10


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Records how long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the time."""
        self.seconds.append(time.perf_counter() - self._began)


def small_network() -> Any:
    """Return the network of `cat_dog`, compiled."""
    model = keras.Sequential([keras.Input((*SIZE, 3))])
    for filters in (32, 64, 128, 128):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(512, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid", dtype="float32"))
    model.compile(keras.optimizers.RMSprop(1e-4), "binary_crossentropy", metrics=["accuracy"])
    return model


def augmented(folder: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return the network of `cat_dog`, its photos with the same augmentation, and the steps."""
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
    )
    flow = generator.flow_from_directory(folder, SIZE, batch_size=32, class_mode="binary")
    return small_network(), flow, {"steps_per_epoch": STEPS}


def frozen(folder: str, weights: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return frozen VGG16 with the head of `vgg16_transfer`, and its photos."""
    network = keras.applications.VGG16(include_top=False, weights=weights, input_shape=(*SIZE, 3))
    network.trainable = False
    pixels = keras.Input((*SIZE, 3))
    tensor = network(keras.applications.vgg16.preprocess_input(pixels))
    tensor = layers.Dense(256, activation="relu")(layers.GlobalAveragePooling2D()(tensor))
    output = layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(tensor))
    model = keras.Model(pixels, output)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    files = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=SIZE, batch_size=32
    )
    return model, files.prefetch(tf.data.AUTOTUNE), {}


def main(kind: str, *places: str) -> None:
    """Train, and print the images/s."""
    model, data, settings = (augmented if kind == "augmented" else frozen)(*places)
    clock = Clock()
    model.fit(data, epochs=EPOCHS, verbose=0, callbacks=[clock], **settings)
    images = 32 * STEPS if kind == "augmented" else sum(len(batch) for batch, _ in data)
    print(json.dumps({"images_per_second": images / statistics.median(clock.seconds[1:])}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A plain Keras script, to compare the trainings of imgrec with.

python -m tools.bench.plain_keras cat_dog FOLDER            photos by ImageDataGenerator
python -m tools.bench.plain_keras cat_dog_plus FOLDER       the same
python -m tools.bench.plain_keras frozen FOLDER WEIGHTS     a head on frozen VGG16
python -m tools.bench.plain_keras features FOLDER WEIGHTS   what frozen VGG16 predicts

FOLDER has class folders of two classes. Printed are the images/s as JSON: of the second epoch on,
or of the only call of `predict`, with photos in memory.
TensorFlow starts as it is installed.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SIZE = (150, 150)
PLUS_SIZE = (112, 112)
BATCH = 32
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


def residual_network() -> Any:
    """Return the network of `cat_dog_plus`, compiled."""
    pixels = keras.Input((*PLUS_SIZE, 3))
    tensor = _convolution(pixels, 32, 5, strides=2)
    for filters, residual in ((48, False), (64, True), (128, True), (192, True)):
        tensor = _convolution(tensor, filters, 3)
        if residual:
            inner = _convolution(_convolution(tensor, filters, 3), filters, 3, activation=None)
            tensor = layers.ReLU()(layers.Add()([tensor, inner]))
        if filters not in (64, 192):
            tensor = layers.MaxPooling2D()(tensor)
    tensor = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(tensor))
    output = layers.Dense(2, activation="softmax", dtype="float32")(tensor)
    model = keras.Model(pixels, output)
    optimizer = keras.optimizers.AdamW(1e-4, weight_decay=1e-3, use_ema=True, ema_momentum=0.99)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def _convolution(
    tensor: Any, filters: int, size: int, *, strides: int = 1, activation: str | None = "relu"
) -> Any:
    tensor = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(tensor)
    tensor = layers.BatchNormalization()(tensor)
    return layers.ReLU()(tensor) if activation else tensor


def cat_dog(folder: str) -> float:
    """Return the images/s of a training of `cat_dog`, photos augmented alike."""
    flow = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
    ).flow_from_directory(folder, SIZE, batch_size=BATCH, class_mode="binary")
    return _trained(small_network(), flow, BATCH * STEPS, steps_per_epoch=STEPS)


def cat_dog_plus(folder: str) -> float:
    """Return the images/s of a training of `cat_dog_plus`, without random erasing and mixup."""
    flow = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        zoom_range=[0.7, 1.1],
        brightness_range=[0.7, 1.3],
        channel_shift_range=20,
        horizontal_flip=True,
        fill_mode="reflect",
    ).flow_from_directory(folder, PLUS_SIZE, batch_size=BATCH, class_mode="categorical")
    return _trained(residual_network(), flow, BATCH * STEPS, steps_per_epoch=STEPS)


def frozen(folder: str, weights: str) -> float:
    """Return the images/s of a training of the head of `vgg16_transfer`, on frozen VGG16."""
    network = _vgg16(weights)
    network.trainable = False
    pixels = keras.Input((*SIZE, 3))
    tensor = network(keras.applications.vgg16.preprocess_input(pixels))
    tensor = layers.Dense(256, activation="relu")(layers.GlobalAveragePooling2D()(tensor))
    output = layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(tensor))
    model = keras.Model(pixels, output)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    files = _files(folder)
    return _trained(model, files, sum(len(batch) for batch, _ in files))


def features(folder: str, weights: str) -> float:
    """Return the images/s of the features that frozen VGG16 predicts."""
    pixels = keras.Input((*SIZE, 3))
    tensor = _vgg16(weights)(keras.applications.vgg16.preprocess_input(pixels))
    model = keras.Model(pixels, layers.GlobalAveragePooling2D()(tensor))
    images = np.concatenate([batch.numpy() for batch, _ in _files(folder)])
    began = time.perf_counter()
    model.predict(images, batch_size=BATCH, verbose=0)
    return len(images) / (time.perf_counter() - began)


def _vgg16(weights: str) -> Any:
    return keras.applications.VGG16(include_top=False, weights=weights, input_shape=(*SIZE, 3))


def _files(folder: str) -> Any:
    files = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=SIZE, batch_size=BATCH
    )
    return files.prefetch(tf.data.AUTOTUNE)


def _trained(model: Any, data: Any, images: int, **settings: int) -> float:
    """Train, and return the images/s of the second epoch on."""
    clock = Clock()
    model.fit(data, epochs=EPOCHS, verbose=0, callbacks=[clock], **settings)
    return images / statistics.median(clock.seconds[1:])


KINDS = {each.__name__: each for each in (cat_dog, cat_dog_plus, frozen, features)}


def main(kind: str, *places: str) -> None:
    """Print the images/s."""
    print(json.dumps({"images_per_second": KINDS[kind](*places)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

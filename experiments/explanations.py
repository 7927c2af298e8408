"""Measure `imgrec explain` on images with known positions; docs/results.md has the results.

python -m experiments.explanations RUN [--pictures 60] [--seed 1000]
    [--methods windows dense gradcam] [--threshold 0.99]

A photo of a cat and one of a dog are pasted at known places, one into each half, on a plain or
photographic ground. RUN knows the classes `cats` and `dogs`, or it is an ImageNet classifier, whose
breeds are added up. The photos are looked for below IMGREC_TEST_DATA (default ../shared).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec, decode, decode_whole
from imgrec.data.records import Photo
from imgrec.evaluation.metrics import exact_interval
from imgrec.explanation.values import Area, Heat, Segments
from imgrec.runs.folder import Run, default_runs_dir, find
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import ONE_LABEL, Decision
from imgrec.workflows.explanation import ExplainOptions, open_explainer
from tools.photos import DATA, PETS, WITH_PETS

# The positions of cats and dogs among ImageNet's 1,000 classes.
BREEDS = {"cats": range(281, 286), "dogs": range(151, 269)}
WIDTH, HEIGHT = 900, 600
OVERLAP = 0.5

Pixels = NDArray[np.float32]
Judge = Callable[[int], tuple[int, Counter[str]]]
"""From the seed of an image to how many of its two animals are hit, and other counts."""


@dataclass(frozen=True)
class Composed:
    """An image with a cat and a dog, and where each was pasted."""

    image: Image.Image
    places: Mapping[str, Area]

    @property
    def photo(self) -> Photo:
        """The image in the form that explanations take."""
        return Photo("composed", self.image)


@dataclass(frozen=True)
class Pets:
    """An engine with three classes: cats, dogs, and everything else that its model knows."""

    engine: Engine

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return (*PETS, "else")

    @property
    def decision(self) -> Decision:
        """An image has one class."""
        return ONE_LABEL

    @property
    def spec(self) -> ImageSpec:
        """The form of images that the engine expects."""
        return self.engine.spec

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the outputs for uint8 images (batch, height, width, channels)."""
        found = self.engine.answers(images)
        return ModelOutput(self.added(found.probabilities), found.ood_similarity)

    def added(self, probabilities: Pixels) -> Pixels:
        """Return the probabilities (..., classes) of cats, dogs, and everything else."""
        pets = [probabilities[..., each].sum(axis=-1) for each in self._columns]
        return np.stack([*pets, 1 - sum(pets)], axis=-1).astype(np.float32)

    def segments(self, found: Segments) -> Segments:
        """Return what is coloured as a cat, a dog or something else, with all breeds merged."""
        pets = [found.named[..., each].any(axis=-1) for each in self._columns]
        named = np.stack([*pets, found.known & ~np.any(pets, axis=0)], axis=-1)
        return Segments(self.added(found.probabilities), named, found.area)

    def surest(self, image: Image.Image, pet: str) -> int:
        """Return the most probable class of a pet."""
        pixels = decode(image, self.spec)
        (probabilities,) = self.engine.answers(pixels[np.newaxis]).probabilities
        columns = self._columns[PETS.index(pet)]
        return columns[int(probabilities[columns].argmax())]

    @cached_property
    def _columns(self) -> tuple[list[int], ...]:
        """Which of the model's classes are cats, and which are dogs."""
        if set(PETS) <= set(self.engine.classes):
            return tuple([self.engine.classes.index(pet)] for pet in PETS)
        return tuple([*BREEDS[pet]] for pet in PETS)


def main(arguments: list[str]) -> None:
    """Print the fraction of cases that each method gets right, with its 95 % interval."""
    parser = argparse.ArgumentParser(description="Measure imgrec explain.")
    parser.add_argument("run")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--threshold", type=float, help="as for imgrec explain")
    options = parser.parse_args(arguments)
    run = find(options.run, default_runs_dir())
    for method in options.methods:
        judge, hits, others = METHODS[method](run, options.threshold), 0, Counter[str]()
        for seed in range(options.seed, options.seed + options.pictures):
            hit, more = judge(seed)
            hits, others = hits + hit, others + more
        share, cases = (
            exact_interval(hits, len(PETS) * options.pictures),
            len(PETS) * options.pictures,
        )
        print(
            f"{method}: {hits} of {cases}, {share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
        )
        for what, count in others.items():
            print(f"  {what}: {count}, {count / cases:.2f} for each animal", flush=True)


def compose(seed: int) -> Composed:
    """Return the image of a seed: 900x600, with photos of about 200 to 320 pixels a side."""
    random = np.random.default_rng(seed)
    image = _ground(random)
    order, places = list(PETS), {}
    random.shuffle(order)
    for half, pet in enumerate(order):
        photo = _photo(f"cats_dogs/validation/{pet}", random)
        side = random.uniform(200, 320)
        scale = side / np.sqrt(photo.width * photo.height)
        scale = min(scale, (WIDTH / 2 - 30) / photo.width, (HEIGHT - 40) / photo.height)
        photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
        left = half * WIDTH // 2 + int(random.integers(WIDTH // 2 - photo.width + 1))
        top = int(random.integers(HEIGHT - photo.height + 1))
        image.paste(photo, (left, top))
        places[pet] = Area(left, top, left + photo.width, top + photo.height)
    return Composed(image, places)


def _ground(random: np.random.Generator) -> Image.Image:
    if random.random() < 0.5:
        red, green, blue = random.integers(0, 256, 3).tolist()
        return Image.new("RGB", (WIDTH, HEIGHT), (red, green, blue))
    return _photo("photos", random).resize((WIDTH, HEIGHT))


def _photo(folder: str, random: np.random.Generator) -> Image.Image:
    found = [each for each in sorted((DATA / folder).glob("*.jpg")) if each.stem not in WITH_PETS]
    return decode_whole(found[int(random.integers(len(found)))], 3)


def of_windows(run: Run, threshold: float | None = None) -> Judge:
    """A hit: the most confident box of the animal has an IoU of at least 0.5 with its photo."""
    explainer = open_explainer(run, ExplainOptions(threshold=threshold, method="windows"))
    asked = replace(explainer, engine=Pets(explainer.engine))

    def judge(seed: int) -> tuple[int, Counter[str]]:
        made, hits, others = compose(seed), 0, Counter[str]()
        found = asked.explain(made.photo).found
        for pet, place in made.places.items():
            overlaps = [each.area.overlap(place) for each in found if each.class_name == pet]
            hits += bool(overlaps) and overlaps[0] >= OVERLAP
            others["any box hits"] += max(overlaps, default=0) >= OVERLAP
            others["boxes"] += len(overlaps)
        return hits, others

    return judge


def of_dense(run: Run, threshold: float | None = None) -> Judge:
    """A hit: most of the area coloured as the animal is in the half where it is."""
    explainer = open_explainer(run, ExplainOptions(threshold=threshold, method="dense"))
    pets = Pets(explainer.engine)

    def judge(seed: int) -> tuple[int, Counter[str]]:
        made, hits, others = compose(seed), 0, Counter[str]()
        found = cast(Segments, explainer.explain(made.photo).segments)
        answers = pets.segments(found).over((WIDTH, HEIGHT), (WIDTH // 10, HEIGHT // 10))
        for column, pet in enumerate(PETS):
            coloured = (answers == column).sum(axis=0)
            left, right = coloured[: WIDTH // 20].sum(), coloured[WIDTH // 20 :].sum()
            hits += bool(left > right) if made.places[pet].left < WIDTH / 2 else bool(right > left)
            others["nothing coloured"] += not coloured.any()
        return hits, others

    return judge


def of_gradcam(run: Run, _: float | None = None) -> Judge:
    """A hit: the maximum of the heat map is on the photo of the animal (the pointing game).

    A threshold says nothing of it.
    """
    explainer = open_explainer(run, ExplainOptions(method="gradcam"))
    pets = Pets(explainer.engine)
    # Each determines the sizes that its network accepts only once.
    of_class = cache(lambda column: replace(explainer, wanted=column))

    def judge(seed: int) -> tuple[int, Counter[str]]:
        made, hits = compose(seed), 0
        for pet, place in made.places.items():
            asked = of_class(pets.surest(made.image, pet))
            hits += _points_at(asked.explain(made.photo).heat, place)
        return hits, Counter()

    return judge


def _points_at(heat: Heat, place: Area) -> bool:
    values = heat.over((WIDTH, HEIGHT), (WIDTH, HEIGHT))
    top, left = np.unravel_index(values.argmax(), values.shape)
    on = place.left <= left < place.right and place.top <= top < place.bottom
    return bool(on and values.max() > 0)


METHODS: Mapping[str, Callable[[Run, float | None], Judge]] = {
    "gradcam": of_gradcam,
    "dense": of_dense,
    "windows": of_windows,
}


if __name__ == "__main__":
    main(sys.argv[1:])

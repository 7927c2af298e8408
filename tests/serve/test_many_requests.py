"""Many requests at once, of random forms and models, are answered as `imgrec predict` answers."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from imgrec.runs.folder import Run
from tests.serve.running import drawn
from tests.serve.serving import FORMS, Connection, Form, Labels, predicted, service

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
REQUESTS = int(os.environ.get("IMGREC_REQUESTS", "20000"))
KINDS = (("PNG", 40, 30), ("JPEG", 400, 300), ("JPEG", 90, 160), ("GIF", 64, 64), ("BMP", 31, 17))
PHOTOS = 30
LISTED = 5
"""How many classes every form lists at least, if there are as many; the most probable ones."""


class Case(NamedTuple):
    """A photo, asked about in a form, and the answer of `imgrec predict`."""

    form: Form
    model: str
    photo: bytes
    expected: Labels


@pytest.mark.slow
def test_every_probability_is_that_of_predict(
    colour_run: Run, trained: Run, tmp_path: Path
) -> None:
    """Bit for bit, for 1 to 64 clients at once, with 20,000 requests, or IMGREC_REQUESTS."""
    photos = written_photos(tmp_path)
    contents = [photo.read_bytes() for photo in photos]
    twin = Run(shutil.copytree(colour_run.path, tmp_path / "colours-2"), colour_run.card)
    models = {"colours": [colour_run], "digits": [trained], "both": [colour_run, twin]}
    expected = {name: predicted(runs, photos) for name, runs in models.items()}
    draw = random.Random(0)  # noqa: S311 - not a secret
    differing: list[str] = []

    with service(models, tmp_path) as host:
        for clients in CLIENTS:
            cases = drawn_cases(draw, REQUESTS // len(CLIENTS), contents, expected)
            shares = [cases[number::clients] for number in range(clients)]
            with ThreadPoolExecutor(clients) as pool:
                for found in pool.map(partial(differences, host), shares):
                    differing += found

    assert differing == []


def written_photos(folder: Path) -> Sequence[Path]:
    """Write photos of several formats and sizes."""
    paths = [folder / f"{number}.{KINDS[number % len(KINDS)][0]}" for number in range(PHOTOS)]
    for number, path in enumerate(paths):
        kind, width, height = KINDS[number % len(KINDS)]
        path.write_bytes(drawn(number, kind, (width, height)))
    return paths


def drawn_cases(
    draw: random.Random,
    count: int,
    photos: Sequence[bytes],
    expected: Mapping[str, Sequence[Labels]],
) -> Sequence[Case]:
    """Return random cases."""
    cases = []
    for _ in range(count):
        model, number = draw.choice([*expected]), draw.randrange(PHOTOS)
        cases.append(Case(draw.choice(FORMS), model, photos[number], expected[model][number]))
    return cases


def differences(host: str, cases: Sequence[Case]) -> Sequence[str]:
    """Ask on one connection, and return the answers that are not equal to the expected ones."""
    with closing(Connection(host)) as connection:
        return [*wrong_answers(connection, cases)]


def wrong_answers(connection: Connection, cases: Sequence[Case]) -> Iterator[str]:
    """Yield each answer that is not equal to the expected one."""
    for form, model, photo, expected in cases:
        found = form(connection, model, photo)
        listed = [*expected.items()][: max(len(found), min(LISTED, len(expected)))]
        if found != dict(listed):
            yield f"{form.__name__}, {model}: {found}, expected {expected}"

"""`imgrec info`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from imgrec.cli.info import _lines
from imgrec.models.backend import describe

pytestmark = pytest.mark.tensorflow

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def test_info(process: Imgrec) -> None:
    """Versions and devices come as one document; TensorFlow's start-up is not heard."""
    done = process("info", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["versions"]["numpy"] == np.__version__
    assert {"tensorflow", "keras", "pillow", "libjpeg"} <= set(document["versions"])
    assert {"processor", "cores", "avx512", "onednn", "gpus"} == set(document["machine"])


def test_without_tensorflow_nothing_is_said_about_what_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether oneDNN is on, and which GPUs it would find."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    machine = describe()
    assert (machine.onednn, machine.gpus) == (None, ())
    assert _lines(machine)[-2:] == [
        ("oneDNN", "not known: TensorFlow is not installed"),
        ("GPU", "not known: TensorFlow is not installed"),
    ]


@pytest.mark.slow
def test_info_for_people(process: Imgrec) -> None:
    """The table names what a report of a problem should hold."""
    lines = process("info").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:3] == ["what", "imgrec", "python"]
    assert names[-4:] == ["processor", "AVX-512", "oneDNN", "GPU"]

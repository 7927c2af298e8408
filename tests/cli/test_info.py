"""`imgrec info`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from imgrec.cli.documents import InfoDocument
from imgrec.cli.info import _lines
from imgrec.models.backend import describe
from tests.cli.documents import printed

pytestmark = pytest.mark.tensorflow

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def test_info(process: Imgrec) -> None:
    """Versions and devices come as one document; TensorFlow's start-up is not heard."""
    done = process("info", "--json")
    assert done.stderr == ""
    document = printed(InfoDocument, done)
    assert document.versions["numpy"] == np.__version__
    assert {"tensorflow", "keras", "pillow", "libjpeg"} <= set(document.versions)
    assert document.machine == describe()


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
    assert names[:3] == ["item", "imgrec", "python"]
    assert names[-5:] == ["processor", "AVX-512", "bfloat16", "oneDNN", "GPU"]

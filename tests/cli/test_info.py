"""`imgrec info`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

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


@pytest.mark.slow
def test_info_for_people(process: Imgrec) -> None:
    """The table names what a report of a problem should hold."""
    lines = process("info").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:3] == ["what", "imgrec", "python"]
    assert names[-4:] == ["processor", "AVX-512", "oneDNN", "GPU"]

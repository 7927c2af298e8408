"""`imgrec info`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def test_info(imgrec: Imgrec) -> None:
    """Versions and devices come as one document; TensorFlow's start-up is not heard."""
    process = imgrec("info", "--json")
    assert (process.returncode, process.stderr) == (0, "")
    document = json.loads(process.stdout)
    assert document["versions"]["numpy"] == np.__version__
    assert {"tensorflow", "keras", "pillow", "libjpeg"} <= set(document["versions"])
    assert {"processor", "cores", "avx512", "onednn", "gpus"} == set(document["machine"])


@pytest.mark.slow
def test_info_for_people(imgrec: Imgrec) -> None:
    """The table names what a report of a problem should hold."""
    lines = imgrec("info").stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert names[:3] == ["what", "imgrec", "python"]
    assert names[-4:] == ["processor", "AVX-512", "oneDNN", "GPU"]

"""A small config, and what is wrong with a changed one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError

CONFIG = """\
name: pets
data:
  root: pets
  image_size: [32, 48]
model:
  layers:
    - Conv2D: {filters: 8, kernel_size: 3}
    - Flatten
training:
  optimizer: {Adam: {learning_rate: 1e-3}}
"""


@pytest.fixture
def config() -> str:
    """Return the text of a config that is right."""
    return CONFIG


@pytest.fixture
def problems() -> Callable[..., list[str]]:
    """Return a function from `--set` overrides to the lines of the problems that they make."""

    def find(*overrides: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            parse(CONFIG, "pets.yaml", overrides)
        found = str(caught.value)
        lines = found.splitlines()[1:] or [found.removeprefix("pets.yaml, ")]
        return [re.sub(r"^ *(overrides|line \d+)(:| ) *", "", line) for line in lines]

    return find

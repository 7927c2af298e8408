"""Section `data.cache`: where decoded images are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.config.load import dump, parse
from imgrec.data.cache_config import CacheConfig
from imgrec.sections.section import in_bytes


def test_memory_or_a_file_of_up_to_20_gb(config: str) -> None:
    """What is left out has its default; `none` keeps nothing."""
    assert parse(config, "pets.yaml").data.cache == CacheConfig(
        memory=True, folder=None, limit="20GB"
    )
    assert parse(config, "pets.yaml", ["data.cache=none"]).data.cache == "none"


def test_a_cache_survives_being_written_and_read(config: str) -> None:
    """A run's config says what was asked for, in the words in which it was asked."""
    for override in ("data.cache=none", "data.cache={limit: 1.5 TB, folder: x, memory: false}"):
        experiment = parse(config, "pets.yaml", [override])
        assert parse(dump(experiment), "config.yaml").data.cache == experiment.data.cache


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "data.cache=memory",
            "data.cache: 'memory' is neither none nor a mapping such as {limit: 20GB}",
        ),
        ("data.cache=20", "data.cache: 20 is neither none nor a mapping such as {limit: 20GB}"),
        ("data.cache={limit: 20}", "data.cache.limit: 20 is not a size such as 500MB or 20GB"),
        ("data.cache.limit=lots", "data.cache.limit: 'lots' is not a size such as 500MB or 20GB"),
        ("data.cache={memory: 1}", "data.cache.memory: 1 is not true or false"),
        ("data.cache={folder: ''}", "data.cache.folder: must not be empty"),
        (
            "data.cache={limits: 1GB}",
            "data.cache.limits: unknown key; did you mean 'limit'? allowed: folder, limit, memory",
        ),
    ],
)
def test_what_is_wrong_is_reported(
    problems: Callable[..., list[str]], override: str, expected: str
) -> None:
    """By its place, with what is allowed."""
    assert problems(override) == [expected]


@pytest.mark.parametrize(
    ("text", "count"),
    [("20GB", 20 * 10**9), ("500MB", 5 * 10**8), ("1.5 TB", 15 * 10**11), ("0MB", 0)],
)
def test_sizes_are_decimal(text: str, count: int) -> None:
    """As disks are sold: 1 GB is 1,000,000,000 bytes."""
    assert in_bytes(text) == count


@given(st.integers(0, 999_999), st.integers(0, 999))
def test_no_byte_is_lost(whole: int, thousandths: int) -> None:
    """Decimals are exact."""
    assert in_bytes(f"{whole}.{thousandths:03d}GB") == whole * 10**9 + thousandths * 10**6


@pytest.mark.parametrize(
    "text", ["", "20", "20gb", "-1GB", "1e3GB", "20GiB", "1,5GB", "٢GB", "1GB\n"]
)
def test_what_is_not_a_size_is_refused(problems: Callable[..., list[str]], text: str) -> None:
    """Nothing is guessed."""
    (problem,) = problems(f"data.cache={{limit: {text!r}}}")
    assert problem.endswith("is not a size such as 500MB or 20GB")

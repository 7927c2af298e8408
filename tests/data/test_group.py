"""Tests of splits that divide no group."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from imgrec.config.data import Data
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, finding
from imgrec.data.records import Dataset, Record, Splits
from imgrec.data.sources import SplitConfig, read
from imgrec.data.split import check_apart, groups_of, split_groups
from imgrec.errors import DataError, RunError

# How many images of each of three classes a group has.
GROUPS = st.lists(st.tuples(*[st.integers(0, 4)] * 3).filter(any), min_size=1, max_size=25).filter(
    lambda groups: all(any(column) for column in zip(*groups, strict=True))
)
SHARES = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)).filter(lambda pair: sum(pair) < 0.95)
SEEDS = st.integers(0, 2**64)

FOUND = finding(FindingKind.HIDDEN, [Occurrence((".hidden",))])


def dataset(groups: list[tuple[int, ...]]) -> Dataset:
    """Return a data set with these groups; the name of each image begins with its group's."""
    records = [
        Record(f"{group:02d}-{label}{index}.png", label, Path())
        for group, counts in enumerate(groups)
        for label, count in enumerate(counts)
        for index in range(count)
    ]
    return Dataset(tuple(sorted(records, key=lambda record: record.name)), ("a", "b", "c"), FOUND)


def divided(data: Dataset, shares: tuple[float, float], seed: int) -> Splits:
    """Return the split by group; drop the example where there are too few groups."""
    try:
        return split_groups(data, [each.name[:2] for each in data.records], *shares, seed)
    except DataError:
        reject()


def parts_of(splits: Splits) -> tuple[tuple[Record, ...], ...]:
    """Return training, validation and test."""
    return splits.train, splits.validation, splits.test


@given(GROUPS, SHARES, SEEDS)
def test_no_group_is_on_two_sides(
    groups: list[tuple[int, ...]], shares: tuple[float, float], seed: int
) -> None:
    """Each group is in one part, each image in exactly one, and parts are sorted by name."""
    data = dataset(groups)
    parts = parts_of(divided(data, shares, seed))
    homes = [{record.name[:2] for record in part} for part in parts]
    assert sum(map(len, homes)) == len(groups)
    names = [[record.name for record in part] for part in parts]
    assert sorted(name for part in names for name in part) == [
        record.name for record in data.records
    ]
    assert names == [sorted(part) for part in names]


@given(GROUPS, SHARES, SEEDS)
def test_training_has_every_class_and_no_part_with_a_share_is_empty(
    groups: list[tuple[int, ...]], shares: tuple[float, float], seed: int
) -> None:
    """A part without a share stays empty."""
    splits = divided(dataset(groups), shares, seed)
    assert {record.label for record in splits.train} == {0, 1, 2}
    assert [bool(splits.validation), bool(splits.test)] == [share > 0 for share in shares]
    assert (splits.classes, splits.findings) == (("a", "b", "c"), FOUND)


@given(GROUPS, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_the_split_is_a_function_of_names_and_seed(
    groups: list[tuple[int, ...]],
    shares: tuple[float, float],
    seed: int,
    shuffler: random.Random,
) -> None:
    """The order in which the images come says nothing."""
    data = dataset(groups)
    shuffled = list(data.records)
    shuffler.shuffle(shuffled)
    again = divided(Dataset(tuple(shuffled), data.classes, FOUND), shares, seed)
    assert again == divided(data, shares, seed)


def test_another_seed_gives_another_split() -> None:
    """The seed decides among groups of one size."""
    data = dataset([(1, 1, 1)] * 30)
    assert divided(data, (0.2, 0.2), 1) != divided(data, (0.2, 0.2), 2)


def test_shares_are_kept_where_the_groups_allow_it() -> None:
    """Of 30 equal groups, each part gets its share of every class."""
    splits = divided(dataset([(2, 3, 1)] * 30), (0.2, 0.1), 0)
    assert [len(part) for part in parts_of(splits)] == [21 * 6, 6 * 6, 3 * 6]


def test_too_few_groups_are_reported() -> None:
    """Two groups fill no three parts."""
    data = dataset([(1, 1, 1), (1, 1, 1)])
    with pytest.raises(DataError, match="too few groups: 2"):
        split_groups(data, groups_of(data.records, "^.."), 0.2, 0.2, 0)


def test_a_group_in_two_parts_of_the_source_is_reported() -> None:
    """Parts that the data came in are held to the same rule."""
    check_apart({"train": ["a", "b", "a"], "test": ["c"]})
    with pytest.raises(DataError, match="group b has both train and test images"):
        check_apart({"train": ["a", "b"], "test": ["c", "b"]})


def test_a_column_goes_before_a_regular_expression() -> None:
    """A pattern's first group counts, or the whole match; a column of that name goes before."""
    plain = [Record("v12_f3.png", 0, Path()), Record("v7_f1.png", 0, Path())]
    assert groups_of(plain, r"v(\d+)_") == ("12", "7")
    assert groups_of(plain, r"v\d+") == ("v12", "v7")
    assert groups_of(plain, "[[v]([0-9]+)") == ("12", "7")  # Python warns of `[[`
    filmed = [Record("v12_f3.png", 0, Path(), extra={"v": "one"})]
    assert groups_of(filmed, "v") == ("one",)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", r"neither a column nor a regular expression"),
        ("a{9999999999}", r"regular expression .*: the repetition number is too large"),
        ("(" * 499 + ")" * 499, r"nested too deeply"),
        ("a" * 2000, r"has 2,000 characters, and a regular expression may have 1,000"),
        (r"v(\d+)", r"is not a column, and .* matches nothing in other\.png"),
        (r"(v\d)?", r"matches nothing in other\.png"),
    ],
)
def test_an_image_without_a_group_is_reported(group: str, message: str) -> None:
    """A pattern that can't be read, or leaves an image out."""
    with pytest.raises(DataError, match=message):
        groups_of([Record("v1.png", 0, Path()), Record("other.png", 0, Path())], group)


@pytest.mark.long
def test_a_search_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of 40 characters would take years."""
    monkeypatch.setattr("imgrec.expressions.SECONDS", 1)
    with pytest.raises(DataError, match=r"in 1 name took (longer|more) than 1 s"):
        groups_of([Record(f"{'a' * 40}.png", 0, Path())], r"^(a+)+$")


def test_a_search_needs_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """If none can be started, the error says so."""
    monkeypatch.setattr("sys.executable", "/missing/python")
    with pytest.raises(RunError, match="no child process can be started"):
        groups_of([Record("a1.png", 0, Path())], r"(\d)")


def test_an_empty_cell_of_the_column_is_reported() -> None:
    """It would make one group of all that is unknown."""
    one = Record("a.png", 0, Path(), extra={"video": "1"})
    with pytest.raises(
        DataError, match=r"data\.group names column video, which is empty for b\.png"
    ):
        groups_of([one, Record("b.png", 0, Path(), extra={"video": " "})], "video")


@pytest.mark.parametrize("group", ["video", r"_(\d+)_"])
def test_a_csv_file_is_divided_by_column_or_name(tmp_path: Path, group: str) -> None:
    """From the config's `data.group` to parts that share no video."""
    rows = ["path,label,video"]
    for video in range(12):
        for frame in range(3):
            name = f"{'cat' if video % 2 else 'dog'}_{video}_{frame}.png"
            (tmp_path / name).touch()
            rows.append(f"{name},{name[:3]},{video}")
    file = tmp_path / "list.csv"
    file.write_text("\n".join(rows))
    share = SplitConfig(validation=0.25, test=0.25)
    data = Data(root=str(file), image_size=(4, 4), split=share, group=group)
    parts = parts_of(read(data, 3))
    homes = [{record.extra["video"] for record in part} for part in parts]
    assert [len(part) for part in parts] == [18, 9, 9]
    assert [len(home) for home in homes] == [6, 3, 3]

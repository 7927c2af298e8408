"""Where the class folders of a folder are: directly in it, in split folders, in wrapper folders."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, finding, merged
from imgrec.data.left_out import besides, named
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS
from imgrec.data.storage import MAX_DEPTH, list_folder, resolved, too_deep
from imgrec.errors import DataError
from imgrec.text import join_few, printable

# Such as `trainset`, `TestData`.
_COMPOUND = re.compile(
    rf"(?<![a-z])({'|'.join(SPLIT_NAMES)})(set|data|images?|imgs?)(?![a-z])", re.IGNORECASE
)
_PART_OF_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True)
class Layout:
    """The folders that contain class folders.

    folders: by split, or one for `all`. beside: other folders beside those of splits, or the class
    folders if there are no splits. findings: what is around the class folders, and not used.
    """

    folders: Mapping[str, Path]
    beside: tuple[Path, ...]
    findings: tuple[Finding, ...]

    @property
    def has_splits(self) -> bool:
        """Whether there are split folders."""
        return ALL_SPLITS not in self.folders


def find_layout(root: Path) -> Layout:
    """Return where the class folders below `root` are.

    A split folder has a word for a split in its name, such as `train`, `Testing` or `val`, and
    contains folders; a class called `train` contains images. If there is more in the name, as in
    `seg_train`, there has to be another split with the same addition, as in `seg_test`. A folder
    whose only folder contains the class folders, as in `photos/photos/cat`, is seen through.

    Raises:
        DataError: A split has two folders, class folders contain split folders, or a folder can't
            be read.
    """
    levels = _levels(root, ending_at_splits=True)
    splits = _splits(levels[-1])
    top = list_folder(levels[-1]).folders
    if not splits:
        _refuse_splits_inside(levels[-1])
        return Layout({ALL_SPLITS: levels[-1]}, top, _around(levels, root))
    inside = _levels_of_splits(splits)
    beside = tuple(each for each in top if each not in splits.values())
    findings = [
        *besides(levels[-1], splits.values(), root),
        *(each for passed in (levels, *inside.values()) for each in _around(passed, root)),
    ]
    folders: dict[str, Path] = {split: inside[split][-1] for split in SPLITS if split in inside}
    return Layout(folders, beside, merged(findings))


def split_names(names: Iterable[str]) -> dict[str, str]:
    """Return the split of each folder that is named like one, by its name.

    What a name says besides the split has to be in the name of another split, too, or there are
    other splits that say nothing else.

    Example:
        >>> split_names(["seg_train", "seg_test", "bullet train", "cat"])
        {'seg_train': 'train', 'seg_test': 'test'}
        >>> split_names(["train", "test1", "train_labels"])
        {'train': 'train', 'test1': 'test'}
    """
    parts = {name: _split_and_rest(name) for name in names}
    splits: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for split, rest in parts.values():
        if split is not None:
            splits[rest].add(split)
    plain = splits[()]
    return {
        name: split
        for name, (split, rest) in parts.items()
        if split and (not rest or len(splits[rest]) > 1 or (plain and split not in plain))
    }


def _split_and_rest(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the split that a folder's name says, and what else it says, in small letters."""
    apart = _COMPOUND.sub(r"\1 \2", name)
    parts = [part.lower() for part in _PART_OF_NAME.findall(apart)]
    words = [part for part in parts if part in SPLIT_NAMES]
    if len(words) != 1:
        return None, tuple(parts)
    return SPLIT_NAMES[words[0]], tuple(part for part in parts if part != words[0])


def _levels(folder: Path, *, ending_at_splits: bool = False) -> list[Path]:
    """Return the folders from `folder` to the one inside that has class folders or splits."""
    levels, above = [folder], {resolved(folder)}
    while True:
        folders = list_folder(levels[-1]).folders
        if len(folders) > 1 or (ending_at_splits and _splits(levels[-1])):
            return levels
        if not folders or resolved(folders[0]) in above:
            return [folder]
        if len(levels) > MAX_DEPTH:
            raise too_deep(folders[0])
        levels.append(folders[0])
        above.add(resolved(folders[0]))


def _splits(folder: Path) -> dict[str, Path]:
    """Return the split folders directly in `folder`."""
    folders = list_folder(folder).folders
    splits = split_names([each.name for each in folders])
    found: dict[str, Path] = {}
    for each in folders:
        split = splits.get(each.name)
        if split is None or not _has_class_folders(each):
            continue
        if split in found:
            raise _ambiguous(folder, split, found[split], each)
        found[split] = each
    return found


def _ambiguous(folder: Path, split: str, one: Path, other: Path) -> DataError:
    both = f"{printable(one.name)} and {printable(other.name)}"
    return DataError(
        f"{printable(str(folder))} holds both {both}, and either may be the {split} split",
        hint="remove or rename one of them",
    )


def _has_class_folders(folder: Path) -> bool:
    """Return whether a folder contains folders, not counting one of the same name for images."""
    folders = list_folder(folder).folders
    if len(folders) == 1 and folders[0].name.lower() == folder.name.lower():
        return bool(list_folder(folders[0]).folders)
    return bool(folders)


def _levels_of_splits(splits: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Return the levels of each split; a folder that is named like a class is one."""
    levels = {split: _levels(folder) for split, folder in splits.items()}
    training = levels.get("train", [])[-1:]
    classes = {each.name for folder in training for each in list_folder(folder).folders}
    return {
        split: found
        if split == "train" or found[0] == found[-1] or found[1].name not in classes
        else found[:1]
        for split, found in levels.items()
    }


def _refuse_splits_inside(folder: Path) -> None:
    """Raise DataError if each class folder contains split folders, and nothing else."""
    classes = list_folder(folder).folders
    names: set[str] = set()
    for each in classes:
        inside = {inner.name for inner in list_folder(each).folders}
        if not inside or len(split_names(inside)) < len(inside):
            return
        names |= inside
    if len(set(split_names(names).values())) > 1:
        raise DataError(
            f"class folders of {printable(str(folder))} contain the split folders "
            f"{join_few(sorted(names))}",
            hint="put the splits outside of the classes, such as "
            f"{printable(min(names))}/{printable(classes[0].name)}",
        )


def _around(levels: Sequence[Path], root: Path) -> tuple[Finding, ...]:
    """Return what is to say of folders that were seen through: all but the last one."""
    passed = levels[1:]
    beside = (besides(each, [inner], root) for each, inner in pairwise(levels))
    return merged(
        (
            *finding(FindingKind.WRAPPER_FOLDERS, named(passed, root)),
            *(each for found in beside for each in found),
        )
    )

"""Tests of class folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.data.classes import check_several, relabelled
from imgrec.data.findings import Finding
from imgrec.data.sources.layout import find_layout
from imgrec.data.sources.loaders.folder import read_folder, read_folders
from imgrec.errors import DataError

Images = Callable[..., Path]


def names(root: Path) -> list[str]:
    """Return the names of the records below `root`."""
    return [record.name for record in read_folder(root).records]


def said(findings: tuple[Finding, ...]) -> dict[str, list[str]]:
    """Return the cases of each kind as text."""
    return {each.kind.key: [case.text for case in each.cases] for each in findings}


def test_class_folders_become_records(images: Images) -> None:
    """Classes are sorted folder names; names are paths below the root; subfolders count."""
    root = images("dog/b.png", "cat/deep/er/a.png", "dog/a.png")
    dataset = read_folder(root)
    assert dataset.classes == ("cat", "dog")
    assert [(record.name, record.label) for record in dataset.records] == [
        ("cat/deep/er/a.png", 0),
        ("dog/a.png", 1),
        ("dog/b.png", 1),
    ]
    assert dataset.records[1].source == root / "dog/a.png"


def test_hidden_files_are_left_out_and_counted(images: Images) -> None:
    """What systems leave behind is not an image; a hidden folder with files may be a class."""
    root = images(
        "cat/a.png",
        "cat/.DS_Store",
        "cat/._a.png",
        "cat/Thumbs.db",
        "dog/desktop.ini",
        "dog/a.png",
        "dog/.hidden/b.png",
        ".git/config",
        "__MACOSX/cat/c.png",
    )
    assert names(root) == ["cat/a.png", "dog/a.png"]
    assert said(read_folder(root).findings) == {
        "hidden_folders": ["dog/.hidden: 1 file"],
        "hidden": [
            ".git",
            "__MACOSX",
            "cat/.DS_Store",
            "cat/._a.png",
            "cat/Thumbs.db",
            "dog/desktop.ini",
        ],
    }


def test_files_that_are_not_images_are_records_too(images: Images) -> None:
    """Nothing in a class folder is left out for its name: decoding decides."""
    root = images("cat/a.png", "cat/notes.txt", "dog/no-suffix")
    (root / "dog" / "broken-link").symlink_to(root / "nowhere")
    assert names(root) == ["cat/a.png", "cat/notes.txt", "dog/broken-link", "dog/no-suffix"]


def test_links_are_followed_but_not_in_circles(images: Images) -> None:
    """A link to a file or folder counts as it; a link to a folder above ends there."""
    root = images("cat/a.png", "dog/a.png", "elsewhere/b.png")
    (root / "cat" / "link.png").symlink_to(root / "elsewhere" / "b.png")
    (root / "cat" / "loop").symlink_to(root / "cat")
    (root / "cat" / "self").symlink_to("self")
    (root / "elsewhere").rename(root.parent / "elsewhere")
    (root / "dog" / "more").symlink_to(root.parent / "elsewhere")
    assert names(root) == [
        "cat/a.png",
        "cat/link.png",
        "cat/self",
        "dog/a.png",
        "dog/more/b.png",
    ]


@pytest.mark.parametrize("classes", ["", "cat/"])
def test_folders_that_are_nested_deeply_are_refused(classes: str, images: Images) -> None:
    """A small archive holds so many folders in folders that finding them took minutes."""
    root = images(classes + "a/" * 110 + "b.png", "dog/a.png" if classes else "a/c.png")
    with pytest.raises(DataError, match="folders are nested deeper than 100 levels"):
        read_folders(root)


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode on this system")
def test_names_that_can_not_be_decoded_survive(images: Images) -> None:
    """A file whose name is not UTF-8 is found, and can be opened by its record."""
    root = images("cat/a.png", "dog/a.png")
    try:
        (root / "cat/a.png").rename(root / "cat" / "\udce9.png")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    record = read_folder(root).records[0]
    assert record.name == "cat/\udce9.png"
    assert isinstance(record.source, Path)
    assert record.source.is_file()


def test_files_beside_the_class_folders_are_found(images: Images) -> None:
    """A file that belongs to no class is left out, but not in silence."""
    root = images("cat/a.png", "dog/a.png", "README.md", "stray.JPG")
    assert len(names(root)) == 2
    assert said(read_folder(root).findings) == {
        "unused_images": ["stray.JPG"],
        "unused_files": ["README.md"],
    }


def test_folders_inside_class_folders_are_found(images: Images) -> None:
    """Their images count as the class's, which may not be what the user means."""
    root = images("cat/a.png", "cat/tabby/b.png", "cat/tabby/young/c.png", "dog/pug/a.png")
    assert said(read_folder(root).findings) == {
        "nested_folders": ["cat/tabby: 2 files", "dog/pug: 1 file"]
    }


def test_folders_that_repeat_in_every_class_may_be_the_classes(images: Images) -> None:
    """Splits under names that nobody knows look like this; the warning says what to do."""
    found = read_folder(images("north/cat/a", "north/dog/a", "south/cat/a", "south/dog/a")).findings
    assert said(found)["repeated_folders"] == [
        "cat, dog: if north and south are splits, name them with data.train, data.test"
    ]
    apart = read_folder(images("east/cat/a", "west/dog/a")).findings
    assert "repeated_folders" not in said(apart)


def test_names_in_two_unicode_forms_are_one_class(images: Images) -> None:
    """MacOS and Windows write the same name differently; blanks around it count for nothing."""
    root = images("cafe\u0301/a.png", "caf\xe9/b.png", "bar/c.png", "bar /d.png")
    dataset = read_folder(root)
    assert dataset.classes == ("bar", "caf\xe9")
    assert [record.label for record in dataset.records] == [0, 0, 1, 1]
    assert said(dataset.findings) == {
        "unified_classes": [
            '"bar ": taken as bar, 1 image',
            "cafe\u0301: stored in another Unicode form than NFC, 1 image",
        ]
    }


def test_a_class_that_looks_like_several_labels_is_found(images: Images) -> None:
    """By a separator, by the names of other classes, or by few words in many names."""
    root = images(
        "cat/a", "dog/a", "cat,dog/a", "cat dog/a", "x;y/a", "hot dog/a", "tench, Tinca/a"
    )
    assert said(read_folder(root).findings) == {"combined_labels": ["cat dog", "cat,dog", "x;y"]}


def failure(root: Path) -> DataError:
    """Return what `read_folder` raises."""
    with pytest.raises(DataError) as caught:
        read_folder(root)
    return caught.value


def test_a_missing_folder_or_a_file_in_its_place_is_named(images: Images) -> None:
    """A wrong path gives one plain sentence."""
    root = images("file.png")
    assert failure(root / "no").message == f"no folder {root / 'no'}"
    assert failure(root / "file.png").message == f"{root / 'file.png'} is a file, not a folder"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_named(images: Images) -> None:
    """Missing permission is said."""
    root = images("cat/a.png", "dog/a.png")
    (root / "cat").chmod(0)
    try:
        assert failure(root).message == f"{root / 'cat'} can't be read: permission denied"
    finally:
        (root / "cat").chmod(0o700)


def test_images_without_class_folders_are_reported_with_the_right_layout(images: Images) -> None:
    """Images directly in the folder: the layout wanted is in the hint."""
    root = images("a.png", "b.png")
    error = failure(root)
    assert error.message == f"{root} holds 2 files, but no class folders"
    assert f"{root}/cat/1.jpg" in error.hint


def test_the_folder_of_one_class(images: Images) -> None:
    """It is refused with the name of the folder above, if that contains class folders alone."""
    root = images("pets/cat/a.png", "pets/dog/b.jpg", "odd/cat/a.png", "odd/notes/b.txt")
    meant = f"; did you mean {root / 'pets'}, which contains cat, dog?"
    assert failure(root / "pets" / "cat").message.endswith(f"but no class folders{meant}")
    assert failure(root / "odd" / "cat").message.endswith("but no class folders")


def test_an_empty_folder_has_no_images(images: Images) -> None:
    """Nothing at all, or hidden files only."""
    root = images(".DS_Store")
    assert failure(root).message == f"no images in {root}"


def test_empty_class_folders_are_named_all_at_once(images: Images) -> None:
    """Every empty class is named, also one with hidden files only."""
    root = images("cat/a.png", "dog/.DS_Store")
    (root / "emu").mkdir()
    assert failure(root).message == f"no images in class folders dog, emu of {root}"


def test_a_single_class_is_refused(images: Images) -> None:
    """There is nothing to tell apart."""
    root = images("cat/a.png")
    with pytest.raises(DataError) as caught:
        check_several(read_folder(root), str(root))
    assert caught.value.message == f"only one class in {root}: cat"


def test_given_classes_keep_their_order_and_may_be_absent(images: Images) -> None:
    """A model's classes rule; data with some of them is fine, even with one."""
    dataset = relabelled(read_folder(images("cat/a.png")), ("dog", "cat"), "data")
    assert dataset.classes == ("dog", "cat")
    assert dataset.records[0].label == 1


def test_unknown_classes_are_refused_with_the_nearest_name(images: Images) -> None:
    """A class that the model doesn't know is an error, not a wrong label."""
    root = images("catz/a.png", "dog/a.png", "zebra/a.png")
    with pytest.raises(DataError) as caught:
        relabelled(read_folder(root), ("cat", "dog"), str(root))
    assert caught.value.message == f"unknown classes catz, zebra in {root}; known: cat, dog"
    assert caught.value.hint == "catz is similar to cat"


def test_hostile_class_names_are_shown_harmlessly(images: Images) -> None:
    """A line break or an escape code in a folder's name stays out of the message."""
    root = images("a\n\x1b[31m/.hidden", "b/a.png")
    assert "\n" not in failure(root).message
    assert r"a\n\x1b[31m" in failure(root).message
    with pytest.raises(DataError) as caught:
        relabelled(read_folder(images("a\n\x1b[31m/a.png")), ("b",), "data\n")
    assert "\n" not in caught.value.message
    assert r"a\n\x1b[31m in data\n" in caught.value.message


def test_split_folders_are_found_under_their_usual_names(images: Images) -> None:
    """train, val or valid or validation, and test, in any case; what is beside them is named."""
    root = images("Train/cat/a.png", "val/cat/a.png", "test/cat/a.png", "notes/a.txt", "b.png")
    layout = find_layout(root)
    assert layout.folders == {
        "train": root / "Train",
        "validation": root / "val",
        "test": root / "test",
    }
    assert said(layout.findings) == {
        "unused_folders": ["notes: 1 file"],
        "unused_images": ["b.png"],
    }


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("Training Data", "Evaluation Data"),
        ("trainImages", "testImages"),
        ("trainset", "testset"),
        ("train", "test1"),
        ("train/images", "dev/images"),
        ("archive/photos/train2017", "archive/photos/val2017"),
    ],
)
def test_splits_of_well_known_data_sets_are_found(images: Images, train: str, test: str) -> None:
    """Never a classifier of Training against Testing, whatever folder is around the classes."""
    files = [f"{part}/{name}/{part[-1]}.png" for part in (train, test) for name in ("cat", "dog")]
    parts = read_folders(images(*files))
    assert len(parts) == 2
    assert {dataset.classes for dataset in parts.values()} == {("cat", "dog")}


def test_a_folder_around_the_class_folders_is_seen_through(images: Images) -> None:
    """One or several, and it is said; names are those without it."""
    root = images("photos/photos/cat/a.png", "photos/photos/dog/a.png", "photos/README.md")
    dataset = read_folders(root)["all"]
    assert [record.name for record in dataset.records] == ["cat/a.png", "dog/a.png"]
    assert said(dataset.findings) == {
        "unused_files": ["photos/README.md"],
        "wrapper_folders": ["photos", "photos/photos"],
    }


def test_a_single_class_in_a_split_is_not_a_wrapper(images: Images) -> None:
    """A folder that is named like a class of the training images is that class."""
    root = images("train/cat/a.png", "train/dog/a.png", "test/cat/old/a.png", "test/cat/new/a.png")
    assert read_folders(root)["test"].classes == ("cat",)


def test_a_test_folder_without_classes_is_named(images: Images) -> None:
    """Images without labels are not a test set."""
    parts = read_folders(images("train/cat/a.png", "train/dog/a.png", "test/test/1.png"))
    assert list(parts) == ["train"]
    assert said(parts["train"].findings) == {"unused_folders": ["test: 1 file"]}


def test_a_test_folder_without_classes_makes_no_class_of_the_other(images: Images) -> None:
    """As in the ASL alphabet, whose test images lie in one folder."""
    train, test = "asl_alphabet_train/asl_alphabet_train", "asl_alphabet_test/asl_alphabet_test"
    parts = read_folders(images(f"{train}/A/1.png", f"{train}/B/2.png", f"{test}/A_test.png"))
    assert list(parts) == ["train"]
    assert parts["train"].classes == ("A", "B")
    assert said(parts["train"].findings)["unused_folders"] == ["asl_alphabet_test: 1 file"]


def test_split_folders_of_images_are_not_classes(images: Images) -> None:
    """As in Dogs vs. Cats, whose classes are in the names of the files."""
    root = images("train/cat.0.jpg", "train/dog.0.jpg", "test1/1.jpg")
    with pytest.raises(DataError, match=r"no class folders in .*test1, .*train"):
        read_folders(root)


def test_splits_inside_classes_are_refused(images: Images) -> None:
    """They would be merged; the message says how it should look."""
    root = images("cat/train/a.png", "cat/test/b.png", "dog/train/a.png", "dog/test/b.png")
    with pytest.raises(DataError) as caught:
        find_layout(root)
    assert caught.value.message == f"class folders of {root} contain the split folders test, train"
    assert caught.value.hint == "put the splits outside of the classes, such as test/cat"


def test_a_class_called_train_is_not_a_split(images: Images) -> None:
    """A folder with images directly in it is a class, whatever its name."""
    root = images("train/a.png", "plane/a.png")
    assert find_layout(root).folders == {"all": root}
    assert read_folder(root).classes == ("plane", "train")


@pytest.mark.parametrize("inside", ["", "old/"])
def test_a_class_with_the_word_train_is_not_a_split(images: Images, inside: str) -> None:
    """What else its name says is in no other split's name."""
    root = images(f"bullet train/{inside}a.png", f"blood test/{inside}a.png")
    assert read_folders(root)["all"].classes == ("blood test", "bullet train")


def test_two_folders_for_one_split_are_refused(images: Images) -> None:
    """Which of val and validation is meant is not guessed."""
    root = images("train/cat/a.png", "val/cat/a.png", "validation/cat/a.png")
    with pytest.raises(DataError, match="both val and validation"):
        find_layout(root)


def test_a_link_to_the_folder_of_the_classes_ends_there(images: Images) -> None:
    """Each file counts once, in the class whose folder it is in."""
    root = images("cat/a.png", "dog/b.png")
    (root / "cat" / "all").symlink_to(root)
    assert names(root) == ["cat/a.png", "dog/b.png"]


def test_data_sets_are_not_classes(images: Images) -> None:
    """A folder of data sets with splits comes with those that were probably meant."""
    birds = ("birds/train/bird/1.png", "birds/train/other/1.png", "birds/validation/bird/2.png")
    root = images(*birds, "cats_dogs/train/cat/1.png", "cats_dogs/test/dog/1.png", "photos/1.png")
    with pytest.raises(DataError) as caught:
        read_folders(root)
    assert caught.value.message == (
        f"folders in {root} contain split folders, not images of a class; did you mean "
        f"{root}/birds or {root}/cats_dogs?"
    )

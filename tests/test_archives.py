"""ZIP archives whose lists of members are long."""

from __future__ import annotations

import io
import zipfile

import pytest

from imgrec.archives import MAX_DIRECTORY_BYTES, check_directory


def archive(members: int) -> io.BytesIO:
    """Return an archive of empty members; each takes some 60 bytes of the list."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for number in range(members):
            writer.writestr(f"{number:014}", "")
    return file


def test_an_archive_is_checked_and_rewound() -> None:
    """It can be read afterwards."""
    file = archive(3)
    check_directory(file)
    assert file.tell() == 0
    assert len(zipfile.ZipFile(file).namelist()) == 3


def test_a_long_list_of_members_is_refused() -> None:
    """A file of 70 MB would take 600 MB and many seconds."""
    with pytest.raises(zipfile.BadZipFile, match="too many members"):
        check_directory(archive(MAX_DIRECTORY_BYTES // 60 + 1))

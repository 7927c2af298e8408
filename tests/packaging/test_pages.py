"""README, CONTRIBUTING and the generated pages: what they name is there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from imgrec.cli.main import cli
from imgrec.cli.sweep import START, SweepGroup
from tools import docs

PROJECT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/design.md", "docs/tutorials.md")
DOCS = [f"docs/{path.name}" for path in PROJECT.glob("docs/*.md")]


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    """Every `make target` of a page is a target of the Makefile."""
    named = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)[^`]*`", read(page), re.MULTILINE)

    assert {first or second for first, second in named} <= targets()


def test_make_alone_lists_every_target() -> None:
    """Bare `make` shows each target a user may call, with what it does."""
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    shown = subprocess.run(
        ["make", "--no-print-directory"],  # noqa: S607  # the make that the user has
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert set(re.findall(r"^  make ([a-z-]+)  +\S", shown, re.MULTILINE)) == targets()


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page: str) -> None:
    """Every `imgrec` line of a page's code blocks is a command with options it takes."""
    for line in commands(read(page)):
        command, words = find(shlex.split(line, comments=True)[1:])
        options = {name for parameter in command.params for name in parameter.opts}
        named = {word.split("=")[0] for word in words if word.startswith("--")}
        assert named <= options | {"--help", "--traceback"}, line


@pytest.mark.parametrize("page", sorted({*PAGES, *DOCS}))
def test_links_lead_to_files(page: str) -> None:
    """Every relative link of a page leads to a file of the project."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
        assert ((PROJECT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", sorted({*PAGES, *DOCS}))
def test_links_lead_to_headings(page: str) -> None:
    """Every link to a part of a page leads to one of its headings."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", read(page)):
        place = (PROJECT / page).parent / target if target else PROJECT / page
        assert anchor in anchors(place.read_text("utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize("page", sorted({*PAGES, *DOCS}))
def test_modules_exist(page: str) -> None:
    """Every module that a page names by its path is one of the project, or of imgrec."""
    for path in re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", read(page)):
        assert (PROJECT / path).exists() or (PROJECT / "imgrec" / path).exists(), path


def test_the_picture_of_the_layers_has_every_package() -> None:
    """Each layer of docs/design.md lists the packages in it, and nothing else."""
    drawn = dict(re.findall(r"<b>(\w+)</b><br/>(.*?)\"", read("docs/design.md")))
    layers = {path.parent.parent.name for path in PROJECT.glob("imgrec/*/*/__init__.py")}
    assert drawn.keys() == layers
    for layer, names in drawn.items():
        there = {path.parent.name for path in PROJECT.glob(f"imgrec/{layer}/*/__init__.py")}
        assert set(names.split(" · ")) == there


def test_generated_pages_are_current() -> None:
    """docs/ says what the code says."""
    assert docs.stale(docs.DOCS) == []


def test_stale_and_missing_pages_are_found(tmp_path: Path) -> None:
    """A page that is missing or differs by a letter is named; one that is equal is not."""
    for name, text in docs.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "cli.md").unlink()
    (tmp_path / "config.md").write_text("old", encoding="utf-8")

    assert docs.stale(tmp_path) == [tmp_path / "cli.md", tmp_path / "config.md"]


def test_every_command_is_documented() -> None:
    """docs/cli.md has a section for each command."""
    page = docs.command_line()

    for context in docs.contexts(click.Context(cli, info_name="imgrec")):
        assert f"\n## {context.command_path}\n" in page


def read(page: str) -> str:
    """Return a page's text."""
    return (PROJECT / page).read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page, and those written as HTML."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    return made | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", page))


def targets() -> set[str]:
    """Return the phony targets of the Makefile."""
    return set(re.findall(r"^\.PHONY: (\S+)$", read("Makefile"), re.MULTILINE))


def commands(page: str) -> list[str]:
    """Return the lines of a page's code blocks that call imgrec."""
    page = page.replace("\\\n", "")  # a command may take several lines
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("imgrec ")]


def find(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that `words` begin with, and the words after it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if isinstance(command, SweepGroup) and words[0] not in command.commands:
            words = [START, *words]
        below = command.get_command(click.Context(command), words[0])
        assert below is not None, words[0]
        command, words = below, words[1:]
    return command, words

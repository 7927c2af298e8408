"""`imgrec runs tag|note`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import did_you_mean, printable

if TYPE_CHECKING:
    from imgrec.runs.notes import Notes


@options.command("tag")
@click.argument("run")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Remove the tags instead of adding them.")
@options.runs_dir
@click.pass_obj
def tag(console: Console, *, run: str, tags: tuple[str, ...], remove: bool, runs_dir: Path) -> None:
    """Add tags to a run, or remove them.

    RUN is a folder, the name of a run, or last. Its tags are kept in notes.json in its folder.

    Example: imgrec runs tag last baseline
    """
    from imgrec.runs.notes import change_notes, checked_notes
    from imgrec.runs.repeats import find_folder

    wanted, found = checked_notes(tags).tags, find_folder(run, runs_dir)
    missing: list[str] = []

    def changed(old: Notes) -> Notes:
        if not remove:
            return old.with_tags(wanted)
        missing.extend(
            f"no tag {each} to remove{did_you_mean(each, old.tags)}"
            for each in wanted
            if each not in old.tags
        )
        return old.without_tags(wanted)

    notes = change_notes(found, changed)
    for each in missing:
        console.say(f"{printable(found.name)} has {each}")
    console.result(f"{printable(found.name)}: {', '.join(notes.tags) or 'no tags'}")


@options.command("note")
@click.argument("run")
@click.argument("text")
@options.runs_dir
@click.pass_obj
def note(console: Console, *, run: str, text: str, runs_dir: Path) -> None:
    """Write a note about a run, in place of the one before; an empty TEXT removes it.

    RUN is a folder, the name of a run, or last. The note is kept in notes.json in its folder.

    Example: imgrec runs note last "the photos of June are blurred"
    """
    from imgrec.runs.notes import change_notes, checked_notes
    from imgrec.runs.repeats import find_folder

    wanted, found = checked_notes(note=text).note, find_folder(run, runs_dir)
    notes = change_notes(found, lambda old: old.with_note(wanted))
    console.result(f"{printable(found.name)}: {printable(notes.note) or 'no note'}")

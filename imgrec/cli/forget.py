"""`imgrec forget`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.standing import show_standing
from imgrec.text import count_of, join_few


@options.command("forget")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO|SHA256...")
@options.as_json
@click.pass_obj
def forget(console: Console, *, folder: Path, photos: tuple[str, ...], as_json: bool) -> None:
    """Delete photos of the classifier FOLDER for ever.

    A photo is named by its SHA-256, or by a file with the same content. The classifier is then the
    one that never saw it: versions that knew it are withdrawn, and if the published one did,
    one without it is published. The accuracy is shown as by teach.

    Example: imgrec forget classifiers/pets tom.jpg
    """
    from imgrec.workflows.teaching import Classifier, forgotten_document

    with Classifier(folder, create=False) as classifier:
        hashes = [classifier.hash_of(each) for each in photos]
        classifier.standing(progress=console)  # to compare with
        done = classifier.forget(hashes, console)
        classifier.standing(progress=console)
        if as_json:
            console.document(forgotten_document(done, classifier))
            return
        console.say(f"{count_of(done.photos, 'photo')} deleted")
        if done.withdrawn:
            names = join_few([f"version {each}" for each in done.withdrawn], 10)
            console.say(f"withdrawn: {names}")
        if done.published is not None:
            console.say(f"published: version {done.published.number}")
        show_standing(console, classifier)

"""`imgrec teach`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.cli.standing import accuracy_in_words, show_standing
from imgrec.data.suffixes import format_of
from imgrec.errors import BadImage, DataError, UsageError
from imgrec.text import count_of, listed, printable

if TYPE_CHECKING:
    from imgrec.data.records import Photo
    from imgrec.workflows.teaching import AddedPhoto, Classifier, Published

_SHOWN = 3


@options.command("teach")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("class_name", metavar="[CLASS]", required=False)
@click.argument("photos", nargs=-1, metavar="[PHOTO]...")
@click.option("--relabel", is_flag=True, help="Move photos that have another label to CLASS.")
@click.option(
    "--publish", is_flag=True, help="Write a version, and publish it if it meets the requirements."
)
@click.option(
    "--run",
    metavar="RUN",
    help="With --publish: publish a copy of this run, which was trained on photos of the "
    "classifier, in place of a head.",
)
@click.option(
    "--backbone",
    metavar="RUN",
    help="Run whose model computes the features of a new classifier.  [default: "
    "EfficientNetLite0 with ImageNet weights]",
)
@click.option(
    "--require",
    multiple=True,
    metavar="'METRIC>=NUMBER'",
    help="What is required of each version from now on, such as 'accuracy >= 0.95'. Can be "
    "repeated.",
)
@click.option("--no-require", is_flag=True, help="Require nothing of versions from now on.")
@options.as_json
@click.pass_obj
def teach(
    console: Console,
    *,
    folder: Path,
    class_name: str | None,
    photos: tuple[str, ...],
    relabel: bool,
    publish: bool,
    run: str | None,
    backbone: str | None,
    require: tuple[str, ...],
    no_require: bool,
    as_json: bool,
) -> None:
    """Add photos to a class of the classifier FOLDER, and show how good it is.

    The classifier and the class are created if they are missing. A photo is the path of a file, of
    a folder or a pattern. If --publish finds a requirement that is not met, the exit status is 1.

    Example: imgrec teach classifiers/pets cat photos/cats/*.jpg
    """
    if class_name is not None:
        _check_class(folder, class_name, photos)
    _check_options(folder, publish=publish, run=run, relabel=relabel and class_name is None)
    _check_requirements(require, no_require=no_require)

    from imgrec.classifier_folder import is_classifier
    from imgrec.classifiers import check_class_name
    from imgrec.workflows.teaching import (
        Classifier,
        added_document,
        classifier_document,
        published_document,
    )

    given: Sequence[Photo] = ()
    if class_name is not None:
        class_name, given = check_class_name(class_name), _named(photos)
    is_new = not is_classifier(folder)
    with Classifier(folder, create=class_name is not None, backbone=backbone) as classifier:
        added: Sequence[AddedPhoto] = ()
        if class_name is not None:
            added = _add(console, classifier, class_name, given, relabel=relabel)
            _check_begun(classifier, added, is_new=is_new)
        if require or no_require:
            _require(console, classifier, require, judged=not publish)
        classifier.standing(progress=console)
        if not as_json:
            show_standing(console, classifier)
        done = _publish(console, classifier, run) if publish else None
        if as_json:
            found = classifier_document(classifier)
            found |= {"added": added_document(added, classifier)["photos"]}
            console.document(found | ({} if done is None else published_document(done)))
        if publish and done is None:
            raise _too_few(folder, classifier.examples().missing)
    if done is not None:
        _say_published(console, done, folder, run)
    if _refused(added):
        raise _unusable(added)


def _named(photos: Sequence[str]) -> Sequence[Photo]:
    """Return the photos that are named; raise DataError if there are none."""
    from imgrec.data.photo_arguments import expand_photos

    given = list(expand_photos(photos, None))
    missing = [each.source for each in given if isinstance(each.source, BadImage)]
    if len(missing) == len(given):
        name, reason = printable(missing[0].name), printable(missing[0].reason)
        raise DataError(f"{name}: {reason}", hint="check the path")
    return given


def _add(
    console: Console,
    classifier: Classifier,
    class_name: str,
    given: Sequence[Photo],
    *,
    relabel: bool,
) -> Sequence[AddedPhoto]:
    # Nothing is compared if there will be another class.
    if relabel or class_name in classifier.examples().classes:
        classifier.standing(progress=console)  # to compare with
    added = classifier.add(given, class_name, relabel=relabel, progress=console)
    _say_added(console, added, class_name)
    return added


def _check_begun(classifier: Classifier, added: Sequence[AddedPhoto], *, is_new: bool) -> None:
    """Delete a new classifier, and raise DataError, if none of its first photos can be used."""
    if is_new and _refused(added) == len(added):
        classifier.delete()
        raise _unusable(added)


def _refused(added: Sequence[AddedPhoto]) -> int:
    return sum(each.outcome == "refused" for each in added)


def _unusable(added: Sequence[AddedPhoto]) -> DataError:
    return DataError(f"{_refused(added):,} of {count_of(len(added), 'photo')} can't be used")


def _check_options(folder: Path, *, publish: bool, run: str | None, relabel: bool) -> None:
    """Refuse options that need others; relabel: whether it is asked for without a class."""
    if run is not None and not publish:
        raise UsageError("--run names what is published", hint="add --publish")
    if relabel:
        place = printable(shlex.quote(str(folder)))
        hint = f"`imgrec teach {place} CLASS PHOTO... --relabel`"
        raise UsageError("--relabel takes a class and photos", hint=hint)


def _check_requirements(require: Sequence[str], *, no_require: bool) -> None:
    from imgrec.requirement import parse

    if require and no_require:
        raise UsageError("--require and --no-require can't be combined")
    for each in require:
        parse(each)


def _check_class(folder: Path, class_name: str, photos: Sequence[str]) -> None:
    """Refuse a class without photos, and a photo in its place."""
    if not photos:
        raise _incomplete(folder, class_name)
    if format_of(class_name) and Path(class_name).is_file():
        raise _photo_for_class(folder, class_name)


def _incomplete(folder: Path, class_name: str) -> UsageError:
    """Return what is wrong with a class without photos, which may be a photo without a class."""
    place, given = (printable(shlex.quote(str(each))) for each in (folder, class_name))
    if Path(class_name).exists():
        return UsageError(
            f"the class of {printable(class_name)} is missing",
            hint=f"`imgrec teach {place} CLASS {given}`",
        )
    return UsageError(
        f"no photos of {printable(class_name)} are given",
        hint=f"`imgrec teach {place} {given} PHOTO...`",
    )


def _photo_for_class(folder: Path, photo: str) -> UsageError:
    """Return what is wrong with photos after a single name, which may be of a folder or a class."""
    from imgrec.classifier_folder import is_classifier

    given = printable(shlex.quote(str(folder)))
    there = is_classifier(folder)
    return UsageError(
        f"{printable(photo)} is a photo, in the place of a class: "
        f"{'CLASS' if there else 'FOLDER or CLASS'} is missing",
        hint=f"`imgrec teach {f'{given} CLASS' if there else f'FOLDER {given}'} PHOTO...`",
    )


def _say_added(console: Console, added: Sequence[AddedPhoto], class_name: str) -> None:
    counts = {
        outcome: [each for each in added if each.outcome == outcome]
        for outcome in ("added", "known", "elsewhere", "relabelled", "refused")
    }
    moved, known = len(counts["relabelled"]), len(counts["known"])
    also = f", {moved:,} relabelled" if moved else ""
    also += f"; {known:,} {'was' if known == 1 else 'were'} there already" if known else ""
    console.say(f"{printable(class_name)}: {count_of(len(counts['added']), 'photo')} added{also}")
    if others := counts["elsewhere"]:
        lines = [
            f"{printable(each.name)}: {printable(each.photo.class_name or each.photo.status)}"
            for each in others[:_SHOWN]
            if each.photo is not None
        ]
        head = f"{count_of(len(others), 'photo')} with another label, which stays without --relabel"
        console.say(listed(head, lines))
    if refused := counts["refused"]:
        lines = [f"{printable(each.name)}: {each.reason}" for each in refused[:_SHOWN]]
        console.say(listed(f"{count_of(len(refused), 'photo')} refused", lines))


def _require(
    console: Console, classifier: Classifier, require: Sequence[str], *, judged: bool
) -> None:
    """Require something of versions, and say so; judged: with what of it is not met now."""
    nothing = "nothing, except not to be significantly worse than the published one"
    classifier.require = require
    classifier.standing(progress=console)
    required = classifier.require
    shown = ", ".join(map(printable, required)) or nothing
    console.say(f"required of versions from now on: {shown}")
    if required and judged and classifier.examples().solvable:
        for each in classifier.judgement().verdicts:
            if each.requirement in required and not each.met:
                console.say(f"not met now: {each.reason}")


def _publish(console: Console, classifier: Classifier, run: str | None) -> Published | None:
    """Publish a version; return None if there are too few photos."""
    if run is None and not classifier.examples().complete:
        return None
    return classifier.publish(run, progress=console)


def _too_few(folder: Path, missing: str) -> DataError:
    """Return why no version was written; missing: what a model of all classes lacks."""
    place = printable(shlex.quote(str(folder)))
    return DataError(
        f"not published: {missing}; the photos are kept",
        hint=f"add photos, and repeat `imgrec teach {place} --publish`",
    )


def _say_published(console: Console, done: Published, folder: Path, run: str | None) -> None:
    """Say what came of a publication, and end with another status than 0 if there is no version."""
    from imgrec.workflows.teaching import note_on

    if run is not None:  # a head's own accuracy was shown with the classes
        judged = done.judgement
        photos = count_of(judged.photos, f"{judged.split} image")
        console.say(f"{printable(run)}: {accuracy_in_words(judged.accuracy)} on {photos}")
        if note := note_on(judged.accuracy, judged.photos):
            console.say(note)
    for verdict in done.verdicts:
        console.say(f"{'met' if verdict.met else 'not met'}: {verdict.reason}")
    if done.judgement.not_compared:
        console.say(done.judgement.not_compared)
    if done.version is None:
        console.say("not published")
        raise click.exceptions.Exit(1)
    version = folder / "versions" / done.version.folder
    console.say(f"published: {printable(str(version))}")

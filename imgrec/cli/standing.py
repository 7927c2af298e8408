"""How good a classifier is, as `imgrec teach` and `imgrec forget` print it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgrec.cli.console import Console
from imgrec.rounding import percent, percent_number
from imgrec.text import count_of, listed, printable

if TYPE_CHECKING:
    from imgrec.evaluation.results import MetricValue
    from imgrec.workflows.teaching import Classifier, Standing

_SHOWN = 3


def show_standing(console: Console, classifier: Classifier) -> None:
    """Print the classes, the accuracy with its interval, and what is worth a look."""
    from imgrec.workflows.teaching import note_on

    (found, _), examples = classifier.standing(), classifier.examples()
    recognised = {each.class_name: each for each in found.classes} if found else {}
    rows = [
        [
            printable(each.name),
            f"{each.photos:,}",
            str(recognised[each.name].correct) if each.name in recognised else "-",
        ]
        for each in classifier.classes()
    ]
    if rows:
        console.table(["class", "photos", "recognised"], rows)
    if found is None:
        console.result("too few photos: at least 2 classes with 2 photos each are needed")
        console.result(examples.missing)
        name = examples.too_few[0].class_name if examples.too_few else "CLASS"
        given = (printable(shlex.quote(str(each))) for each in (classifier.folder, name))
        console.result(f"`imgrec teach {' '.join(given)} PHOTO...` adds photos")
        return
    console.result(f"{accuracy_in_words(found.accuracy)}, cross-validated")
    note = note_on(found.accuracy, found.photos)
    for line in filter(None, (note, _difference(found), *_remarks(classifier, found))):
        console.result(line)


def accuracy_in_words(found: MetricValue) -> str:
    """Return an accuracy with its interval, as `accuracy 98.4 % (96.1 to 99.5 %)`."""
    low, high = found.limits
    interval = f"{percent_number(low)} to {percent_number(high)} %"
    return f"accuracy {percent(found.value)} ({interval})"


def _remarks(classifier: Classifier, found: Standing) -> Iterator[str]:
    for few in found.too_few[:_SHOWN]:
        yield f"{printable(few.class_name)} is left out until it has {few.needed} photos"
    for each in found.confused[:_SHOWN]:
        photos, was = count_of(each.photos, "photo"), "was" if each.photos == 1 else "were"
        of, taken_for = printable(each.class_name), printable(each.taken_for)
        yield f"{photos} of {of} {was} taken for {taken_for}"
    for suspect in found.suspects[:_SHOWN]:
        yield (
            f"probably {printable(suspect.taken_for)} ({percent(suspect.probability)}), labelled "
            f"{printable(suspect.class_name)}: {_photo(classifier, suspect.sha256)}"
        )
    if found.suspects:
        first = found.suspects[0]
        given = classifier.folder, first.taken_for, classifier.path(first.sha256)
        typed = " ".join(printable(shlex.quote(str(each))) for each in given)
        which = "the first" if found.suspects[1:] else "it"
        yield f"`imgrec teach {typed} --relabel` relabels {which}"
    for group in found.near_duplicates[:_SHOWN]:
        lines = [
            f"{printable(each.class_name)}: {_photo(classifier, each.sha256)}" for each in group
        ]
        if (more := len(lines) - _SHOWN) > 0:
            lines[_SHOWN:] = [f"and {more:,} more"]
        yield listed("the same picture in different classes", lines)


def _photo(classifier: Classifier, sha256: str) -> str:
    """Return what the file of a photo was called, and where it is."""
    name, path = classifier.photo(sha256).name, classifier.path(sha256)
    return f"{printable(name)} ({printable(str(path))})"


def _difference(found: Standing) -> str:
    """Return what the change did to the accuracy; empty if that was not measured before."""
    from imgrec.metrics import format_difference
    from imgrec.report.wording import describe_finding, format_difference_bounds

    if (change := found.difference) is None:
        return ""
    value = format_difference("accuracy", change.value)
    bounds = format_difference_bounds("accuracy", change)
    between = f" ({bounds})" if bounds else ""
    before = "on the photos that were there before, by their current labels"
    return f"{before}: {value}{between}, {describe_finding(change)}"

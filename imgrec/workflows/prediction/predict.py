"""Photos from a command line, predicted and written to a sink."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

from msgspec import Struct

from imgrec.data.photo_arguments import LIST, expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError, UsageError
from imgrec.evaluation.prediction import ModelInfo, Prediction, combined_model
from imgrec.files import is_stream, open_stream, reason_of, write_all, writing
from imgrec.progress import Progress, Silent
from imgrec.scores import Skipped
from imgrec.text import printable
from imgrec.workflows.prediction.predictor import Predictor

if TYPE_CHECKING:
    from imgrec.report.documents import LineForm, WrittenLine

_MOST_EXAMPLES = 20
_TABLE = 1_000
_PIECE = 1 << 20


class PhotoResult(Protocol):
    """The result for one photo, or why there is none."""

    @property
    def name(self) -> str:
        """The photo's name."""

    @property
    def error(self) -> str | None:
        """Why the photo can't be used; None if it can."""


class RefusedPhoto(NamedTuple):
    """A photo that can't be used, and why."""

    name: str
    error: str | None


class FailureSummary(Struct, frozen=True):
    """The number of photos, how many of them can't be used, and the first 20 of those.

    resumed: how many photos an earlier call has predicted; none of those is in `examples`.
    """

    photos: int = 0
    failed: int = 0
    examples: tuple[PhotoResult, ...] = ()
    resumed: int = 0

    @classmethod
    def of(cls, photos: int, refused: Sequence[Skipped]) -> FailureSummary:
        """Return the summary of some photos, given those that can't be used."""
        examples = map(RefusedPhoto._make, refused[:_MOST_EXAMPLES])
        return cls(photos, len(refused), tuple(examples))

    def with_batch(self, batch: Sequence[PhotoResult]) -> FailureSummary:
        """Return the summary with further results."""
        failed = tuple(result for result in batch if result.error is not None)
        return FailureSummary(
            self.photos + len(batch),
            self.failed + len(failed),
            (self.examples + failed)[:_MOST_EXAMPLES],
            self.resumed,
        )


class PredictedBatch(NamedTuple):
    """The next predictions with their photos, and the summary that includes them."""

    predictions: Sequence[Prediction]
    photos: Sequence[Photo]
    summary: FailureSummary


class OpenSink(Struct, frozen=True):
    """A sink that takes predictions.

    Args:
        write: Writes the next predictions.
        done: The summary of the photos whose predictions were written before.
    """

    write: Callable[[PredictedBatch], None]
    done: FailureSummary = FailureSummary()


Sink = Callable[[Iterator[Photo]], AbstractContextManager[OpenSink]]
"""Where predictions go. It takes photos that are done already off the front of those passed."""


def predict_photos(
    photos: Sequence[str], predictor: Predictor, sink: Sink, progress: Progress | None = None
) -> FailureSummary:
    """Predict photos and write the predictions to `sink`, in order, as they are computed.

    Args:
        photos: Files, folders (with everything below them), patterns, or `-` for stdin.
        predictor: The models.
        sink: See `document_sink`, `table_sink`, `page_sink`, `line_sink` and `file_sink`.
        progress: Where progress is reported.

    Returns:
        How many photos there were, and which could not be read.
    """
    found, total = _find_photos(photos)
    with sink(found) as output:
        summary = output.done
        left = None if total is None else total - summary.photos
        found, kept = itertools.tee(found)
        for batch in predictor.predictions(found, total=left, progress=progress or Silent()):
            summary = summary.with_batch(batch)
            output.write(PredictedBatch(batch, [*itertools.islice(kept, len(batch))], summary))
    return summary


def document_sink(show: Callable[[Sequence[Prediction]], None]) -> Sink:
    """Return a sink that keeps all predictions and calls `show` once, at the end."""

    @contextmanager
    def opened(_photos: Iterator[Photo]) -> Iterator[OpenSink]:
        batches: list[Sequence[Prediction]] = []
        yield OpenSink(lambda batch: batches.append(batch.predictions))
        show(tuple(itertools.chain.from_iterable(batches)))

    return opened


class TableText(Protocol):
    """Makes tables of predictions."""

    def __call__(self, predictions: Sequence[Prediction], *, last: bool) -> str:
        """Return the text of a table, which ends with a line break; `last`: of the last table."""


Deliver = Callable[[Iterator[str]], None]
"""Prints or writes a text that comes in pieces."""


def table_sink(table: TableText, deliver: Deliver, *, most: int = _TABLE) -> Sink:
    """Return a sink that makes a table of each `most` photos, and delivers them at the end.

    If there are several, their text waits in a temporary file, so that memory does not grow with
    the number of photos.

    Args:
        table: Returns the text of a table.
        deliver: Gets the text of all tables.
        most: How many photos a table has, at least 1.
    """

    @contextmanager
    def opened(_photos: Iterator[Photo]) -> Iterator[OpenSink]:
        waiting: list[Prediction] = []
        text: TextIO | None = None
        with ExitStack() as stack:

            def write(batch: PredictedBatch) -> None:
                nonlocal text
                waiting.extend(batch.predictions)
                while len(waiting) > most:
                    text = text or stack.enter_context(waiting_text())
                    text.write(table(waiting[:most], last=False))
                    del waiting[:most]

            yield OpenSink(write)
            last = table(waiting, last=True)
            if text is None:
                deliver(iter([last]))
            else:
                text.write(last)
                deliver(pieces(text))

    return opened


def waiting_text() -> AbstractContextManager[TextIO]:
    """Return a temporary file for text that has to wait for the last prediction."""
    import tempfile

    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape", newline="")


def pieces(text: TextIO) -> Iterator[str]:
    """Yield a text from its start, some lines at a time."""
    text.seek(0)
    while lines := text.readlines(_PIECE):
        yield "".join(lines)


def line_sink(emit: Callable[[str], None], predictor: Predictor, form: LineForm) -> Sink:
    """Return a sink that calls `emit` with the text of each batch, as JSON lines or CSV."""
    from imgrec.report.documents import header, lines

    @contextmanager
    def opened(_photos: Iterator[Photo]) -> Iterator[OpenSink]:
        head = iter([header(form)])
        yield OpenSink(
            lambda batch: emit(next(head, "") + lines(form, batch.predictions, predictor.members))
        )

    return opened


def file_sink(path: Path, predictor: Predictor, form: LineForm, *, resume: bool = False) -> Sink:
    """Return a sink that writes JSON lines or CSV to a file, which appears when it is complete.

    A device or a pipe gets each batch at once, and can't be resumed.

    Args:
        path: The file; see `resumable_file`.
        predictor: The models, with their options.
        form: `jsonl` or `csv`.
        resume: Whether to continue what an earlier, interrupted call left. The file becomes the
            same as without the interruption. A complete one is left as it is.

    Raises:
        UsageError: When it is opened: what is resumed was started with other options or photos; a
            complete file has other photos, or is of another model.
        RunError: The file can't be written.
    """
    from imgrec.report.documents import header, lines
    from imgrec.workflows.prediction.resumable_file import is_complete, resumable_file

    if is_stream(path):
        return _stream_sink(path, predictor, form, resume=resume)

    @contextmanager
    def opened(photos: Iterator[Photo]) -> Iterator[OpenSink]:
        settings = {"format": form, **predictor.settings}
        names = (photo.name for photo in photos)
        if resume and is_complete(path):
            yield OpenSink(lambda _: None, _complete(path, form, names, predictor.members))
            return
        with resumable_file(
            path, settings, header=header(form), names=names, resume=resume
        ) as file:

            def write(batch: PredictedBatch) -> None:
                text = lines(form, batch.predictions, predictor.members)
                file.append(text, [each.name for each in batch.predictions], batch.summary.failed)

            done = file.mark
            yield OpenSink(write, FailureSummary(done.items, done.failed, resumed=done.items))

    return opened


def _complete(
    path: Path, form: LineForm, photos: Iterator[str], members: Sequence[ModelInfo]
) -> FailureSummary:
    """Return the summary of a complete file.

    Raises UsageError if it has other photos or models. What it doesn't say, such as a threshold,
    is not compared.
    """
    from imgrec.report.documents import written_lines, written_name

    answering = [*members, combined_model(members)]
    models = frozenset(written_name(form, each.model) for each in answering if each)
    names = (written_name(form, each) for each in photos)
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return _written(written_lines(form, file), names, models)
    except OSError as error:
        raise RunError(f"{printable(str(path))} can't be read: {reason_of(error)}") from error
    except ValueError:
        raise UsageError(
            f"{printable(str(path))} is complete, but not of these photos and this model",
            hint="leave out --continue to write it again",
        ) from None


def _written(
    lines: Iterator[WrittenLine], names: Iterator[str], models: frozenset[str]
) -> FailureSummary:
    """Return the summary of the lines of a file; raise ValueError if others were expected."""
    count = failed = 0
    # A table doesn't show that a photo was named twice in a row.
    found, named = itertools.groupby(lines, attrgetter("photo")), itertools.groupby(names)
    for (photo, about), (name, same) in itertools.zip_longest(found, named, fillvalue=(None, ())):
        told = [*about]
        if photo != name or any(not each.models <= models for each in told):
            raise ValueError("other photos or models")
        count, failed = count + len([*same]), failed + sum(each.failed for each in told)
    return FailureSummary(count, failed, resumed=count)


def _stream_sink(path: Path, predictor: Predictor, form: LineForm, *, resume: bool) -> Sink:
    @contextmanager
    def opened(photos: Iterator[Photo]) -> Iterator[OpenSink]:
        if resume:
            raise UsageError(
                f"{printable(str(path))} is a device or a pipe, which keeps nothing to continue",
                hint="leave out --continue",
            )
        with writing(path):
            stream = open_stream(path)

        def emit(text: str) -> None:
            with writing(path):
                write_all(stream, text.encode("utf-8", "surrogateescape"))

        with stream, line_sink(emit, predictor, form)(photos) as sink:
            yield sink

    return opened


def _find_photos(photos: Sequence[str]) -> tuple[Iterator[Photo], int | None]:
    """Return the photos, and their number, None if they come from stdin.

    They are listed once. Names take a quarter of the memory of Photos: 10 MB for 100,000.
    """
    if LIST in photos:
        return expand_photos(photos, sys.stdin), None
    listed = [
        photo if isinstance(photo.source, BadImage) else photo.name
        for photo in expand_photos(photos, None)
    ]
    found = (Photo(each, Path(each)) if isinstance(each, str) else each for each in listed)
    return found, len(listed)

"""A run as a TensorBoard log in its folder, written without TensorFlow."""

from __future__ import annotations

import base64
import html
import io
import itertools
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from PIL import Image

from imgrec.runs.folder import CONFIG_FILE, CONFUSION_FILE, REPORT_FILE, Run
from imgrec.runs.settings import Setting
from imgrec.runs.summary import summarize
from imgrec.runs.writer import RunWriter
from imgrec.workflows.tracking.epochs import Epoch, Epochs, read_epochs, seconds

LOG_FOLDER = "tensorboard"
"""The folder of the log in a run."""

_WHOLE, _TRAIN, _VALIDATION = "", "train", "validation"
_VALIDATED = "val_"
_PREFIX, _OURS = "events.out.tfevents.", ".imgrec"
_MOST_MISTAKES = 16
# A thumbnail in the report, and the name of the photo.
_THUMBNAIL = re.compile(r'<img src="data:image/webp;base64,([^"]+)"[^>]*? alt="([^"]*)"')
_SECTIONS = ("preprocessing.", "augmentation.", "model.", "training.")
_NAMES = ("seed", "data.image_size", "data.batch_size")


class TensorBoardLog:
    """Writes epochs, hyperparameters, results and pictures of a run into its folder.

    The log of a process takes the place of that of the process before it, with all epochs.

    Args:
        writer: Of the run.
    """

    name: Final = "tensorboard"
    title = "TensorBoard"

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._files: dict[str, _EventFile] = {}
        self._epochs = 0

    def update(self, *, ended: bool) -> str:
        """Add what is new to the log, which is begun first if this process has not done so."""
        run = self._writer.run
        try:
            if not self._files:
                self._begin(run)
            epochs = read_epochs(run)
            for epoch in epochs.after(self._epochs):
                self._add_epoch(epoch)
            if ended:
                self._conclude(run, epochs)
            for file in self._files.values():
                file.flush()
        except BaseException:  # what is written may be incomplete: the next update begins again
            self._close()
            raise
        if ended:
            self._close()
        return f"TensorBoard log in {run.path / LOG_FOLDER}"

    def _begin(self, run: Run) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb

        folder = self._writer.subfolder(LOG_FOLDER)
        self._epochs, began = 0, seconds(run.card.created)
        for part in (_WHOLE, _TRAIN, _VALIDATION):
            self._files[part] = _EventFile(folder / part)
        file, settings = self._files[_WHOLE], summarize(run.path).settings
        file.add(hparams_pb(dict(_hyperparameters(settings)), run.name, began), 0, began)
        if (config := run.path / CONFIG_FILE).is_file():
            text = f"```yaml\n{config.read_text('utf-8')}\n```"
            file.add(text_pb("config", text), 0, began)

    def _add_epoch(self, epoch: Epoch) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        for name, value in epoch.values.items():
            file = self._files[_VALIDATION if name.startswith(_VALIDATED) else _TRAIN]
            summary = scalar_pb(name.removeprefix(_VALIDATED), value)
            file.add(summary, epoch.number, epoch.moment)
        self._epochs = epoch.number

    def _conclude(self, run: Run, epochs: Epochs) -> None:
        """Add results and pictures, and how the training ended."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        file, step, summary = self._files[_WHOLE], run.card.epochs, summarize(run.path)
        moment = seconds(run.card.ended or run.card.created)
        for name, metric in summary.metrics.items() if run.card.complete else ():
            if metric.value is not None:
                file.add(scalar_pb(f"{summary.split}/{name}", metric.value), step, moment)
        for tag, picture in _pictures(run.path) if run.card.complete else ():
            file.add(_image(tag, picture), step, moment)
        file.add(_end(complete=run.card.complete, moment=moment), step, moment)

    def _close(self) -> None:
        files = [*self._files.values()]
        self._files.clear()
        for file in files:
            file.close()


class _EventFile:
    """A new file of events in a folder, in place of those that earlier processes wrote."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(exist_ok=True)
        for path in folder.glob(f"{_PREFIX}*{_OURS}"):
            path.unlink()
        name = f"{_PREFIX}{time.time_ns() // 1000:020}.{os.getpid()}{_OURS}"
        self._file: BinaryIO = (folder / name).open("xb")
        self._event, self._records = Event, RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, summary: Any, step: int, moment: float) -> None:
        """Add a summary; moment: in seconds since 1970."""
        self._write(self._event(wall_time=moment, step=step, summary=summary))

    def flush(self) -> None:
        """Let readers see what was added."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest."""
        try:
            self._file.close()
        except OSError:  # the disk is full, as the flush before it said
            return

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())


def _hyperparameters(settings: Any) -> Iterator[tuple[str, Setting]]:
    for name, value in settings.items():
        if value is not None and (name.startswith(_SECTIONS) or name in _NAMES):
            yield name, value


def _pictures(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the confusion matrix and the thumbnails of mistakes, each with its tag."""
    if (path := folder / CONFUSION_FILE).is_file():
        yield path.stem, path.read_bytes()
    if (path := folder / REPORT_FILE).is_file():
        part = path.read_text("utf-8").partition('<h2 id="mistakes">')[2].partition("<h2")[0]
        found = itertools.islice(_THUMBNAIL.finditer(part), _MOST_MISTAKES)
        for number, each in enumerate(found, 1):
            yield f"mistakes/{number:02} {html.unescape(each[2])}", base64.b64decode(each[1])


def _image(tag: str, content: bytes) -> Any:
    """Return an image as a PNG file, since TensorBoard does not know WebP."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.save(file, "PNG")
        width, height = picture.size
    image = Summary.Image(height=height, width=width, encoded_image_string=file.getvalue())
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _end(*, complete: bool, moment: float) -> Any:
    """Return how the training ended, for the list of hyperparameters."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if complete else api_pb2.STATUS_FAILURE
    ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=moment)
    content = metadata.create_summary_metadata(
        plugin_data_pb2.HParamsPluginData(session_end_info=ended)
    )
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR
    )
    return Summary(value=[value])

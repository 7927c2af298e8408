"""Tasks drawn on a terminal. It imports rich, so it is imported only when there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as RichTask
from rich.text import Text

from imgrec.progress import Task
from imgrec.text import shown

# A speed from here on is shown without a digit behind the point.
_WHOLE = 10


class Live:
    """A display on stderr: per task a title, a bar, done/total, speed, time left and a note."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=RichConsole(stderr=True),
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print lines above the tasks."""
        self._progress.console.print(Text(text), soft_wrap=True)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Task]:
        """Draw a task until the context ends."""
        number = self._progress.add_task(shown(title), total=total, unit=unit, note="")
        try:
            yield _Task(self._progress, number)
        finally:
            self._progress.remove_task(number)


class _Task:
    def __init__(self, progress: Progress, number: TaskID) -> None:
        self._progress = progress
        self._number = number

    def advance(self, count: int = 1, note: str = "") -> None:
        """Say that `count` more units are done; `note` is shown beside them, if there is one."""
        if note:
            self._progress.update(self._number, note=shown(note))
        self._progress.advance(self._number, count)


class _Speed(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        """Return the speed over the last seconds, as `1,061 images/s`."""
        if not task.speed:
            return Text("")
        digits = 0 if task.speed >= _WHOLE else 1
        return Text(f"{task.speed:,.{digits}f} {task.fields['unit']}/s")

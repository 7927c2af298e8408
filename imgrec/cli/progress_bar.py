"""The progress display. It imports rich, so it is only imported if stderr is a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console as RichConsole
from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from imgrec.progress import Task, rate
from imgrec.text import printable

# In fewer columns there is no room for a bar next to step, metrics, speed and time.
_ROOM_FOR_BAR = 100


class Live:
    """A display on stderr: for each task, a line with title, bar, count, speed and time left.

    On a narrow terminal the bar is left out and the count, the longest part, is shortened. Lines
    can be pinned above the tasks.
    """

    def __init__(self) -> None:
        console = RichConsole(stderr=True)
        wide = console.width >= _ROOM_FOR_BAR
        self._progress = _Pinning(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            *([BarColumn(bar_width=20, table_column=Column(no_wrap=True))] if wide else []),
            _HowFar(),
            _Speed(table_column=Column(no_wrap=True)),
            _TimeLeft(compact=True, table_column=Column(no_wrap=True)),
            console=console,
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
        """Print lines above the display."""
        self._progress.console.print(Text(text), soft_wrap=True)

    def pin(self, text: str) -> None:
        """Show lines above the tasks, in place of those before, each cut to the terminal."""
        self._progress.pinned = Text(text, no_wrap=True, overflow="ellipsis")
        self._progress.refresh()

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Task]:
        """Show a task until the context ends."""
        number = self._progress.add_task(printable(title), total=total, unit=unit, note="")
        try:
            yield _Task(self._progress, number)
        finally:
            self._progress.remove_task(number)


class _Pinning(Progress):
    """Shows a text above the tasks."""

    pinned = Text()

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the text, if there is one, and the tasks."""
        if self.pinned:
            yield self.pinned
        yield from super().get_renderables()


class _Task:
    def __init__(self, progress: Progress, number: TaskID) -> None:
        self._progress = progress
        self._number = number

    def advance(self, count: int = 1, note: str = "") -> None:
        """Advance by `count` units; a `note` is shown instead of the count."""
        if note:
            self._progress.update(self._number, note=printable(note))
        self._progress.advance(self._number, count)


class _HowFar(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        """Return the task's note or, if it has none, `0/1,257 images`."""
        total = "?" if task.total is None else f"{task.total:,.0f}"
        text = task.fields["note"] or f"{task.completed:,.0f}/{total} {task.fields['unit']}"
        return Text(text, no_wrap=True, overflow="ellipsis")


class _TimeLeft(TimeRemainingColumn):
    def render(self, task: RichTask) -> Text:
        """Return the time left as `00:12 left`; empty if unknown."""
        known = task.total is not None and task.time_remaining is not None
        return super().render(task).append(" left") if known else Text("")


class _Speed(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        """Return the recent speed, e.g. `1,061 images/s`."""
        if not task.speed:
            return Text("")
        return Text(f"{rate(task.speed)} {task.fields['unit']}/s")

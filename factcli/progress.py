"""What a person sees while a command works, on stderr: a live bar on a terminal, a plain line each 10 s elsewhere."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class Report(Protocol):
    """What a stage tells about its progress. `done` of `total` units; `note` holds the numbers that matter now.

    Whoever made it closes it, however the work ended: the terminal is then as it was.
    """

    def begin(self, task: str, total: int | None = None) -> None: ...
    def update(self, done: int, total: int | None = None, note: str = "") -> None: ...
    def end(self, note: str = "") -> None: ...
    def say(self, text: str) -> None: ...
    def close(self) -> None: ...


class PlainReport:
    """Lines for logs and pipes: one at start and end of a task, one each `every_s` seconds between."""

    def __init__(self, every_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._task = ""
        self._total: int | None = None
        self._started = self._last = clock()

    def begin(self, task: str, total: int | None = None) -> None:
        self._task, self._total = task, total
        self._started = self._last = self._clock()
        self.say(f"{task} ...")

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._total = total or self._total
        now = self._clock()
        if now - self._last >= self._every_s:
            self._last = now
            self.say(f"  {self._task}: {_progress(done, self._total, now - self._started)} {note}".rstrip())

    def end(self, note: str = "") -> None:
        self.say(f"  {self._task}: done in {self._clock() - self._started:.0f} s {note}".rstrip())

    def say(self, text: str) -> None:
        print("\n".join(map(on_one_line, text.splitlines())), file=sys.stderr, flush=True)

    def close(self) -> None:
        """A line leaves nothing behind."""


def _progress(done: int, total: int | None, elapsed_s: float) -> str:
    if not total or not done:
        return f"{done}"
    left_s = elapsed_s / done * (total - done)
    return f"{done}/{total}, about {left_s:.0f} s left"


class LiveReport:
    """One live bar with count, elapsed and remaining time, the note below it; lines said in between scroll above."""

    def __init__(self) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.text import Text

        self._console = Console(stderr=True, highlight=False)
        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._progress = Progress(TextColumn("{task.description}", markup=False), *columns, console=self._console)
        self._note = Text(style="dim")  # no markup in it is read
        self._live = Live(Group(self._progress, self._note), console=self._console, transient=True)
        self._task: int | None = None
        self._name = ""
        self._started = 0.0

    def begin(self, task: str, total: int | None = None) -> None:
        self._clear()
        self._name, self._started = on_one_line(task), time.monotonic()
        self._live.start()
        self._task = self._progress.add_task(self._name, total=total)

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        if self._task is None:
            return
        from rich.progress import TaskID

        task = TaskID(self._task)
        if total:
            self._progress.update(task, total=total)
        self._progress.update(task, completed=done)
        self._note.plain = on_one_line(note)

    def end(self, note: str = "") -> None:
        self._clear()
        self.say(f"{self._name}: done in {time.monotonic() - self._started:.0f} s {on_one_line(note)}".rstrip())

    def say(self, text: str) -> None:
        self._console.print("\n".join(map(on_one_line, text.splitlines())), markup=False)

    def close(self) -> None:
        """Give the cursor back; an interrupt may have come in the middle of rich's own start or stop."""
        with suppress(IndexError):  # rich started half: it has no hook yet to take away
            self._clear()
        self._console.show_cursor()

    def _clear(self) -> None:
        if self._task is not None:
            from rich.progress import TaskID

            self._progress.remove_task(TaskID(self._task))
            self._task = None
        self._note.plain = ""
        self._live.stop()


def on_one_line(text: str) -> str:
    """A server's or a model's words may hold what moves the cursor or renames the window."""
    return "".join(c if c.isprintable() else " " for c in text)


def report_for(is_terminal: bool) -> Report:
    return LiveReport() if is_terminal else PlainReport()

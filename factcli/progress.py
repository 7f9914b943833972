"""What a person sees while a command works, on stderr: a live bar on a terminal, a plain line each 10 s elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Protocol


class Report(Protocol):
    """What a stage tells about its progress. `done` of `total` units; `note` holds the numbers that matter now."""

    def begin(self, task: str, total: int | None = None) -> None: ...
    def update(self, done: int, total: int | None = None, note: str = "") -> None: ...
    def end(self, note: str = "") -> None: ...
    def say(self, text: str) -> None: ...


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
        print(text, file=sys.stderr, flush=True)


def _progress(done: int, total: int | None, elapsed_s: float) -> str:
    if not total or not done:
        return f"{done}"
    left_s = elapsed_s / done * (total - done)
    return f"{done}/{total}, about {left_s:.0f} s left"


class LiveReport:
    """One live bar with count, elapsed and remaining time; lines said in between scroll above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
        )
        self._task: int | None = None
        self._name = ""
        self._started = 0.0

    def begin(self, task: str, total: int | None = None) -> None:
        self._clear()
        self._name, self._started = task, time.monotonic()
        self._progress.start()
        self._task = self._progress.add_task(task, total=total, note="")

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        if self._task is None:
            return
        from rich.markup import escape
        from rich.progress import TaskID

        task = TaskID(self._task)
        if total:
            self._progress.update(task, total=total)
        self._progress.update(task, completed=done, note=escape(note))

    def end(self, note: str = "") -> None:
        self._clear()
        self.say(f"{self._name}: done in {time.monotonic() - self._started:.0f} s {note}".rstrip())

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def _clear(self) -> None:
        if self._task is not None:
            from rich.progress import TaskID

            self._progress.remove_task(TaskID(self._task))
            self._task = None
        self._progress.stop()


def report_for(is_terminal: bool) -> Report:
    return LiveReport() if is_terminal else PlainReport()

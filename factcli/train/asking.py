"""What may be asked of a running job between two steps: a checkpoint, or a checkpoint and its end.

SIGTERM and SIGINT ask for the end, SIGUSR1 for a checkpoint alone, and so does a file `checkpoint-now` in the job's folder, which
reaches a job through every launcher. Of several processes each may be told; they act together, after the same step.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import NoReturn

from factcli.train.launch import REQUEST
from factcli.train.together import highest


class Interrupted(KeyboardInterrupt):
    """Stopped by a signal after a checkpoint was written; the same job goes on from it."""


class Wish(IntEnum):
    """What is asked of a run; the higher one wins."""

    NOTHING = 0
    SAVE = 1
    STOP = 2


class Asked:
    """What was asked of this process since it was last looked at. `folder`: the job's, None where nobody can leave a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._stop, self._save = threading.Event(), threading.Event()

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """As a signal handler: remember it, so that the running step can end first."""
        (self._save if number == signal.SIGUSR1 else self._stop).set()

    def wish(self, is_due: bool = False) -> Wish:
        """What all processes do now: the most that one of them was asked for. `is_due`: this one's clock says that it is time to save."""
        own = Wish.STOP if self._stop.is_set() else Wish.SAVE if self._is_save_asked() or is_due else Wish.NOTHING
        return Wish(highest(own))

    def _is_save_asked(self) -> bool:
        was_told = self._save.is_set()
        self._save.clear()
        if self.folder is not None and (self.folder / REQUEST).exists():
            (self.folder / REQUEST).unlink(missing_ok=True)  # of several processes on one disk any may be the first
            return True
        return was_told


@contextmanager
def listening(folder: Path | None = None) -> Iterator[Asked]:
    """Inside, signals are remembered instead of ending the process."""
    asked = Asked(folder)
    if threading.current_thread() is not threading.main_thread():
        yield asked  # Python delivers signals to the main thread only
        return
    before = {number: signal.signal(number, asked.note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_together(where: str) -> NoReturn:
    """Raise Interrupted, in no process before the first has written its checkpoint: a launcher kills the others as soon as one has gone."""
    highest(0)
    raise Interrupted(f"stopped after step {where}")

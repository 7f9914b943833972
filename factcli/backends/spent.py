"""What the runs of one piece of work have taken of its budget, in a file that is right at every moment: a run may be killed.

Written over in place at every booking, before the answer is stored: WIDTH bytes at once take microseconds and are not torn by a
kill. What was in flight at a kill is not in it, for nobody knows whether it was billed.
"""

import contextlib
import os
from pathlib import Path

from factcli.backends.bill import Budget

WIDTH = 32  # bytes; the longest float has 24


def read_spent(path: Path) -> float:
    """0 where there is no file yet, or none that can be read: the machine lost its power while it was written."""
    try:
        return float(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0.0


def note_spent(budget: Budget, path: Path) -> None:
    """From now on, whatever is booked on the budget stands in the file; there is none before something was."""
    budget.booked = lambda spent: _write(path, spent)


def _write(path: Path, spent: float) -> None:
    with contextlib.suppress(FileNotFoundError):  # the last answers came when the work was done or thrown away
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(descriptor, repr(spent).ljust(WIDTH).encode(), 0)
        finally:
            os.close(descriptor)

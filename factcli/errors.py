"""Errors that a person can act on: what is wrong with the value, the way out, the exit code.

cli.py prints `message` and `hint` on stderr and ends with `exit_code`; no traceback. Anything that is
not a FactError is our bug: it ends with exit code 1 and a traceback.
"""

import difflib
from collections.abc import Iterable

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells have it; the same command goes on where it was


class Terminated(KeyboardInterrupt):
    """SIGTERM: it ends this command as Ctrl-C does, but no job elsewhere that the command only follows."""


class FactError(Exception):
    """Base of all errors that are shown without a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SettingsError(FactError):
    """A setting is unknown or has an impossible value."""

    exit_code = 2


class InputError(FactError):
    """An input directory or file is missing, damaged, foreign or of the wrong kind."""

    exit_code = 3


class BackendError(FactError):
    """A model server or local model cannot do what the run needs."""

    exit_code = 4


class TrainingError(FactError):
    """Training failed, or one of its proofs did."""

    exit_code = 5


class DivergedError(TrainingError):
    """Training came apart: a loss, a gradient or a weight is no number. The same job would do so again."""


class TooManyFailuresError(FactError):
    """The command finished, but more rows failed than allowed."""

    exit_code = 6


class BudgetError(FactError):
    """The money set for a run is spent; like an interrupted run, the same command goes on where it was."""

    exit_code = INTERRUPTED


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest choice, or an empty string where none is close."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""

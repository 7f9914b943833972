"""How a command ends: the words and the exit code for an error, the line for a person."""

import errno
import sys
import traceback
from contextvars import ContextVar

from factcli.artifact.partial import DISK_FULL
from factcli.errors import FactError, InputError, SettingsError, TrainingError

UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)  # a place that cannot be written
BUG = 1
WRONG_INPUT = 3
_LAST: ContextVar[str] = ContextVar("what the last error said", default="")
WAYS_OUT: dict[type[FactError], str] = {  # where the error has none of its own
    SettingsError: "the same command with --help explains the options, with --dry-run it shows every setting",
    InputError: "`fact ls` lists what there is",
}


def exit_code_of(error: Exception) -> int:
    """Print what a person can act on; give the documented exit code. Our own bugs keep their traceback."""
    if is_full_disk(error):
        place = getattr(error, "filename", None) or "the data directory"
        return _end(f"no space left on the disk of {place}", "free some space and run the same command again; it goes on where it was", WRONG_INPUT)
    if isinstance(error, FactError):
        return _end(error.message, error.hint or WAYS_OUT.get(type(error), ""), error.exit_code)
    if isinstance(error, OSError) and error.errno in UNUSABLE:
        return _end(f"{error.filename or 'a file'} cannot be used: {error.strerror}", "give a directory that can be written with --data", WRONG_INPUT)
    traceback.print_exception(error)
    _LAST.set(f"{type(error).__name__}: {error}")
    return BUG


def last_error() -> str:
    """What the last command of this process that failed said of it: for whoever calls several and goes on."""
    return _LAST.get()


def is_full_disk(error: Exception) -> bool:
    """Here, or in a training process: from there comes text alone, with the number of the system's error in it."""
    if isinstance(error, OSError):
        return error.errno in DISK_FULL
    said = error.message.partition(";")[0] if isinstance(error, TrainingError) else ""
    return any(f"[Errno {code}]" in said or f"(os error {code})" in said for code in DISK_FULL)


def _end(message: str, way_out: str, exit_code: int) -> int:
    _LAST.set(message)
    tell(f"error: {message}")
    if way_out:
        tell(f"  way out: {way_out}")
    return exit_code


def tell(text: str) -> None:
    """A line for the person, on stderr."""
    print(text, file=sys.stderr)

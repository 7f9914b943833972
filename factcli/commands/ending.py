"""How a command ends: the words and the exit code for an error, the line for a person."""

import errno
import sys
import traceback

from factcli.errors import FactError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
BUG = 1
WRONG_INPUT = 3


def exit_code_of(error: Exception) -> int:
    """Print what a person can act on; give the documented exit code. Our own bugs keep their traceback."""
    if isinstance(error, FactError):
        tell(f"error: {error.message}")
        if error.hint:
            tell(f"  way out: {error.hint}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        tell(f"error: no space left on the disk of {error.filename or 'the data directory'}")
        tell("  way out: free some space and run the same command again; it goes on where it was")
        return WRONG_INPUT
    traceback.print_exception(error)
    return BUG


def tell(text: str) -> None:
    """A line for the person, on stderr."""
    print(text, file=sys.stderr)

"""Files of text that a person brings, and what is wrong with a line of one: the same words wherever one is read."""

import re
from pathlib import Path

from factcli.errors import InputError

SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which no file can hold


class BadEntryError(ValueError):
    """Why a line or an entry is rejected; the message is stored."""


def read_utf8(path: Path, needed: str) -> str:
    """The whole file. Raises InputError for one that cannot be read, with what is `needed`, or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}", "save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", needed) from error

"""Lists and records in the cells of a table, read as data: JSON, or a literal as Python prints it. Nothing is evaluated."""

import ast
import json
from typing import Any

from factcli.textfiles import BadEntryError

LONGEST_LITERAL = 20_000  # characters; the longest list of PopQA has below 3,000


def texts_of(value: Any, name: str) -> tuple[str, ...]:
    """The texts of a list, or of a cell that spells one; empty ones are left out. Raises BadEntryError where none is left."""
    values = literal_of(value, name) if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(one, str) for one in values):
        raise BadEntryError(f"{name} is no list of texts")
    kept = tuple(dict.fromkeys(one for one in values if one.strip()))
    if not kept:
        raise BadEntryError(f"{name} accepts nothing")
    return kept


def literal_of(cell: str, name: str) -> Any:
    """What a cell spells, in JSON or as Python prints it: lists, records, texts, numbers.

    PREREQ-TUNE's code runs such cells as Python (`eval`), so that a data set could do anything; here they are parsed only.
    """
    if len(cell) > LONGEST_LITERAL:
        raise BadEntryError(f"{name} is longer than {LONGEST_LITERAL} characters")
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise BadEntryError(f"{name} is neither JSON nor a Python literal") from error


def count_of(cell: Any, name: str) -> int:
    """A whole number of at least 0."""
    if not str(cell).isdecimal():
        raise BadEntryError(f"{name} is {str(cell)!r}, need a whole number of at least 0")
    return int(cell)

"""`fact cache ls|prune|merge`: what is in the response cache, less of it, and more of it from another machine."""

import contextlib
import re
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from factcli.backends.cache import stored_of
from factcli.backends.cachefile import FILE, connect, open_cache, usable
from factcli.backends.requests import Outcome
from factcli.errors import InputError, SettingsError, nearest

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class ModelEntries:
    """What the cache holds of one model. Times in seconds since 1970."""

    model: str
    n: int
    by_outcome: dict[str, int]
    bytes: int
    oldest: float
    newest: float


@dataclass(frozen=True, slots=True)
class CacheView:
    path: str
    bytes: int  # of the files, free pages included
    models: tuple[ModelEntries, ...]


def view(directory: Path) -> CacheView:
    """What is in the cache of a directory; an empty one is made where there is none."""
    with contextlib.closing(open_cache(directory)) as connection:
        names = [row[0] for row in connection.execute("SELECT DISTINCT model FROM answers ORDER BY model")]
        models = tuple(_entries(connection, name) for name in names)
    size = sum(path.stat().st_size for path in directory.glob(f"{FILE}*") if "damaged" not in path.name)
    return CacheView(str(directory / FILE), size, models)


def _entries(connection: sqlite3.Connection, model: str) -> ModelEntries:
    outcomes = dict(connection.execute("SELECT outcome, count(*) FROM answers WHERE model = ? GROUP BY outcome ORDER BY outcome", (model,)))
    totals = "SELECT count(*), sum(length(CAST(said AS BLOB))), min(created), max(created) FROM answers WHERE model = ?"
    n, size, oldest, newest = connection.execute(totals, (model,)).fetchone()
    return ModelEntries(model, n, outcomes, size, oldest, newest)


def prune(directory: Path, older_than: str | None, model: str | None, outcome: str | None) -> int:
    """Delete the answers that meet every condition given; gives their number. Raises SettingsError without any condition."""
    conditions: dict[str, float | str] = {}
    if older_than is not None:
        conditions["created < ?"] = time.time() - age_s(older_than)
    if model is not None:
        conditions["model = ?"] = model
    if outcome is not None:
        if outcome not in get_args(Outcome):
            raise SettingsError(f"there is no outcome {outcome!r}{nearest(outcome, get_args(Outcome))}", f"outcomes: {', '.join(get_args(Outcome))}")
        conditions["outcome = ?"] = outcome
    if not conditions:
        raise SettingsError("nothing says which answers to delete", "give --older-than 30d, --model NAME or --outcome truncated")
    with usable(directory), contextlib.closing(open_cache(directory)) as connection:
        n = connection.execute(f"DELETE FROM answers WHERE {' AND '.join(conditions)}", tuple(conditions.values())).rowcount  # noqa: S608 - our own words
        if n:
            connection.execute("VACUUM")
    return n


def age_s(text: str) -> float:
    """Seconds of `30d`, `12h`, `2w`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if found is None:
        raise SettingsError(f"--older-than {text!r} is not a number and one of s, m, h, d, w", "for example --older-than 30d")
    return float(found[1]) * UNITS_S[found[2]]


def merge(directory: Path, file: Path) -> int:
    """Copy the answers of another cache file that this one has not; one that is ok replaces one that is not. Gives their number."""
    if not file.is_file():
        raise InputError(f"there is no cache file {file}", f"give the {FILE} of another machine")
    with contextlib.closing(open_cache(directory)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            with contextlib.closing(connect(file)) as other:
                n = sum(_take(connection, row) for row in other.execute("SELECT key, model, outcome, created, said FROM answers"))
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            connection.execute("ROLLBACK")
            raise InputError(f"{file} is damaged or no response cache of `fact`: {error}", "nothing of it was taken; copy it again") from error
        connection.execute("COMMIT")
    return n


def _take(connection: sqlite3.Connection, row: tuple[str, str, str, float, str]) -> int:
    stored_of(row[4])  # what could not be read later is not let in
    have = connection.execute("SELECT outcome FROM answers WHERE key = ?", (row[0],)).fetchone()
    if have is not None and (have[0] == "ok" or row[2] != "ok"):
        return 0
    return connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row).rowcount

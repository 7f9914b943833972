"""Answers that were paid for, kept so that none is bought twice: by a later run, or by another process meanwhile.

An answer is committed before it is used. Who is about to ask takes a lease of the key; others that need the same answer
wait for it. A lease ends when the answer is stored, when its process is dead, or when its time is over.
"""

import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from factcli.backends.cachefile import open_cache, usable
from factcli.backends.reading import Said
from factcli.backends.requests import Token

Claim = Literal["mine", "stored", "others"]
SAID_FIELDS = tuple(field.name for field in fields(Said))
ASKING = "asking"  # the outcome in the table of an invalid answer that is being asked for again
COUNTS = f"FROM answers WHERE key = ? AND (outcome = 'ok' OR (created >= ? AND outcome <> '{ASKING}'))"
LEASE_MARGIN_S = 30.0  # beyond the time-out of a call, for storing its answer


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer and what it took, invalid ones that came before it included. Money is not stored: prices change."""

    said: Said
    tokens_in: int
    tokens_out: int
    asks: int = 1  # times that it was asked for


def added(before: Stored | None, said: Said) -> Stored:
    """The newest answer, with the tokens of the invalid ones before it: they were paid for too."""
    if before is None:
        return Stored(said, said.tokens_in, said.tokens_out)
    return Stored(said, said.tokens_in + before.tokens_in, said.tokens_out + before.tokens_out, before.asks + 1)


class Cache:
    """One connection; use it in the thread that made it. `clock` is wall time: leases are compared across processes."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self.directory = directory
        self._clock = clock
        self._host = socket.gethostname()
        self._owner = uuid.uuid4().hex
        self._connection = open_cache(directory)

    def close(self) -> None:
        with usable(self.directory), self._connection:
            self._connection.execute("DELETE FROM leases WHERE owner = ?", (self._owner,))
        self._connection.close()

    def now(self) -> float:
        """Wall time, as answers and leases are dated."""
        return self._clock()

    def get(self, key: str, not_ok_since: float = 0.0) -> Stored | None:
        """The stored answer. One that is not ok and older than `not_ok_since` counts as absent, and so does one that cannot be read."""
        with usable(self.directory):
            row = self._connection.execute(f"SELECT said {COUNTS}", (key, not_ok_since)).fetchone()
            return None if row is None else self._parsed(key, row[0])

    def claim(self, key: str, for_s: float, not_ok_since: float = 0.0) -> Claim:
        """`mine`: ask, and `put` or `release` the key within `for_s` and a margin. `others`: somebody asks; look again soon.

        `stored` means that `get` finds it.
        """
        with self._transaction() as connection:
            if connection.execute(f"SELECT 1 {COUNTS}", (key, not_ok_since)).fetchone() is not None:
                return "stored"
            lease = connection.execute("SELECT owner, host, pid, expires FROM leases WHERE key = ?", (key,)).fetchone()
            if lease is not None and lease[0] != self._owner and self._is_held(*lease[1:]):
                return "others"
            expires = self._clock() + for_s + LEASE_MARGIN_S
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)", (key, self._owner, self._host, os.getpid(), expires))
        return "mine"

    def put(self, key: str, model: str, stored: Stored) -> None:
        """Commit an answer and end its lease, both or neither."""
        with self._transaction() as connection:
            self._write(connection, key, model, stored.said.outcome, stored)
            connection.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, self._owner))

    def keep(self, key: str, model: str, invalid: Stored) -> None:
        """Commit an answer that is about to be asked for again. It has been paid for, so whoever asks next, in another run too, goes on from it."""
        with self._transaction() as connection:
            self._write(connection, key, model, ASKING, invalid)

    def kept(self, key: str) -> Stored | None:
        """What `keep` committed last, where nothing was `put` since. Ask for it with the key's lease in hand."""
        with usable(self.directory):
            row = self._connection.execute("SELECT said FROM answers WHERE key = ? AND outcome = ?", (key, ASKING)).fetchone()
            return None if row is None else self._parsed(key, row[0])

    def _write(self, connection: sqlite3.Connection, key: str, model: str, outcome: str, stored: Stored) -> None:
        connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", (key, model, outcome, self._clock(), text_of(stored)))

    def release(self, key: str) -> None:
        with self._transaction() as connection:
            connection.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, self._owner))

    def rate(self, endpoint: str) -> float | None:
        """Requests per second of the last run, if there was one."""
        with usable(self.directory):
            row = self._connection.execute("SELECT requests_per_s FROM rates WHERE endpoint = ?", (endpoint,)).fetchone()
        return None if row is None else float(row[0])

    def put_rate(self, endpoint: str, requests_per_s: float) -> None:
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO rates VALUES (?, ?)", (endpoint, requests_per_s))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Holds the write lock from the beginning, so that what is read inside stays true until the end."""
        with usable(self.directory):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _is_held(self, host: str, pid: int, expires: float) -> bool:
        return expires > self._clock() and not (host == self._host and not is_running(pid))

    def _parsed(self, key: str, text: str) -> Stored | None:
        try:
            return stored_of(text)
        except (ValueError, TypeError, KeyError):
            self._connection.execute("DELETE FROM answers WHERE key = ?", (key,))
            return None


def text_of(stored: Stored) -> str:
    """As JSON. Not by `asdict`, which takes as long as storing does."""
    said = {name: getattr(stored.said, name) for name in SAID_FIELDS}
    values = {"said": said, "tokens_in": stored.tokens_in, "tokens_out": stored.tokens_out, "asks": stored.asks}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()


def stored_of(text: str) -> Stored:
    """Raises ValueError, TypeError or KeyError where the text is not what `put` wrote."""
    values = json.loads(text)
    said = values["said"]
    tokens, prompt_tokens, alternatives = (_tokens(said.pop(name, ())) for name in ("tokens", "prompt_tokens", "alternatives"))
    whole = Said(**said, tokens=tokens, prompt_tokens=prompt_tokens, alternatives=alternatives)
    return Stored(whole, int(values["tokens_in"]), int(values["tokens_out"]), int(values.get("asks", 1)))


def _tokens(values: Sequence[Sequence[object]]) -> tuple[Token, ...]:
    return tuple(Token(str(text), None if logprob is None else float(str(logprob))) for text, logprob in values)


def is_running(pid: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True

"""The journal of a draft: one line per finished unit of work, with all its rows for all tables.

Append-only, so a kill can tear only the last line, and that one is cut off when the work goes on; tables
can never disagree about which units are in. A line is a checksum, a space and a JSON object. At commit the
journal is split into tables in input order by seeking from line to line. Where each unit stands is kept in a
temporary database, which SQLite holds in a few MB of memory and beyond that on disk: memory does not grow with
the number of units.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from factcli.errors import InputError

CHECKSUM_BYTES = 9  # CRC-32 in eight hexadecimal digits, and a space


class Journal:
    """Finished units, by name. Units are few and large or many and small; each is written once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = _Index()
        path.touch()
        self._end = self._recover()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def __contains__(self, unit: str) -> bool:
        return unit in self._index

    def __len__(self) -> int:
        return len(self._index)

    def append(self, unit: str, order: int, tables: Mapping[str, Sequence[Any]]) -> None:
        """Write `unit` with its rows (dataclass instances). It is in the journal whole once this returns, and not at all if it raises."""
        rows = {table: [asdict(row) for row in rows] for table, rows in tables.items()}
        line = _line({"unit": unit, "order": order, "rows": rows})
        if unit in self._index:
            raise AssertionError(f"unit {unit!r} was already written")
        try:
            _write_whole(self._file, line)
        except BaseException:  # a full disk, or Ctrl-C: what comes next must not follow half a line
            _cut(self.path, self._end)
            raise
        self._index.add(unit, order, self._end)
        self._end += len(line)

    def split(self, directory: Path, tables: Sequence[str]) -> dict[str, int]:
        """Write one JSONL per table with rows into `directory`; gives rows per table, empty ones included."""
        counts = dict.fromkeys(tables, 0)
        with ExitStack() as stack:
            files = {table: stack.enter_context((directory / f"{table}.jsonl").open("wb")) for table in tables}
            for rows in self.in_order():
                for table, values in rows.items():
                    counts[table] += len(values)
                    files[table].writelines(_json(value) + b"\n" for value in values)
        for table in tables:
            if not counts[table]:
                (directory / f"{table}.jsonl").unlink()
        return counts

    def close(self) -> None:
        os.close(self._file)
        self._index.close()

    def in_order(self) -> Iterator[dict[str, list[dict[str, Any]]]]:
        """The rows of every finished unit, by input order, then by name: never by the order of writing, which differs between runs."""
        with self.path.open("rb") as file:
            for offset in self._index.offsets():
                yield self._rows_at(offset, file)

    def _rows_at(self, offset: int, file: Any) -> dict[str, list[dict[str, Any]]]:
        file.seek(offset)
        entry = _entry(file.readline())
        if entry is None:
            raise InputError(f"{self.path} was changed while it was used", f"delete {self.path.parent} and run the command again")
        return dict(entry["rows"])

    def _recover(self) -> int:
        """Index the finished units; cut off a torn last line. Damage before it raises InputError. Gives the end."""
        offset, number, size = 0, 0, self.path.stat().st_size
        with self.path.open("rb") as file:
            while offset < size:
                line, number = file.readline(), number + 1
                entry = _entry(line)
                if entry is None and offset + len(line) < size:
                    raise InputError(f"{self.path}:{number} is damaged", f"delete {self.path.parent} and run the command again")
                if entry is None:
                    os.truncate(self.path, offset)
                    break
                self._index.add(entry["unit"], entry["order"], offset)
                offset += len(line)
        return offset


class _Index:
    """Where each unit stands in the journal. Gone with the process: it is read anew from the journal."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a temporary file, made when memory is short
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE units (name TEXT PRIMARY KEY, place INTEGER, offset INTEGER) WITHOUT ROWID")
        self._n = 0

    def __contains__(self, unit: str) -> bool:
        return self._database.execute("SELECT 1 FROM units WHERE name = ?", (unit,)).fetchone() is not None

    def __len__(self) -> int:
        return self._n

    def add(self, unit: str, order: int, offset: int) -> None:
        self._n += self._database.execute("INSERT OR REPLACE INTO units VALUES (?, ?, ?)", (unit, order, offset)).rowcount

    def offsets(self) -> Iterator[int]:
        """By input order, then by name."""
        for (offset,) in self._database.execute("SELECT offset FROM units ORDER BY place, name"):
            yield offset

    def close(self) -> None:
        self._database.close()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _line(entry: dict[str, Any]) -> bytes:
    try:
        text = _json(entry)
    except UnicodeEncodeError as error:
        raise InputError(f"unit {entry['unit']!r} holds half a character: {error}", "the text it was made from is not valid Unicode") from error
    return b"%08x " % zlib.crc32(text) + text + b"\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says, or None where it is torn or damaged."""
    text = line[CHECKSUM_BYTES:-1]
    if not line.endswith(b"\n") or line[:CHECKSUM_BYTES] != b"%08x " % zlib.crc32(text):
        return None
    entry = json.loads(text)
    assert isinstance(entry, dict)
    return entry


def _write_whole(file: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]


def _cut(path: Path, end: int) -> None:
    if path.is_file():  # a device in its place (tests) has no length
        os.truncate(path, end)

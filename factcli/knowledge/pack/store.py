"""pack.sqlite: pages, their names, their passages, and the words of the index. Written once, then only read.

    pages      id, title, first passage, number of passages
    names      every spelling by which a page is found, one row each: exact, folded, folded without brackets; page NULL: ambiguous
    near       full-text index (trigrams) over the folded names without brackets
    passages   id, page, text: ids count from 0 in the order of the pages
    words      word -> its column in the BM25 index
    about      what the reader must know: format, passages, shards, settings

Read with `immutable`: no lock file is needed, so a pack on a read-only or network disk serves any number of processes.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from factcli.errors import BackendError, InputError
from factcli.knowledge.pack.names import folded, split_brackets

FILE = "pack.sqlite"
FORMAT = 1
SCHEMA = """
CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL);
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL, page INTEGER, is_title INTEGER NOT NULL, folded TEXT NOT NULL, base TEXT NOT NULL);
CREATE UNIQUE INDEX names_name ON names (name);
CREATE TABLE passages (id INTEGER PRIMARY KEY, page INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE words (word TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE near USING fts5 (base, tokenize = 'trigram', content = '', detail = 'none', columnsize = 0);
"""
INDEXES = """
CREATE INDEX names_folded ON names (folded);
CREATE INDEX names_base ON names (base);
"""
NO_PAGE, TAKEN = "redirect to a page that is not there", "redirect from a name that was there before"
MOST_VALUES = 30_000  # in one query; SQLite takes 32,766 where it was built with its own settings
PER_TRANSACTION = 20_000  # rows; a fixed number, so that equal inputs give equal bytes


class Store:
    """The database while it is written. Its folder must hold none yet."""

    def __init__(self, folder: Path, cache_mib: int = 256) -> None:
        self._path = folder / FILE
        self._db = sqlite3.connect(self._path, isolation_level=None)
        # What is torn by a kill is thrown away with the folder: no journal, no waiting for the disk.
        self._script(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -{cache_mib * 1024}; PRAGMA temp_store = MEMORY;")
        self._make()
        self._run("BEGIN")
        self.n_pages = self.n_passages = self._since = 0

    def _make(self) -> None:
        try:
            self._script(SCHEMA)
        except sqlite3.OperationalError as error:
            raise BackendError(f"this Python's SQLite {sqlite3.sqlite_version} lacks what a pack needs: {error}", "SQLite 3.34 or newer with FTS5") from error

    def has_name(self, name: str) -> bool:
        return self._run("SELECT 1 FROM names WHERE name = ?", (name,)).fetchone() is not None

    def add_page(self, title: str, passages: Sequence[str]) -> None:
        """A page whose title no earlier page has; give its passages in order."""
        page = self.n_pages
        self._run("INSERT INTO pages VALUES (?, ?, ?, ?)", (page, title, self.n_passages, len(passages)))
        self._name(title, page, is_title=True)
        self._many("INSERT INTO passages VALUES (?, ?, ?)", [(self.n_passages + i, page, text) for i, text in enumerate(passages)])
        self.n_pages += 1
        self.n_passages += len(passages)
        self._count(len(passages) + 2)

    def add_redirect(self, name: str, title: str) -> str:
        """Another name of a page; gives the reason where it cannot be one, else ""."""
        row = self._run("SELECT page FROM names WHERE name = ?", (title,)).fetchone()
        if row is None or row[0] is None:
            return NO_PAGE
        if self.has_name(name):
            return TAKEN
        self._name(name, row[0], is_title=False)
        return ""

    def add_ambiguous(self, name: str) -> None:
        """A title that several pages could have: whoever asks for it is told that there is none."""
        self._name(name, None, is_title=True)

    def finish(self, vocabulary: Iterable[str], about: dict[str, str]) -> None:
        """The words in the order of their ids, and all indexes."""
        self._many("INSERT INTO words VALUES (?, ?)", sorted((word, id) for id, word in enumerate(vocabulary)))
        self._many("INSERT INTO about VALUES (?, ?)", sorted(about.items()))
        self._run("COMMIT")
        self._script(INDEXES)
        self._run("INSERT INTO near (rowid, base) SELECT id, base FROM names WHERE page IS NOT NULL AND length(base) >= 3")
        self._run("INSERT INTO near (near) VALUES ('optimize')")

    def close(self) -> None:
        self._db.close()

    def _run(self, query: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        with _disk_is_said_to_be_full(self._path):
            return self._db.execute(query, values)

    def _many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        with _disk_is_said_to_be_full(self._path):
            self._db.executemany(query, rows)

    def _script(self, script: str) -> None:
        with _disk_is_said_to_be_full(self._path):
            self._db.executescript(script)

    def _name(self, name: str, page: int | None, is_title: bool) -> None:
        values = (name, page, is_title, folded(name), folded(split_brackets(name)[0]))
        self._run("INSERT INTO names (name, page, is_title, folded, base) VALUES (?, ?, ?, ?, ?)", values)
        self._count(1)

    def _count(self, n_rows: int) -> None:
        self._since += n_rows
        if self._since >= PER_TRANSACTION:
            self._run("COMMIT")
            self._run("BEGIN")
            self._since = 0


@contextmanager
def _disk_is_said_to_be_full(path: Path) -> Iterator[None]:
    """SQLite has errors of its own for what the system could not write."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({error})", str(path)) from error
        raise


class Reader:
    """A written database, read by any number of threads, each with a connection of its own."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"{path} is not there", "the pack is damaged: `fact verify` says what else is")
        self._uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._path = path
        self._own = threading.local()

    def all(self, query: str, values: Sequence[object] = ()) -> list[tuple]:
        """The rows of a query. Raises InputError for a damaged file."""
        try:
            return self._connection().execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self._path} cannot be read: {error}", "the pack is damaged: `fact verify` says what else is") from error

    def among(self, query: str, values: Sequence[object]) -> list[tuple]:
        """The rows of a query in which `({marks})` stands for any number of values, so many at a time."""
        some = (values[first : first + MOST_VALUES] for first in range(0, len(values), MOST_VALUES))
        return [row for part in some for row in self.all(query.format(marks=", ".join("?" * len(part))), part)]

    def about(self) -> dict[str, str]:
        found = dict(self.all("SELECT name, value FROM about"))
        if found.get("format") != str(FORMAT):
            raise InputError(f"{self._path} has format {found.get('format')}, need {FORMAT}", "build the pack again with this version of `fact`")
        return found

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._own, "db"):
            self._own.db = sqlite3.connect(self._uri, uri=True)
            self._own.db.executescript("PRAGMA mmap_size = 2147483648; PRAGMA query_only = ON;")
        return self._own.db

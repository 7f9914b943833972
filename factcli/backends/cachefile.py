"""The file of the response cache: where it is, that it can be trusted, and what is done with one that cannot.

SQLite in WAL mode, on a local disk only: its locks and shared memory do not work over a network. Commits are not flushed
to the disk one by one (synchronous=NORMAL): a killed process loses nothing, a machine without power the last seconds.
"""

import contextlib
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from factcli.artifact.partial import DISK_FULL
from factcli.errors import BackendError, SettingsError

log = logging.getLogger(__name__)
FILE = "responses.sqlite3"
SCHEMA = 1
BUSY_S = 60.0  # another process holds the write lock for milliseconds; longer means that it was stopped
CHECKED_WHOLE = 64_000_000  # bytes; a larger file is checked for its length and its tables only (64 MB take 0.2 s)
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs")
TABLES = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, model TEXT NOT NULL, outcome TEXT NOT NULL, created REAL NOT NULL, said TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rates (endpoint TEXT PRIMARY KEY, requests_per_s REAL NOT NULL) WITHOUT ROWID;
"""
COLUMNS = {"answers": 5, "leases": 5, "rates": 2}


def cache_directory() -> Path:
    """$FACT_CACHE_DIR, else `fact` in the user's cache directory."""
    given = os.environ.get("FACT_CACHE_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fact"


def require_local_disk(directory: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raises SettingsError on a network file system. Where the system does not list its mounts, nothing can be known."""
    try:
        lines = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return
    place = directory.resolve()
    holding = [(len(fields[1]), fields[2]) for fields in lines if len(fields) > 2 and place.is_relative_to(fields[1].replace("\\040", " "))]
    kind = max(holding, default=(0, ""))[1]
    if kind in NETWORK:
        raise SettingsError(
            f"the response cache would be in {directory}, on a network file system ({kind}), where SQLite's locks do not work",
            "set FACT_CACHE_DIR to a directory on a local disk; `fact cache merge` brings the caches of several machines together",
        )


def open_cache(directory: Path) -> sqlite3.Connection:
    """A connection to the cache in `directory`, made where there is none; a damaged one is set aside and what can be read is kept."""
    require_local_disk(directory)
    _require_writable(directory)
    path = directory / FILE
    with FileLock(directory / "open.lock"):  # two processes must not both set a damaged file aside
        try:
            return _opened(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not path.exists():
                raise BackendError(f"the response cache {path} cannot be made: {error}", "set FACT_CACHE_DIR to a directory that can be written") from error
            aside = _set_aside(path)
            connection = _opened(path)
            n_kept = _salvage(aside, connection)
            log.warning("the response cache %s was damaged (%s): %d answers were kept, the old file is now %s", path, error, n_kept, aside.name)
            return connection


def _require_writable(directory: Path) -> None:
    """Make it where it is not there. Raises SettingsError that names FACT_CACHE_DIR, not --data, for a place that cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        raise SettingsError(
            f"the response cache cannot be in {directory}: {error.strerror}", "set FACT_CACHE_DIR to a directory on a local disk that can be written"
        ) from error


@contextlib.contextmanager
def usable(directory: Path) -> Iterator[None]:
    """Damage, a full disk or a stopped process that holds the lock end the run; every answer until here is stored."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise BackendError(
            f"the response cache in {directory} cannot be used: {error}",
            "free some space if the disk is full; then run the same command again: it checks the cache, repairs it and goes on",
        ) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError where the file is not whole, and SettingsError where another version wrote it."""
    _require_length(path)
    connection = connect(path)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise SettingsError(
                f"the response cache {path} has schema {version}, this version of `fact` reads {SCHEMA}", "set FACT_CACHE_DIR to another directory"
            )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(f"{TABLES} PRAGMA user_version={SCHEMA};")
        _require_whole(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _require_length(path: Path) -> None:
    """Whether the file has the pages that its header counts, where no WAL holds newer ones."""
    wal = path.with_name(path.name + "-wal")
    if not path.exists() or (wal.exists() and wal.stat().st_size):
        return
    size = path.stat().st_size
    header = path.open("rb").read(100) if size else b""
    if not size:
        return  # SQLite makes a new one of it
    page = int.from_bytes(header[16:18], "big")
    if len(header) < 100 or size < int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page):
        raise sqlite3.DatabaseError("cut short")


def _require_whole(connection: sqlite3.Connection, path: Path) -> None:
    for table, n in COLUMNS.items():
        if len(connection.execute(f"PRAGMA table_info({table})").fetchall()) != n:
            raise sqlite3.DatabaseError(f"table {table} is not ours")
    if path.stat().st_size <= CHECKED_WHOLE:
        result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise sqlite3.DatabaseError(str(result))


def _set_aside(path: Path) -> Path:
    """Rename the file and what belongs to it, so that nothing of it is lost or read again."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _salvage(aside: Path, into: sqlite3.Connection) -> int:
    """Copy the answers that can still be read, from both ends up to the first that cannot; gives their number."""
    n = 0
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(aside)) as old:
            old.execute("PRAGMA writable_schema=ON")  # else SQLite reads nothing of a file that lacks a page
            for row in old.execute(f"SELECT key, model, outcome, created, said FROM answers ORDER BY key {order}"):  # noqa: S608 - our own words
                n += into.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", row).rowcount
    return n

"""Draft: write the next version of an artifact, unit by unit; commit it with one rename.

    data/<name>/.partial-<key>/journal.jsonl   finished units
    data/<name>/.partial-<key>/work/           scratch of the stage: job files, checkpoints; never committed
    data/<name>/.partial-<key>/content/        becomes data/<name>/v0003/

The key names the work: the same settings on the same inputs find the same partial directory (resume) or the
same committed version (reuse); anything else finds neither. A version number is given at commit, under a lock.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from factcli.artifact import provenance
from factcli.artifact.card import render_card
from factcli.artifact.journal import Journal
from factcli.artifact.lineage import input_entry, is_complete
from factcli.artifact.manifest import CARD, MANIFEST, FileEntry, Manifest, content_digest, sealed, sha256_of, sha256_of_file, spelled
from factcli.artifact.partial import CONTENT, DISK_FULL, JOURNAL, WORK, busy_error, disk_error, write_owner
from factcli.artifact.read import NAME, PARTIAL, VERSION_DIR, Artifact, versions_in, with_article
from factcli.artifact.read import open_artifact as _open
from factcli.config import Config, identity_of, key_config_of
from factcli.errors import InputError, SettingsError

log = logging.getLogger(__name__)
_AWAITED: ContextVar[bool] = ContextVar("whether work that another process is at is waited for", default=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage is about to make, complete before any work: the key is a function of it."""

    stage: str  # as typed: "synth bio"
    stage_revision: int  # raised in any commit that can change the stage's output
    kind: str
    name: str
    config: Config
    inputs: Mapping[str, Artifact]
    tables: Mapping[str, type]
    prompts: Mapping[str, str] = field(default_factory=dict)  # name -> sha256
    model: Mapping[str, Any] = field(default_factory=dict)  # resolved model and tokenizer digest, or hub commit
    is_training: bool = False  # then `numerics` settings are part of the key

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise SettingsError(f"name = {self.name!r}: letters, digits and `_.-` only, beginning with a letter or digit, 100 at most")

    @property
    def key(self) -> str:
        inputs = {role: artifact.digest for role, artifact in self.inputs.items()}
        config = key_config_of(self.config, self.is_training)
        return sha256_of([self.stage, self.stage_revision, config, inputs, dict(self.prompts), dict(self.model)])[:20]

    def partial(self, root: Path) -> Path:
        """Where its unfinished work lies."""
        return root / self.name / f"{PARTIAL}{self.key}"

    def scratch(self, root: Path) -> Path:
        """Where its job files and checkpoints lie."""
        return self.partial(root) / WORK

    def committed(self, root: Path) -> Artifact | None:
        """The newest committed version with this key, if any. A damaged one does not count: it is made again."""
        folder, key = root / self.name, self.key
        for _, path in reversed(versions_in(folder) if folder.is_dir() else []):
            try:
                artifact = _open(path, root)
            except InputError as error:
                log.warning("%s", error)
                continue
            if artifact.manifest.key == key and is_complete(artifact):
                return artifact
        return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage says about its work when it is done."""

    headline: str  # one line for `fact ls`
    summary: Mapping[str, Any] = field(default_factory=dict)  # the numbers printed at the end
    counts: Mapping[str, Any] = field(default_factory=dict)  # dropped, failed, unscored, with reasons
    usage: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""  # Markdown for README.md, after the headline: what a person should see of the version


class Draft:
    """The version being written. Use as a context manager: the lock goes with it, the work stays, unless it failed before there was any."""

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self.partial = plan.partial(root)
        self._content = self.partial / CONTENT
        self._lock = FileLock(self.partial.with_suffix(".lock"))
        self._started = time.monotonic()

    def __enter__(self) -> "Draft":
        try:
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            self._acquire()
            self._prepare()
        except BaseException as error:
            self._leave(error)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.journal.close()
        if error is not None and self._is_empty():
            discard(self.partial)
        self._leave(error)

    def done(self, unit: str) -> bool:
        return unit in self.journal

    def __len__(self) -> int:
        """Finished units."""
        return len(self.journal)

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows of a table so far, as JSON objects, in the order that they will have."""
        for rows in self.journal.in_order():
            yield from rows.get(table, ())

    def write(self, unit: str, order: int, tables: Mapping[str, Sequence[Any]]) -> None:
        """Record a finished unit with all its rows. `order` is its place in the tables."""
        unknown = set(tables) - set(self.plan.tables)
        if unknown:
            raise AssertionError(f"{self.plan.kind} declares no table {sorted(unknown)}")
        for table, rows in tables.items():
            assert all(type(row) is self.plan.tables[table] for row in rows), f"{table} holds {self.plan.tables[table].__name__} rows only"
        self.journal.append(unit, order, tables)

    def folder(self, name: str) -> Path:
        """A folder of the version to be, for files that are not tables."""
        path = self._content / name if name else self._content
        path.mkdir(parents=True, exist_ok=True)
        return path

    def scratch(self) -> Path:
        """A folder that lives as long as the draft: job files, checkpoints."""
        path = self.plan.scratch(self.root)
        path.mkdir(exist_ok=True)
        return path

    def commit(self, outcome: Outcome) -> Artifact:
        """Make it a version, whole: tables, card, manifest last, all fsynced, then one rename."""
        counts = self.journal.split(self._content, list(self.plan.tables))
        with FileLock(self.partial.parent / ".commit.lock"):
            number = self._next_number()
            title = f"{self.plan.name}@{number}"
            made = with_article(self.plan.kind).capitalize()
            parts = [outcome.headline, outcome.card, f"{made} written by `fact {self.plan.stage}`. `{MANIFEST}` has its config, inputs and digests."]
            text = "\n\n".join(part for part in parts if part)
            digests = {table: sha256_of_file(self._content / f"{table}.jsonl") for table, n in counts.items() if n}
            (self._content / CARD).write_text(render_card(title, text, dict(self.plan.tables), counts, digests), encoding="utf-8")
            manifest = self._manifest(number, counts, outcome)
            (self._content / MANIFEST).write_bytes(spelled(sealed(manifest)))
            _fsync_tree(self._content)
            target = self.partial.parent / f"v{number:04d}"
            os.rename(self._content, target)
            _fsync_directory(target.parent)
        discard(self.partial)
        return _open(target, self.root)

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            busy = busy_error(self.plan.name, self.partial)
            if not _AWAITED.get():
                raise busy from error
            log.warning("waiting: %s", busy.message)
            self._lock.acquire()

    def _prepare(self) -> None:
        if self.partial.exists() and not self._content.exists():
            shutil.rmtree(self.partial)  # killed between its commit and its removal: the journal has no folders to go with
        self._content.mkdir(parents=True, exist_ok=True)
        write_owner(self.partial, self.plan.stage, self.plan.kind)
        self.journal = Journal(self.partial / JOURNAL)

    def _leave(self, error: BaseException | None) -> None:
        """Give up the lock; a full disk is something to act on, not our bug."""
        self._lock.release()
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise disk_error(error, self.partial) from error

    def _is_empty(self) -> bool:
        """Whether there is nothing to go on from: no finished unit, no file of the version to be, no job file or checkpoint."""
        kept = (path for folder in (self._content, self.plan.scratch(self.root)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
        return not len(self.journal) and not any(kept)

    def _next_number(self) -> int:
        """After every version directory, readable or not: a rename onto one would fail, or replace it if empty."""
        matches = (VERSION_DIR.fullmatch(p.name) for p in self.partial.parent.iterdir())
        return max((int(match[1]) for match in matches if match), default=0) + 1

    def _manifest(self, number: int, tables: dict[str, int], outcome: Outcome) -> Manifest:
        plan = self.plan
        identity = identity_of(plan.config)
        files = _file_entries(self._content, tables)
        return Manifest(
            kind=plan.kind,
            name=plan.name,
            version=number,
            key=plan.key,
            digest=content_digest(plan.kind, identity, files),
            stage=plan.stage,
            stage_revision=plan.stage_revision,
            config=plan.config.model_dump(mode="json"),
            identity=identity,
            inputs={role: input_entry(a, self.root) for role, a in plan.inputs.items()},
            files=files,
            tables=tables,
            prompts=dict(plan.prompts),
            code=provenance.code_version(),
            libraries=provenance.library_versions(),
            model=dict(plan.model),
            seed=getattr(plan.config, "seed", None),
            usage=dict(outcome.usage),
            counts=dict(outcome.counts),
            summary=dict(outcome.summary),
            headline=outcome.headline,
            created=provenance.utc_now(),
            seconds=round(time.monotonic() - self._started, 1),
        )


def discard(partial: Path) -> None:
    """Remove a partial directory whose version is committed, or that holds nothing."""
    shutil.rmtree(partial, ignore_errors=True)
    partial.with_suffix(".lock").unlink(missing_ok=True)


def _file_entries(directory: Path, tables: dict[str, int]) -> dict[str, FileEntry]:
    paths = sorted(p for p in directory.rglob("*") if p.is_symlink() or not p.is_dir())
    if any(p.is_symlink() for p in paths):
        raise AssertionError(f"{directory} holds a link: a version must hold the bytes themselves")
    paths = [p for p in paths if p != directory / MANIFEST]
    names = [p.relative_to(directory).as_posix() for p in paths]
    rows = {f"{table}.jsonl": count for table, count in tables.items()}
    return {n: FileEntry(sha256_of_file(p), p.stat().st_size, rows.get(n)) for n, p in zip(names, paths, strict=True)}


def _fsync_tree(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_dir():
            _fsync_directory(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    _fsync_directory(directory)


def _fsync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def awaiting_others() -> Iterator[None]:
    """Within it, work that another process is at is waited for instead of refused; what that process makes is then found."""
    before = _AWAITED.set(True)
    try:
        yield
    finally:
        _AWAITED.reset(before)


def make(plan: Plan, work: Callable[[Draft], Outcome], root: Path, force: bool = False) -> tuple[Artifact, bool]:
    """The version that `plan` describes, and whether it was there already.

    An interrupted run of the same plan goes on where it was. `force` makes a new version even if one is there.
    """
    existing = None if force else plan.committed(root)
    if existing is not None:
        return existing, True
    with Draft(plan, root) as draft:
        existing = None if force else plan.committed(root)  # another process may have finished while we waited for the lock
        if existing is not None:
            discard(draft.partial)
            return existing, True
        return draft.commit(work(draft)), False

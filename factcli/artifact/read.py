"""Artifact: one committed version, opened by `name` (newest), `name@3` or a path."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from factcli.artifact.manifest import MANIFEST, Manifest, load_manifest
from factcli.errors import InputError, nearest

Row = TypeVar("Row")
VERSION_DIR = re.compile(r"v([0-9]{4,})")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # of an artifact: one folder, and no "@", which begins a version
NUMBER = re.compile(r"[0-9]{1,9}")
PARTIAL = ".partial-"  # what the directory of unfinished work begins with
REFERENCE_HINT = "give a name such as `world`, a version such as `world@1`, or the path of a version"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A committed version. Its files never change; `rows` streams a table."""

    path: Path
    manifest: Manifest

    @property
    def kind(self) -> str:
        return self.manifest.kind

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def ref(self) -> str:
        return f"{self.manifest.name}@{self.manifest.version}"

    @property
    def summary(self) -> dict[str, Any]:
        return self.manifest.summary

    def file(self, relative: str) -> Path:
        """The path of a file or folder of this version. Raises InputError if it is gone."""
        path = self.path / relative
        if not path.exists():
            raise InputError(f"{self.ref} has lost its {relative}", f"`fact verify {self.ref}` says what else is missing")
        return path

    def rows(self, table: str, row_type: type[Row]) -> Iterator[Row]:
        """The rows of `table` in order; nothing for a table without rows. Raises InputError at a damaged or missing row."""
        if table not in self.manifest.tables:
            raise InputError(f"{self.ref} has no table {table!r}{nearest(table, self.manifest.tables)}")
        n_rows = self.manifest.tables[table]
        if n_rows == 0:
            return
        build = row_reader(row_type)
        path, number = self.file(f"{table}.jsonl"), 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = build(json.loads(line))
                except (ValueError, TypeError) as error:  # not JSON, not UTF-8, or other columns
                    raise InputError(f"{path}:{number} is damaged: {error}", f"`fact verify {self.ref}` says what else is") from error
                yield row
        if number != n_rows:
            raise InputError(f"{path} has {number} rows, was committed with {n_rows}", f"`fact verify {self.ref}` says what else is damaged")


def row_reader(row_type: type[Row]) -> Callable[[dict[str, Any]], Row]:
    """A function from a JSON object to a row; JSON lists become tuples where the row says tuple."""
    hints = get_type_hints(row_type)
    tuples = [f.name for f in dataclasses.fields(row_type) if _is_tuple(hints[f.name])]  # type: ignore[arg-type]  # a TypeVar cannot say "dataclass"

    def build(values: dict[str, Any]) -> Row:
        for name in tuples:
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return row_type(**values)

    return build


def _is_tuple(hint: Any) -> bool:
    return get_origin(hint) is tuple or any(get_origin(a) is tuple for a in get_args(hint))


def open_artifact(ref: str | Path, root: Path, kinds: tuple[str, ...] = ()) -> Artifact:
    """The version that `ref` names. `kinds` empty accepts every kind.

    Raises InputError for a missing, half-written, foreign or damaged directory and for a wrong kind.
    """
    artifact = _open_path(_locate(str(ref), root))
    _check_place(artifact, root)
    if kinds and artifact.kind not in kinds:
        message = f"{artifact.ref} is {with_article(artifact.kind)}, but {with_article(' or '.join(kinds))} is needed"
        raise InputError(message, _of_kind_hint(root, kinds))
    return artifact


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _open_path(path: Path) -> Artifact:
    return Artifact(path, load_manifest(path))


def _check_place(artifact: Artifact, root: Path) -> None:
    """Below the root a version lies where its manifest says: `world@2` must not turn out to be another."""
    place, manifest = artifact.path.resolve(), artifact.manifest
    if place.parent.parent == root.resolve() and (place.parent.name, place.name) != (manifest.name, f"v{manifest.version:04d}"):
        raise InputError(f"{artifact.path} says it is {artifact.ref}: it was copied or renamed", "give it back its place, or move it out of the data directory")


def _locate(ref: str, root: Path) -> Path:
    name, at, number = ref.partition("@")
    if "/" in ref or (not _is_dir(root / name) and _is_dir(Path(ref))):
        return _version_of_path(Path(ref))
    if not NAME.fullmatch(name):
        raise InputError(f"{ref!r} is not a reference", REFERENCE_HINT)
    folder = root / name
    if not _is_dir(folder):
        raise InputError(f"nothing is called {name!r} in {root}/{nearest(name, names_in(root))}", "`fact ls` lists what there is")
    if not at:
        return _newest_version(folder)
    version = folder / f"v{int(number):04d}" if NUMBER.fullmatch(number) else None
    if version is None or not version.is_dir():
        have = ", ".join(f"{name}@{n}" for n, _ in versions_in(folder)) or "none"
        raise InputError(f"there is no {ref}", f"committed versions: {have}")
    return version


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, a folder that may not be read
        return False


def _version_of_path(path: Path) -> Path:
    if not _is_dir(path):
        raise InputError(f"{path} is not a directory", REFERENCE_HINT)
    if path.resolve().parent.name.startswith(PARTIAL):
        raise InputError(f"{path} is half-written: it was never committed", "run its command again, it goes on where it was")
    return path if (path / MANIFEST).exists() or not versions_in(path) else _newest_version(path)


def _newest_version(folder: Path) -> Path:
    versions = versions_in(folder)
    if not versions:
        partial = any(p.is_dir() for p in folder.glob(f"{PARTIAL}*"))
        hint = "it was interrupted: run its command again, it goes on where it was" if partial else "`fact ls` lists what there is"
        raise InputError(f"{folder} has no committed version", hint)
    return versions[-1][1]


def versions_in(folder: Path) -> list[tuple[int, Path]]:
    """Committed versions, oldest first. A directory without a manifest is not one."""
    found = ((VERSION_DIR.fullmatch(p.name), p) for p in folder.iterdir() if p.is_dir())
    return sorted((int(match[1]), p) for match, p in found if match and p.name == f"v{int(match[1]):04d}" and (p / MANIFEST).exists())


def names_in(root: Path) -> list[str]:
    return sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []


def all_artifacts(root: Path, kinds: tuple[str, ...] = ()) -> list[Artifact]:
    """Every committed version of these kinds, newest first. Damaged manifests raise InputError: the newest might be among them."""
    found, unreadable = survey(root)
    for damaged in unreadable:
        if (damaged.path / MANIFEST).exists():  # without one it was never committed
            raise damaged.error
    return [a for a in found if not kinds or a.kind in kinds]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A version directory below the root that cannot be opened, and why."""

    ref: str
    path: Path
    error: InputError


def survey(root: Path) -> tuple[list[Artifact], list[Unreadable]]:
    """Every committed version, newest first, and every version directory that is damaged or half-written."""
    found: list[Artifact] = []
    unreadable: list[Unreadable] = []
    for path in (p for name in names_in(root) for p in sorted((root / name).iterdir()) if VERSION_DIR.fullmatch(p.name) and p.is_dir()):
        try:
            artifact = _open_path(path)
            _check_place(artifact, root)
            found.append(artifact)
        except InputError as error:
            unreadable.append(Unreadable(f"{path.parent.name}@{int(path.name[1:])}", path, error))
    return sorted(found, key=lambda a: (a.manifest.created, a.ref), reverse=True), unreadable


def _of_kind_hint(root: Path, kinds: tuple[str, ...]) -> str:
    have = [a.ref for a in survey(root)[0] if a.kind in kinds][:5]
    return f"of that kind there is: {', '.join(have)}" if have else "there is none of that kind yet"

"""The manifest of one version: what made it, from what, and the digests of every file."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from factcli.errors import InputError

SCHEMA = 1
MANIFEST = "manifest.json"
CARD = "README.md"
LOGS = "logs/"  # files below it may differ between equal runs (times, machine), so no digest covers them


@dataclass(frozen=True, slots=True)
class FileEntry:
    sha256: str
    bytes: int
    rows: int | None = None  # None for a file that is not a table


@dataclass(frozen=True, slots=True)
class InputEntry:
    """A parent: `name@version` below the same root, and the digest that it had."""

    name: str
    version: int
    kind: str
    digest: str
    path: str = ""  # where it was, relative to the root; "" for a parent below the same root

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a version records. `seal` is the sha256 of the rest, so that a changed byte here shows too."""

    kind: str
    name: str
    version: int
    key: str
    digest: str
    stage: str
    stage_revision: int
    config: dict[str, Any]  # complete, defaults included
    identity: dict[str, Any]  # the part of config that the key and digest cover
    inputs: dict[str, InputEntry]
    files: dict[str, FileEntry]
    tables: dict[str, int]  # table -> rows, empty ones included
    prompts: dict[str, str]
    code: dict[str, Any]
    libraries: dict[str, str]
    model: dict[str, Any]
    seed: int | None
    usage: dict[str, Any]
    counts: dict[str, Any]  # dropped, failed and unscored rows with reasons
    summary: dict[str, Any]
    headline: str
    created: str  # UTC, ISO 8601
    seconds: float
    schema: int = SCHEMA
    seal: str = field(default="")


def canonical(value: Any) -> bytes:
    """One spelling per value: sorted keys, no spaces, UTF-8. What every digest is taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_of(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_digest(kind: str, identity: dict[str, Any], files: dict[str, FileEntry]) -> str:
    """The digest of an artifact: kind, identity config and content files; not card, logs, usage or times."""
    content = sorted((name, entry.sha256) for name, entry in files.items() if is_content(name))
    return sha256_of([kind, identity, content])


def is_content(name: str) -> bool:
    return name != CARD and not name.startswith(LOGS)


def sealed(manifest: Manifest) -> dict[str, Any]:
    """Its JSON object. A number that is not finite (a mean of nothing) is null: NaN is not JSON."""
    values = _finite(asdict(manifest))
    assert isinstance(values, dict)
    values["seal"] = _seal_of(values)
    return values


def spelled(values: dict[str, Any]) -> bytes:
    """The bytes of manifest.json. One spelling, so that any changed byte shows, white space included."""
    return json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n"


def _seal_of(values: dict[str, Any]) -> str:
    return sha256_of({k: v for k, v in values.items() if k != "seal"})


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}  # a number as key would sort otherwise once it is read back
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load_manifest(directory: Path) -> Manifest:
    """The manifest of a committed version. Raises InputError where it is missing, foreign or damaged."""
    path = directory / MANIFEST
    try:
        if not path.is_file():
            raise InputError(f"{directory} has no {MANIFEST}: it is half-written or not a directory of `fact`", _list_hint())
        raw = path.read_bytes()
        values = json.loads(raw)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", _list_hint()) from error
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise InputError(f"{path} is damaged: {error}", _restore_hint()) from error
    return _parsed(values, raw, path)


def _parsed(values: Any, raw: bytes, path: Path) -> Manifest:
    known = {f.name for f in fields(Manifest)}
    if not isinstance(values, dict) or "digest" not in values or "kind" not in values:
        raise InputError(f"{path} was not written by `fact`", _list_hint())
    if values.get("schema") != SCHEMA or set(values) != known:
        raise InputError(f"{path} has schema {values.get('schema')}, this version reads {SCHEMA}", "run its command again with this version of `fact`")
    try:
        is_whole = raw == spelled(values) and values["seal"] == _seal_of(values)
    except UnicodeEncodeError:  # half a character, as an escape: JSON allows it, we never write it
        is_whole = False
    if not is_whole:
        raise InputError(f"{path} was changed after it was committed", _restore_hint())
    values["inputs"] = {role: InputEntry(**entry) for role, entry in values["inputs"].items()}
    values["files"] = {name: FileEntry(**entry) for name, entry in values["files"].items()}
    return Manifest(**values)


def _list_hint() -> str:
    return "`fact ls` lists what there is"


def _restore_hint() -> str:
    return "restore it, or delete the version and run its command again"

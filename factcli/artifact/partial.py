"""Unfinished work: who does it, how far it is, and what to say when somebody else does it already."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from factcli.artifact.provenance import utc_now
from factcli.artifact.read import PARTIAL, names_in
from factcli.errors import InputError

JOURNAL = "journal.jsonl"
CONTENT = "content"
OWNER = "owner.json"
WORK = "work"  # scratch of the stage
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # full, over the quota, over the largest file


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that works, or last worked, on a partial directory."""

    host: str
    pid: int
    since: str  # UTC, ISO 8601
    stage: str  # as typed: "synth bio"
    kind: str


@dataclass(frozen=True, slots=True)
class Partial:
    """Work that has not been committed. `committed` is what a kill left over after the commit: it can be deleted."""

    name: str
    path: Path
    state: Literal["running", "interrupted", "committed"]
    owner: Owner | None
    n_units: int  # finished ones


def write_owner(partial: Path, stage: str, kind: str) -> None:
    owner = Owner(socket.gethostname(), os.getpid(), utc_now(), stage, kind)
    new = partial / f"{OWNER}.new"
    new.write_text(json.dumps(asdict(owner)), encoding="utf-8")
    new.replace(partial / OWNER)  # whoever reads it meanwhile sees the old one or the new one


def read_owner(partial: Path) -> Owner | None:
    try:
        return Owner(**json.loads((partial / OWNER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # not written yet, or by another version of `fact`


def all_partials(root: Path) -> Iterator[Partial]:
    for name in names_in(root):
        for path in sorted(p for p in (root / name).glob(f"{PARTIAL}*") if p.is_dir()):
            owner = read_owner(path)
            yield Partial(name, path, _state(path, owner), owner, _count_lines(path / JOURNAL))


def _state(path: Path, owner: Owner | None) -> Literal["running", "interrupted", "committed"]:
    if not (path / CONTENT).is_dir():
        return "committed"
    return "running" if owner and _is_alive(owner) else "interrupted"


def _is_alive(owner: Owner) -> bool:
    """Whether its process lives. One on another host cannot be seen and is taken to be alive."""
    if owner.host != socket.gethostname():
        return True
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process
        return True
    return True


def _count_lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def busy_error(name: str, partial: Path) -> InputError:
    owner = read_owner(partial)
    who = f"process {owner.pid} on {owner.host} since {owner.since}" if owner else "another process"
    return InputError(f"{name} is being made by {who}", "wait until it is done, or stop it; then run this command again")


def disk_error(error: OSError, partial: Path) -> InputError:
    return InputError(
        f"no space to write {error.filename or partial}: {error.strerror}", "free some and run this command again: it goes on where it was, nothing is lost"
    )

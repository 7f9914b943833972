"""Parents and children of versions, the newest of a kind, and verification by re-hashing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact.manifest import MANIFEST, FileEntry, InputEntry, content_digest, sha256_of_file
from factcli.artifact.read import Artifact, all_artifacts, open_artifact
from factcli.errors import InputError


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was committed."""

    ref: str
    file: str
    problem: str


def newest(root: Path, kind: str) -> Artifact | None:
    found = all_artifacts(root, (kind,))
    return found[0] if found else None


def input_entry(artifact: Artifact, root: Path) -> InputEntry:
    """How a child below `root` records this parent, so that `open_input` finds it again."""
    place = artifact.path.resolve()
    is_below = place.parent.parent == root.resolve()
    return InputEntry(artifact.name, artifact.manifest.version, artifact.kind, artifact.digest, "" if is_below else os.path.relpath(place, root.resolve()))


def open_input(entry: InputEntry, root: Path) -> Artifact:
    """The parent that `entry` records, whatever its digest is now. Raises InputError if it is gone or damaged."""
    return open_artifact(f"{root.resolve()}/{entry.path}" if entry.path else entry.ref, root)


def parents(artifact: Artifact, root: Path) -> list[Artifact]:
    """The versions this one was made from. Raises InputError if one is gone or is another than it was."""
    opened = []
    for role, entry in artifact.manifest.inputs.items():
        parent = open_input(entry, root)
        if parent.digest != entry.digest:
            raise InputError(f"{artifact.ref} was made from another {entry.ref} ({role}) than the one here", f"restore it, or make {artifact.name} again")
        opened.append(parent)
    return opened


def ancestors(artifact: Artifact, root: Path) -> list[Artifact]:
    """The artifact's parents, their parents and so on, each once, nearest first."""
    found: dict[Path, Artifact] = {}
    queue = parents(artifact, root)
    while queue:
        parent = queue.pop(0)
        if parent.path.resolve() not in found:
            found[parent.path.resolve()] = parent
            queue += parents(parent, root)
    return list(found.values())


def ancestor_of_kind(artifact: Artifact, kind: str, root: Path) -> Artifact:
    """The nearest ancestor of this kind (the artifact itself counts). Raises InputError for none."""
    for candidate in [artifact, *ancestors(artifact, root)]:
        if candidate.kind == kind:
            return candidate
    raise InputError(f"{artifact.ref} has no {kind} among its ancestors")


def children(artifact: Artifact, root: Path) -> list[Artifact]:
    return [a for a in all_artifacts(root) if any(e.digest == artifact.digest and e.ref == artifact.ref for e in a.manifest.inputs.values())]


def verify_each(artifact: Artifact, root: Path) -> Iterator[tuple[str, list[Damage]]]:
    """Per version, the artifact first and each ancestor once: its ref, and what differs from what was committed."""
    seen: set[Path] = set()
    queue = [artifact]
    while queue:
        current = queue.pop(0)
        if current.path.resolve() in seen:
            continue
        seen.add(current.path.resolve())
        yield current.ref, list(_verify_files(current))
        for entry in current.manifest.inputs.values():
            try:
                parent = open_input(entry, root)
            except InputError as error:
                yield entry.ref, [Damage(entry.ref, MANIFEST, error.message)]
                continue
            if parent.digest != entry.digest:
                yield entry.ref, [Damage(entry.ref, MANIFEST, f"has another digest than {current.ref} recorded")]
            queue.append(parent)


def is_complete(artifact: Artifact) -> bool:
    """Whether every file is there with its size: what can be seen without reading them."""
    return all(_is_of_size(artifact.path / name, entry) for name, entry in artifact.manifest.files.items())


def _is_of_size(path: Path, entry: FileEntry) -> bool:
    return path.is_file() and path.stat().st_size == entry.bytes


def _verify_files(artifact: Artifact) -> Iterator[Damage]:
    manifest = artifact.manifest
    if manifest.digest != content_digest(manifest.kind, manifest.identity, manifest.files):
        yield Damage(artifact.ref, MANIFEST, "digest does not follow from its files")
    for name, entry in manifest.files.items():
        problem = _problem(artifact.path / name, entry)
        if problem:
            yield Damage(artifact.ref, name, problem)
    present = {p.relative_to(artifact.path).as_posix() for p in artifact.path.rglob("*") if p.is_symlink() or not p.is_dir()}
    for name in sorted(present - set(manifest.files) - {MANIFEST}):
        yield Damage(artifact.ref, name, "was added after the commit")


def _problem(path: Path, entry: FileEntry) -> str:
    """What is wrong with a file, or an empty string."""
    try:
        if not path.is_file():
            return "is missing"
        if path.stat().st_size != entry.bytes:
            return f"has {path.stat().st_size} bytes, was committed with {entry.bytes}"
        return "" if sha256_of_file(path) == entry.sha256 else "has other bytes than were committed"
    except OSError as error:
        return f"cannot be read: {error.strerror}"

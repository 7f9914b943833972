"""Which versions tell of one and the same id: those that were made from the version that has it, and those that it was made from.

Ids are drawn anew in each artifact that begins a data set, so two of one seed both have an `f0.p0000` and mean different people.
What sets them apart is the lineage.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact.lineage import open_input
from factcli.artifact.read import Artifact
from factcli.errors import InputError


@dataclass(frozen=True, slots=True)
class Lineage:
    """All versions, parents before children, and of each (by resolved path) all that it was made from."""

    ordered: tuple[Artifact, ...]
    made_from: dict[Path, frozenset[Path]]

    def are_related(self, one: Artifact, other: Artifact) -> bool:
        """Whether one was made from the other, through however many steps, or both are the same."""
        first, second = one.path.resolve(), other.path.resolve()
        return first == second or first in self.made_from[second] or second in self.made_from[first]

    def firsts(self, holders: Collection[Artifact]) -> list[Artifact]:
        """Those of `holders` that were made from no other of them: each begins a life of the id."""
        paths = {holder.path.resolve() for holder in holders}
        return [holder for holder in holders if not self.made_from[holder.path.resolve()] & paths]

    def family(self, first: Artifact) -> list[Artifact]:
        """`first`, all that it was made from and all that was made from it."""
        return [artifact for artifact in self.ordered if self.are_related(first, artifact)]


def lineage_of(artifacts: Sequence[Artifact], root: Path) -> Lineage:
    """Ordered by the distance from a root of the lineage, then by age."""
    depths: dict[Path, int] = {}
    made_from: dict[Path, frozenset[Path]] = {}

    def visit(artifact: Artifact) -> Path:
        place = artifact.path.resolve()
        if place not in depths:
            parents = [visit(parent) for parent in _present_inputs(artifact, root)]
            depths[place] = 1 + max((depths[parent] for parent in parents), default=-1)
            made_from[place] = frozenset(parents).union(*(made_from[parent] for parent in parents))
        return place

    return Lineage(tuple(sorted(artifacts, key=lambda a: (depths[visit(a)], a.manifest.created, a.ref))), made_from)


def _present_inputs(artifact: Artifact, root: Path) -> Iterator[Artifact]:
    for entry in artifact.manifest.inputs.values():
        try:
            parent = open_input(entry, root)
        except InputError:
            continue  # gone or damaged: `fact verify` says so, its children can still be read
        if parent.digest == entry.digest:  # else another version took its place, with rows of its own
            yield parent

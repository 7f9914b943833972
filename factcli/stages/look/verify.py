"""`fact verify REF`: is every byte of a version and of its ancestors as it was committed?"""

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from factcli.artifact import open_artifact
from factcli.artifact.lineage import Damage, verify_each
from factcli.errors import InputError
from factcli.stages.look.text import cell

DAMAGED = InputError.exit_code  # what the command ends with when `Verified.damage` is not empty


@dataclass(frozen=True, slots=True)
class Verified:
    """What was re-hashed. `checked` holds every version once, the one asked for first."""

    checked: tuple[str, ...]
    damage: tuple[Damage, ...]

    @property
    def exit_code(self) -> int:
        return DAMAGED if self.damage else 0


def verify_ref(ref: str | Path, root: Path) -> Verified:
    """Re-hash `ref` and its ancestors. Raises InputError for one that cannot be opened at all: not there, or its manifest changed."""
    artifact = open_artifact(ref, root)
    checked: dict[str, None] = {}
    damage: list[Damage] = []
    for name, found in verify_each(artifact, root):
        checked[name] = None
        damage += found
    return Verified(tuple(checked), tuple(damage))


def render_verified(verified: Verified) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    broken = {d.ref for d in verified.damage}
    for ref in verified.checked:
        if ref not in broken:
            table.add_row(cell(ref), cell(""), cell("as committed", "green"))
    for d in verified.damage:
        table.add_row(cell(d.ref), cell(d.file), cell(d.problem, "red"))
    return table

"""Calibration as part of an artifact: its two tables, and a diagram for each score that is a probability."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from factcli.artifact import Draft
from factcli.consistencyrows import Calibration, ReliabilityBin
from factcli.judge.calibration import Item, calibrations
from factcli.judge.diagram import reliability_diagram

TABLES: dict[str, type] = {"calibration": Calibration, "reliability": ReliabilityBin}
UNIT = "calibration"
FOLDER = "diagrams"


def write_calibration(draft: Draft, items: Iterable[Item], n_bins: int, seed: int, order: int) -> None:
    """Fill both tables, and FOLDER of the version; a draft that has them is left as it is. `order`: after whatever it has."""
    if not draft.done(UNIT):
        figures = list(calibrations(items, n_bins, seed))
        draft.write(UNIT, order, {"calibration": [one.row for one in figures], "reliability": [bin for one in figures for bin in one.bins]})
    bins = [ReliabilityBin(**row) for row in draft.rows("reliability") if row["split"] == "all"]
    for (score, level, scale), own in groupby(bins, key=lambda bin: (bin.score, bin.level, bin.scale)):
        if scale == "mass":
            path = draft.folder(FOLDER) / f"{score}-{level}.svg"
            path.write_text(reliability_diagram(f"{score}, by {level}", list(own)), encoding="utf-8")


def areas_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """AUROC by score and level over all splits, for a summary."""
    return {f"{row['score']} by {row['level']}": row["auroc"] for row in rows if row["split"] == "all"}


def best_of(areas: Mapping[str, float | None]) -> str:
    """The score that ranks best, in words; "" where none could be ranked."""
    ranked: Sequence[tuple[str, float]] = [(name, area) for name, area in areas.items() if area is not None]
    if not ranked:
        return ""
    name, area = max(ranked, key=lambda one: one[1])
    return f"{name} ranks right above wrong with AUROC {area:.3f}"

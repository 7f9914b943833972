"""Evaluations of the cells of a grid in, a table with one cell chosen out. Trains and asks nothing itself."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.stages.sweep import telling
from factcli.stages.sweep.choosing import chosen_cells
from factcli.stages.sweep.ground import Cell, require_dev, require_same_ground
from factcli.stages.sweep.settings import TABLES, SweepConfig
from factcli.sweeprows import SweepCell

REVISION = 1


def plan(config: SweepConfig, cells: Sequence[Cell], swept: Sequence[str], name: str) -> Plan:
    """Raises InputError for evaluations of test people, and for cells that differ in more than the grid. `swept`: of `require_same_ground`."""
    require_dev((run.evaluation for cell in cells for run in cell.runs), config.are_dev)
    require_same_ground(cells, swept)
    told = tuple(f"{cell.id}{f' failed: {cell.failed}' if cell.failed else ''}" for cell in cells)  # equal models have one digest: inputs do not say it all
    return Plan("sweep", REVISION, "sweep", name, config.model_copy(update={"cells": told}), _inputs(cells), TABLES)


def _inputs(cells: Sequence[Cell]) -> dict[str, Artifact]:
    """Every cell's evaluations and models by the cell's place in the grid; one that cells share is named once."""
    found: dict[str, Artifact] = {}
    for number, cell in enumerate(cells, 1):
        for run in cell.runs:
            seed = "" if run.seed is None else f"-seed{run.seed}"
            found |= {f"cell{number}{seed}": run.evaluation, f"cell{number}{seed}-model": run.model}
    return found


def work(plan: Plan, draft: Draft, cells: Sequence[Cell]) -> Outcome:
    config = plan.config
    assert isinstance(config, SweepConfig)
    rows = chosen_cells(cells, config)
    if not draft.done("cells"):
        draft.write("cells", 0, {"cells": rows})
    failed = {row.id: row.failed for row in rows if row.failed}
    counts = {"cells": len(rows), "failed": failed} if failed else {"cells": len(rows)}
    return Outcome(telling.headline(rows), _summary(rows, config), counts, card=telling.card(rows, config.rule))


def _summary(rows: Sequence[SweepCell], config: SweepConfig) -> dict[str, Any]:
    chosen = telling.chosen_of(rows)
    kept = ("metric", "value", "low", "high", "models", "evaluations")
    return {
        "chosen": chosen.id,
        **{name: value for name, value in asdict(chosen).items() if name in kept},
        "rule": config.rule,
        "cannot_be_told_from_the_best": [row.id for row in telling.alike(rows)],
        "notes": telling.notes(rows, config.rule),
    }

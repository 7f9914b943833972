"""`fact sweep`: every cell of a grid made and measured on dev people as by its own commands, then one of them chosen."""

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from factcli.artifact import Artifact, awaiting_others, make
from factcli.commands.arrays import submit_cells
from factcli.commands.chains import chain_of, file_for, tested
from factcli.commands.comparing import show
from factcli.commands.ending import last_error, tell
from factcli.commands.making import Making, announce, lines_of, sharing_trainer
from factcli.commands.running import Run, line_of, perform_step
from factcli.commands.typed import REFERENCES, Command, commands_of, described, faults_of
from factcli.config import resolve
from factcli.errors import INTERRUPTED, SettingsError, TooManyFailuresError
from factcli.flows.recipe import Step, refuse
from factcli.flows.sweep.grid import Grid, GridCell, axes_of, laid_out, sharing
from factcli.stages.sweep import stage, telling
from factcli.stages.sweep.ground import Cell, Made
from factcli.stages.sweep.settings import SweepConfig
from factcli.sweeprows import SweepCell

OF_PROCESS = ("argv", "stdin")  # of a cost: how a training process is started
ADDED = ("requests", "money", "prompts", "steps_at_most", "trained_tokens_at_most", "seconds")


def make_sweep(program: Any, making: Making, words: Sequence[str], flags: Mapping[str, Any], only: Sequence[int] = ()) -> int:
    """The exit code of an interruption, or 0. `only`: cells by number from 1, of which none is chosen; what others make meanwhile is waited for."""
    commands = commands_of(program)
    config = settings_of(making, words, flags)
    name = name_of(making, config)
    grid = grid_of(commands, config, name)
    if only:
        grid = part_of(grid, only)
    if making.dry_run:
        _describe(grid, commands, making)
        return 0
    with awaiting_others() if only else nullcontext():
        found = perform_cells(grid, commands, making.root)
    return found.code or (_hand_over(found, grid, making) if only else _choose(found, grid, commands, config, making, name))


def submit_sweep(program: Any, making: Making, words: Sequence[str], flags: Mapping[str, Any], assignments: Sequence[str]) -> None:
    """An array with a task for each cell; refused before it is submitted where the grid is. `assignments`: what the cluster wants to know."""
    config = settings_of(making, words, flags)
    name = name_of(making, config)
    submit_cells(config, len(grid_of(commands_of(program), config, name).cells), name, making, assignments)


def name_of(making: Making, config: SweepConfig) -> str:
    return making.name or f"sweep-{shlex.split(config.command)[0]}"


def part_of(grid: Grid, numbers: Sequence[int]) -> Grid:
    """These cells, by number from 1, and their steps. Raises SettingsError for a number that there is not."""
    beyond = [number for number in numbers if not 1 <= number <= len(grid.cells)]
    if beyond:
        raise SettingsError(f"--cells {beyond[0]}: the grid has cells 1 to {len(grid.cells)}", "--dry-run lists them")
    cells = tuple(grid.cells[number - 1] for number in numbers)
    names = {name for cell in cells for run in cell.runs for name in run.steps}
    return replace(grid, cells=cells, recipe=replace(grid.recipe, steps=tuple(step for step in grid.recipe.steps if step.name in names)))


def settings_of(making: Making, words: Sequence[str], flags: Mapping[str, Any]) -> SweepConfig:
    """Without a grid, the one that ships for the command. Raises SettingsError where there is none."""
    shipped = file_for(words) if flags.get("grid") is None else None
    given = {**flags, "command": shlex.join(words) or None}
    config = making.settings(SweepConfig, "sweep", given, shipped) if shipped else resolve(SweepConfig, making.files, making.assignments, given)
    if not config.command:
        raise SettingsError("nothing is given to sweep", "for example: fact sweep sft --grid lr=1e-4,1e-3; or a file that names a command: -c FILE")
    if not config.grid:
        raise SettingsError(f"there is no grid for {config.command}", "give one: --grid lr=1e-4,1e-3 --grid lora_r=16,32")
    return config


def grid_typed(given: Sequence[str]) -> dict[str, Any]:
    """`lr=1e-4,1e-3` as a setting and its values; a value may be a list: epochs=[5],[5,10]. Raises SettingsError."""
    grid: dict[str, Any] = {}
    for text in given:
        name, equals, values = text.partition("=")
        try:
            found = yaml.safe_load(f"[{values}]")
        except yaml.YAMLError:
            found = []
        if not equals or not name or not found:
            raise SettingsError(f"--grid {text!r} is not NAME=VALUE,VALUE", "for example: --grid lr=1e-4,1e-3")
        if name in grid:
            raise SettingsError(f"--grid {name} is given twice", "give all its values at once: --grid lr=1e-4,1e-3")
        grid[name] = found
    return grid


def grid_of(commands: Mapping[str, Command], config: SweepConfig, name: str) -> Grid:
    """Checked before the first cell takes minutes. Raises SettingsError that lists all faults."""
    chain = chain_of(commands, shlex.split(config.command), config.then, config.evaluate, config.are_dev)
    parameters = {words: command.parameters for words, command in commands.items()}
    grid = laid_out(name, axes_of(config.grid, chain), chain, config.seeds, parameters)
    refuse(name, list(dict.fromkeys(faults_of(grid.recipe, commands))))
    return grid


@dataclass(slots=True)
class Found:
    """What the cells came to. `failed`: why, by the name of the step that did not end well."""

    run: Run
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> int:
        return INTERRUPTED if self.run.code == INTERRUPTED else 0


def perform_cells(grid: Grid, commands: Mapping[str, Command], root: Path) -> Found:
    """Every step of every cell, in one training process; a cell that fails is told, and the next one begun."""
    found = Found(Run(root))
    with sharing_trainer(root):
        for number, cell in enumerate(grid.cells, 1):
            tell(f"\n[{number}/{len(grid.cells)}] {' '.join(cell.settings)}")
            _perform_cell(cell, grid, commands, found)
            if found.code:
                tell(f"stopped at cell {number} of {len(grid.cells)}; the same command goes on there")
                break
    return found


def _perform_cell(cell: GridCell, grid: Grid, commands: Mapping[str, Command], found: Found) -> None:
    for run in cell.runs:
        for name in run.steps:
            if name in found.failed:
                break  # made by an earlier cell, or not: so is this one
            if name in found.run.made:
                continue
            step = grid.recipe.step(name)
            perform_step(step, commands[step.command], grid.recipe.folder, found.run)
            if found.run.code == INTERRUPTED:
                return
            if found.run.code:
                found.failed[name] = f"fact {step.command} ended with {found.run.code}: {last_error()}"
                break


def _hand_over(found: Found, grid: Grid, making: Making) -> int:
    """Say what was measured, for the sweep that will choose. Raises TooManyFailuresError where a cell failed: its task has."""
    if found.failed:
        step, why = next(iter(found.failed.items()))
        raise TooManyFailuresError(f"step {step} of a cell failed: {why}", "mend it and type the same command again")
    measured = [found.run.made[run.steps[-1]] for cell in grid.cells for run in cell.runs]
    print(json.dumps({"measured": [one.ref for one in measured]}) if making.json else "\n".join(str(one.path) for one in measured))
    return 0


def _choose(found: Found, grid: Grid, commands: Mapping[str, Command], config: SweepConfig, making: Making, name: str) -> int:
    cells = [_cell(cell, grid, found) for cell in grid.cells]
    failed = [cell for cell in cells if cell.failed]
    if len(failed) == len(cells):
        raise TooManyFailuresError(f"all {len(cells)} cells failed; the first: {failed[0].failed}", "mend it and type the same command again")
    plan = stage.plan(config, cells, _swept(grid), name)
    made, is_reused = make(plan, lambda draft: stage.work(plan, draft, cells), making.root, making.force)
    _tell(made, grid, commands, config, making.root)
    announce(made, is_reused, making.json)
    if len(failed) > config.max_failed * len(cells):
        raise TooManyFailuresError(
            f"{len(failed)} of {len(cells)} cells failed, more than the {config.max_failed:.0%} allowed; the first: {failed[0].failed}",
            f"the choice among the others is kept: {made.path}",
        )
    return 0


def _cell(cell: GridCell, grid: Grid, found: Found) -> Cell:
    by_name = {step.name: step.command for step in grid.recipe.steps}
    runs = [Made(run.seed, {by_name[name]: found.run.made[name] for name in run.steps}) for run in cell.runs if set(run.steps) <= set(found.run.made)]
    failed = next((found.failed[name] for run in cell.runs for name in run.steps if name in found.failed), "")
    return Cell(cell.settings, tuple(runs), failed)


def _swept(grid: Grid) -> list[str]:
    """Commands that may take different inputs: from the first on whose input the grid itself names."""
    named = [place for axis in grid.axes for place, setting in axis.targets if setting.replace("_", "-") in REFERENCES]
    return [step.command for step in grid.chain[min(named) :]] if named else []


def _tell(made: Artifact, grid: Grid, commands: Mapping[str, Command], config: SweepConfig, root: Path) -> None:
    """The table, and how the winner is made and tested."""
    rows = list(made.rows("cells", SweepCell))
    show(telling.rendered(rows, config.rule))
    place = next(place for place, row in enumerate(rows) if row.is_chosen)
    made_by = [grid.recipe.step(name) for run in grid.cells[place].runs for name in run.steps[:-1]]
    tested_by = [tested(grid.chain[-1], model) for model in rows[place].models]
    for title, steps in (("the winner is made by", made_by), ("test it, once", tested_by)):
        tell(f"\n{title}:")
        for line in dict.fromkeys(line_of(step, commands[step.command], grid.recipe.folder, root) for step in steps):
            tell(f"  {line}")


def _describe(grid: Grid, commands: Mapping[str, Command], making: Making) -> None:
    """Every cell, every step once; of steps whose inputs are there already, what they would cost and whether they were made."""
    steps = {step.name: _step_told(step, commands[step.command], grid, making.root) for step in grid.recipe.steps}
    said = {
        "cells": {" ".join(cell.settings): " ".join(name for run in cell.runs for name in run.steps) for cell in grid.cells},
        "steps": steps,
        "artifacts": dict(sharing(grid)),
        "cost": _total([step["cost"] for step in steps.values()]),
    }
    print(json.dumps(said, indent=1) if making.json else "\n".join(lines_of(said)))


def _step_told(step: Step, command: Command, grid: Grid, root: Path) -> dict[str, Any]:
    line = line_of(step, command, grid.recipe.folder)
    found = described(command, [*command.typed(step, grid.recipe.folder, {}), "--name", step.name, "--data", str(root)])
    if found is None:
        return {"command": line, "state": "not begun", "cost": "known when what it stands on is made"}
    return {"command": line, "state": found["state"], "cost": {name: value for name, value in found["cost"].items() if value and name not in OF_PROCESS}}


def _total(costs: Sequence[Any]) -> dict[str, Any]:
    """What is known of all steps added up, and of how many steps it is."""
    known = [cost for cost in costs if isinstance(cost, Mapping)]
    sums = {name: sum(cost.get(name, 0) for cost in known) for name in ADDED}
    return {name: value for name, value in sums.items() if value} | {"known of": f"{len(known)} of {len(costs)} steps"}

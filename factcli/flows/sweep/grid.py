"""A grid laid over a chain of commands: each cell its steps, named by the values that they depend on.

A step's name has the values of its own settings and of those before it, no others. So cells that differ in a later command share what an
earlier one makes, a grid that grows finds what was made before, and a directory listing says what is what.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from factcli.errors import SettingsError
from factcli.flows.recipe import Recipe, Step

MOST_NAME = 80  # characters of a step's name; a data directory's may have 100
PRODUCT: Mapping[str, str] = {"synth": "synth", "prereq": "knowledge"}  # by a command's first word, the option that takes it; else `model`
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Axis:
    """Settings that change together: (place in the chain, name) of each, and the values that they take."""

    key: str
    targets: tuple[tuple[int, str], ...]
    values: tuple[Any, ...]
    label: str

    @property
    def first(self) -> int:
        """Place of the first command that depends on it."""
        return min(place for place, _ in self.targets)


Choices = Sequence[tuple[Axis, Any]]  # the value of each axis, in the order of the grid


@dataclass(frozen=True, slots=True)
class Run:
    """The steps of one cell with one seed, by name; the evaluation last."""

    seed: int | None
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GridCell:
    """One combination of values."""

    settings: tuple[str, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells, and every step of them once, in the order in which they are made."""

    axes: tuple[Axis, ...]
    chain: tuple[Step, ...]
    cells: tuple[GridCell, ...]
    recipe: Recipe


def axes_of(grid: Mapping[str, Sequence[Any]], chain: Sequence[Step]) -> tuple[Axis, ...]:
    """`lr` is a setting of the first command, `sft.lr` one of the command sft. Raises SettingsError for a name given twice."""
    axes = [(key, tuple(_target(name.strip(), chain) for name in key.split(",")), tuple(values)) for key, values in grid.items()]
    targets = [target for _, own, _ in axes for target in own]
    twice = next((name for place, (_, name) in enumerate(targets) if targets[place] in targets[:place]), None)
    if twice is not None:
        raise SettingsError(f"{twice} stands twice in the grid", "give all its values in one place")
    labels = [own[0][1].rpartition(".")[2] for _, own, _ in axes]
    return tuple(
        Axis(key, own, values, label if labels.count(label) == 1 else re.sub(r"\W+", "-", key)) for (key, own, values), label in zip(axes, labels, strict=True)
    )


def key_of(step: Step) -> str:
    """How a command is named in a grid: `sft`, `eval-world`."""
    return step.command.replace(" ", "-")


def _target(name: str, chain: Sequence[Step]) -> tuple[int, str]:
    first, dot, rest = name.partition(".")
    place = next((place for place, step in enumerate(chain) if dot and key_of(step) == first), None)
    return (0, name) if place is None else (place, rest)


def laid_out(name: str, axes: Sequence[Axis], chain: Sequence[Step], seeds: Sequence[int], parameters: Mapping[str, Mapping[str, Any]]) -> Grid:
    """Every combination, the last axis changing first. `parameters`: of each command the options that it has."""
    steps: dict[str, Step] = {}
    cells = []
    for values in product(*(axis.values for axis in axes)):
        choices = list(zip(axes, values, strict=True))
        runs = [_run(name, choices, chain, seed, parameters) for seed in seeds or (None,)]
        for run in runs:
            steps |= {step.name: step for step in run}
        told = tuple(f"{axis.key}={_spelled(value)}" for axis, value in choices)
        cells.append(GridCell(told, tuple(Run(seed, tuple(step.name for step in run)) for seed, run in zip(seeds or (None,), runs, strict=True))))
    return Grid(tuple(axes), tuple(chain), tuple(cells), Recipe(name, Path(), tuple(steps.values())))


def _run(name: str, choices: Choices, chain: Sequence[Step], seed: int | None, parameters: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    made: list[Step] = []
    for place, template in enumerate(chain):
        has = parameters[template.command]
        step = replace(template, name=_named(name, choices, place, chain, seed))
        for axis, value in choices:
            for at, setting in axis.targets:
                step = _with(step, setting, value, has) if at == place else step
        if seed is not None and place < len(chain) - 1 and "seed" in has:
            step = step.with_option("seed", seed)
        made.append(_linked(step, made[-1], has) if made else step)
    return made


def _with(step: Step, setting: str, value: Any, parameters: Mapping[str, Any]) -> Step:
    """As an option where the command has one of that name: --epochs unsets steps, which --set epochs=3 would not."""
    option = setting.replace("_", "-")
    return step.with_option(option, value) if option in parameters else step.with_setting(setting, value)


def _linked(step: Step, before: Step, parameters: Mapping[str, Any]) -> Step:
    """Taking what the step before made. Raises SettingsError for a command that cannot."""
    option = PRODUCT.get(before.command.partition(" ")[0], MODEL)
    if option not in parameters:
        raise SettingsError(f"fact {step.command} takes no {option}, which fact {before.command} makes", "say what comes between: --then 'sft --method real'")
    return step.with_option(option, before.name)


def _named(name: str, choices: Choices, place: int, chain: Sequence[Step], seed: int | None) -> str:
    n_before_evaluation = len(chain) - 2
    own = [f"{axis.label}{_slug(axis, value)}" for axis, value in choices if axis.first <= place]
    seeded = [f"seed{seed}"] if seed is not None else []
    last = {len(chain) - 1: ["dev"], n_before_evaluation: [] if own or seeded else [MODEL]}
    text = "-".join([name, *own, *seeded, *last.get(place, [chain[place].command.partition(" ")[0]])])
    return text if len(text) <= MOST_NAME else f"{text[: MOST_NAME - 9]}-{_digest(text)}"


def _slug(axis: Axis, value: Any) -> str:
    """The value in letters that a name may have; with a digest where two values of the axis would look the same."""
    slugs = [_plain(one) for one in axis.values]
    own = _plain(value)
    return own if slugs.count(own) == 1 else f"{own}-{_digest(_spelled(value))}"


def _plain(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", _spelled(value).replace("+", "")).strip("_.-")


def _spelled(value: Any) -> str:
    """0.0001 and [5, 10] as a person would write them."""
    if isinstance(value, list | tuple):
        return f"[{','.join(_spelled(one) for one in value)}]"
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if value is None or isinstance(value, bool) else str(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def sharing(grid: Grid) -> Iterator[tuple[str, int]]:
    """Of each command how many artifacts all cells take from it, in the order of the chain."""
    by_name = {step.name: step for step in grid.recipe.steps}
    for place, step in enumerate(grid.chain):
        names = {run.steps[place] for cell in grid.cells for run in cell.runs}
        assert all(by_name[name].command == step.command for name in names)
        yield step.command, len(names)

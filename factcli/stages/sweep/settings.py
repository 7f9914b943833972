"""Settings and table of `fact sweep`."""

from typing import Any, Literal

from pydantic import field_validator

from factcli.config import Config, setting
from factcli.stats.paired import IntervalKind
from factcli.sweeprows import SweepCell

TABLES: dict[str, type] = {"cells": SweepCell}
EVALUATE = "eval world --set probe_versions=0"  # what the knowledge adapters do by themselves chooses nothing
Rule = Literal["best", "one-standard-error"]


class SweepConfig(Config):
    """Settings of `fact sweep`."""

    command: str = setting("", "What is swept, as it is typed without `fact`, e.g. sft --method real; words after `fact sweep` win.")
    then: tuple[str, ...] = setting((), "Commands between it and the evaluation, as typed; unset is sft after prereq, both after synth, none else.")
    evaluate: str = setting(EVALUATE, "The evaluation of every cell, as typed; of a world on its dev people.")
    grid: dict[str, tuple[Any, ...]] = setting(
        {}, "Settings and their values, the cheaper first, e.g. {lr: [3.0e-5, 5.0e-5], sft.lora_r: [16, 32]}; names with a comma between change together."
    )
    by: str | None = setting(None, "Figure to choose by; unset is qa.accuracy, else the first that was measured.")
    rule: Rule = setting("best", "best, or one-standard-error: of the cells at most one standard error behind the best, the first in the grid.")
    seeds: tuple[int, ...] = setting((), "Seeds of every cell; the choice is by the mean over them. Empty: the seed that the command has.")
    are_dev: bool = setting(False, "The questions of an evaluation that knows no dev people (--file) are for choosing, and no test questions.")
    interval: IntervalKind = setting("bca", "Kind of 95% interval of a difference: bca, t or percentile; over several seeds bca.")
    max_unpaired: float = setting(0.05, "Share of items that only one of two cells may have been asked; they are left out.", ge=0, le=1)
    max_failed: float = setting(0.5, "Share of cells that may fail; more end with code 6. What was chosen among the others is kept.", "operational", ge=0, le=1)
    cells: tuple[str, ...] = setting((), "What the grid came to, in its order, with what failed; the sweep writes it.")
    seed: int = setting(0, "Seed of redraws and swaps.", ge=0)

    @field_validator("grid", mode="after")
    @classmethod
    def _has_values(cls, grid: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        found = {name: tuple(_number(value) for value in values) for name, values in grid.items()}
        for name, values in found.items():
            if not values or not all(name.split(",")):
                raise ValueError(f"{name or '(no name)'} has {len(values)} values, need a name and one or more")
            twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
            if twice is not None:
                raise ValueError(f"{name} has {twice} twice")
        return found

    @field_validator("seeds")
    @classmethod
    def _are_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds, default=0) < 0:
            raise ValueError("need seeds of 0 or more, each once")
        return seeds


def _number(value: Any) -> Any:
    """1e-4 as typed is the number, so that a grid typed and one from a file are one; as an int where it is one."""
    for number in (int, float):
        try:
            return number(value) if isinstance(value, str) else value
        except ValueError:
            continue
    return value

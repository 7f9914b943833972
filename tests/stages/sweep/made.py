"""Cells of a sweep made by hand: a model and a dev evaluation of it for each, with answers as a test gives them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from factcli.artifact import Artifact, Outcome, make
from factcli.config import Config
from factcli.evalrows import ItemScore
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.sft import SftConfig
from factcli.stages.sweep import stage
from factcli.stages.sweep.ground import Cell, Made
from factcli.stages.sweep.settings import SweepConfig
from factcli.sweeprows import SweepCell
from tests.stages.compare.made import items
from tests.stages.report_chain import commit

ACCURACY = "qa.accuracy"


def data(root: Path, name: str = "data") -> Artifact:
    return commit(root, "synth made", "synth", name, Config(), {}, {}, {}, Outcome(name))


def run(
    root: Path, name: str, rights: Sequence[float], per_subject: int = 1, seed: int | None = None, split: str = "dev", synth: Artifact | None = None,
    metric: str = ACCURACY,
) -> Made:  # fmt: skip
    """A model `name` that was right on these questions, `per_subject` of each person."""
    inputs = {"synth": synth or data(root)}
    skill = commit(root, "sft", "skill", name, SftConfig(seed=seed or 0), inputs, {}, {}, Outcome(name))
    asked = {"items": items(metric, rights, per_subject)}
    config = WorldEvalConfig(split=split)  # type: ignore[arg-type]
    evaluation = commit(root, "eval world", "eval", f"{name}-dev", config, {"model": skill}, asked, {"items": ItemScore}, Outcome(name))
    return Made(seed, {"sft": skill, "eval world": evaluation})


def cells(root: Path, rights: Mapping[str, Sequence[float]], per_subject: int = 1) -> list[Cell]:
    """One for each name, in their order: the setting `cell=NAME`."""
    return [Cell((f"cell={name}",), (run(root, name, right, per_subject),)) for name, right in rights.items()]


def swept(root: Path, of: Sequence[Cell], config: SweepConfig | None = None) -> Artifact:
    plan = stage.plan(config or SweepConfig(), of, (), "sweep")
    return make(plan, lambda draft: stage.work(plan, draft, of), root)[0]


def table(sweep: Artifact) -> dict[str, SweepCell]:
    """By the name of the cell."""
    return {row.id.removeprefix("cell="): row for row in sweep.rows("cells", SweepCell)}

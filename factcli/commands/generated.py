"""`fact eval truthfulqa --form generation`: who answers, who judges, one stage called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.commands.generating import SHARED, answering_for, cost_of_all
from factcli.commands.grounding import documents_for, grounds_for
from factcli.commands.making import Making, finish
from factcli.commands.scoring.origins import world_of
from factcli.commands.short import Shown, source_for
from factcli.commands.writing import writing_of
from factcli.knowledge.benchmarks.referenced import TRUTHFULQA_GENERATION
from factcli.stages.eval import judged as stage


def make_eval_generation(making: Making, model: str | None, newest: bool, file: Path | None, judge: str | None, shown: Shown, flags: Mapping[str, Any]) -> None:
    shared = {f"judging.{name}": flags.get(f"generation.{name}") for name in SHARED}
    config = making.settings(stage.GenerationEvalConfig, "eval", {**flags, **shared, "judging.backend": judge}, None)
    writing = writing_of(making, config, model, newest)
    judging = answering_for(making, config.judging.model_copy(update={"json_asks": 1})) if config.judging.backend else None
    source = source_for(TRUTHFULQA_GENERATION, writing.respondent, file, making.root)
    world = world_of(next(iter(writing.who.inputs.values()), None), making.root)
    grounds = grounds_for(config.decode, shown.pack, documents_for(shown.documents, making.root), world, making.root)
    bench = stage.Bench(source, writing.who, writing.name, judging, grounds)
    plan = stage.plan(config, bench, making.name)
    pinned = plan.config
    assert isinstance(pinned, stage.GenerationEvalConfig)
    finish(
        making,
        plan,
        lambda _: cost_of_all(stage.imagined(pinned, bench)),
        lambda draft, context: stage.work(plan, draft, bench, context.report),
    )

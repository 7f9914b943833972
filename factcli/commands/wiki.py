"""`fact synth wiki`: what is asked about, who answers, and the one stage that does it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish


def make_wiki(making: Making, files: Mapping[str, Path | None], questions: str | None, world: str | None, flags: Mapping[str, Any]) -> None:
    """`files` by their role; `questions` names an earlier version whose questions are answered anew, `world` one whose people are asked about."""
    from factcli.stages.synth.wiki import stage
    from factcli.stages.synth.wiki.settings import WikiConfig
    from factcli.stages.synth.wiki.sources import Files, read_sources

    config = making.settings(WikiConfig, "synth", flags, None)
    who = answering_for(making, config.generation)
    made = resolving.pick(questions, making.root, stage.KIND, "fact synth wiki --documents FILE") if questions else None
    about = resolving.pick(world, making.root, "world", "fact world") if world else None
    sources = read_sources(config, Files(**files), made, about)
    plan = stage.plan(config, sources, who, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.estimate(config, sources, who)),
        lambda draft, context: stage.work(plan, draft, sources, who, context.report),
    )

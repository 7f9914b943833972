"""`fact score claims`: whose answers, and who takes them apart; then the one stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.commands.scoring.origins import refuse_two, to_score, world_of
from factcli.commands.scoring.truth import tell_rejects
from factcli.commands.synthesising import refuse
from factcli.stages.score import claims as stage

MADE_BY = "fact synth samples or fact eval"


def make_claims(making: Making, ref: str | None, answers: Path | None, flags: Mapping[str, Any], generation: Mapping[str, Any]) -> None:
    refuse_two(ref, answers)
    config = making.settings(stage.ScoreClaimsConfig, "score", {**flags, **generation}, None)
    if config.claims.source != "model":
        refuse(generation, "asks a model to take answers apart: --claims model")
    who = answering_for(making, config.generation) if config.claims.source == "model" else None
    if answers is not None:
        source = stage.of_file(config, answers)
        tell_rejects(answers, source.answers.rejects)
    else:
        artifact = to_score(ref, making.root, stage.KINDS, "answers", MADE_BY)
        source = stage.of_artifact(config, artifact, world_of(artifact, making.root))
    plan = stage.plan(config, source, who, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.imagined(config, source, who)),
        lambda draft, context: stage.work(plan, draft, source, who, context.report),
    )

"""`fact score claims`: whose answers, and who takes them apart; then the one stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.artifact.lineage import ancestor_of_kind
from factcli.backends.planning import Estimate
from factcli.basemodel import whole
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.commands.scoring.truth import tell_rejects
from factcli.commands.synthesising import refuse
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.stages.score import claims as stage

MADE_BY = "fact synth samples or fact eval; or give --answers FILE"


def make_claims(making: Making, ref: str | None, answers: Path | None, flags: Mapping[str, Any], generation: Mapping[str, Any]) -> None:
    if ref is not None and answers is not None:
        raise SettingsError(f"{ref} and --answers {answers} are both given", "take one of them apart at a time")
    config = making.settings(stage.ScoreClaimsConfig, "score", {**flags, **generation}, None)
    if config.claims.source != "model":
        refuse(generation, "asks a model to take answers apart: --claims model")
    who = answering_for(making, config.generation) if config.claims.source == "model" else None
    if answers is not None:
        source = stage.of_file(config, answers)
        tell_rejects(answers, source.answers.rejects)
    else:
        artifact = _to_score(ref, making.root)
        source = stage.of_artifact(config, artifact, world_of(artifact, making.root))
    plan = stage.plan(config, source, who, making.name)
    finish(
        making,
        plan,
        lambda _: _cost(stage.imagined(config, source, who)),
        lambda draft, context: stage.work(plan, draft, source, who, context.report),
    )


def world_of(artifact: Artifact, root: Path) -> Artifact | None:
    """The world among the artifact's ancestors, or None."""
    try:
        return whole(ancestor_of_kind(artifact, "world", root))
    except InputError:
        return None


def _to_score(ref: str | None, root: Path) -> Artifact:
    """What is named, else the newest that has answers."""
    if ref is not None:
        return whole(open_artifact(ref, root, stage.KINDS))
    found = all_artifacts(root, stage.KINDS)
    if not found:
        raise InputError(f"there are no answers in {root}/", f"make some first: {MADE_BY}")
    return whole(found[0])


def _cost(estimate: Estimate | None) -> Cost:
    return Cost() if estimate is None else cost_of(estimate)

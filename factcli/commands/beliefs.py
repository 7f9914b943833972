"""`fact synth beliefs`: which samples, whose confidence, what data; then one stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.artifact.lineage import parents
from factcli.basemodel import whole
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.stages.synth.beliefs import stage
from factcli.stages.synth.beliefs.settings import BeliefsConfig, Source, require_scores


def make_beliefs(making: Making, samples: str | None, confidence: str | None, flags: Mapping[str, Any]) -> None:
    config = making.settings(BeliefsConfig, "synth", flags, None)
    drawn = resolving.pick(samples, making.root, "samples", "fact synth samples --backend local:BASE")
    source = Source(drawn, _scores(confidence, drawn, config, making.root), resolving.parent_of(drawn, "prompts", making.root), _world_of(drawn, making.root))
    require_scores(source, config)
    if config.generation.backend and not source.asks_a_model(config):
        raise SettingsError(f"--backend {config.generation.backend} would not be asked: no long answer is written anew by a model", "--set rewrite=model")
    who = answering_for(making, config.generation) if source.asks_a_model(config) else None
    plan = stage.plan(config, source, who, making.name)
    finish(
        making,
        plan,
        lambda _: Cost() if who is None else cost_of(stage.imagined(config, source, who)),
        lambda draft, context: stage.work(plan, draft, source, who, context.report),
    )


def _scores(ref: str | None, samples: Artifact, config: BeliefsConfig, root: Path) -> Artifact | None:
    """The scores named, or the newest of `fact score confidence` over these very samples; none for method flame."""
    if config.method == "flame":
        if ref is not None:
            raise SettingsError("--confidence is given, and method flame takes answers as they stand", "leave it out, or --method beliefs")
        return None
    if ref is None:
        found = next((one for one in all_artifacts(root, ("scores",)) if _is_of(one, samples)), None)
        return None if found is None else whole(found)
    scores = whole(open_artifact(ref, root, ("scores",)))
    if not _is_of(scores, samples):
        raise InputError(f"{scores.ref} is no confidence in the claims of {samples.ref}", f"fact score confidence {samples.ref}")
    return scores


def _is_of(scores: Artifact, samples: Artifact) -> bool:
    answers = scores.manifest.inputs.get("answers")
    return answers is not None and answers.digest == samples.digest and bool(scores.manifest.tables.get("confidences"))


def _world_of(samples: Artifact, root: Path) -> Artifact | None:
    """The world that the samples come from: by the model that drew them, or by the data that asks."""
    own = parents(samples, root)
    above = [*own, *(grandparent for parent in own for grandparent in parents(parent, root))]
    found = next((artifact for artifact in above if artifact.kind == "world"), None)
    return None if found is None else whole(found)

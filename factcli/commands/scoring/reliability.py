"""`fact score reliability`: any scores, held against what is known to be true."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.commands.making import Making, finish
from factcli.commands.scoring.truth import truth_for
from factcli.cost import Cost
from factcli.errors import InputError
from factcli.scorerows import ScoredAnswer
from factcli.stages.score import reliability as stage


def make_reliability(making: Making, ref: str | None, labels: Path | None, flags: Mapping[str, Any]) -> None:
    chosen = {**flags, "scores": tuple(flags["scores"].split(",")) if flags["scores"] else None}
    config = making.settings(stage.ReliabilityConfig, "score", chosen, None)
    scores = resolving.pick(ref, making.root, "scores", "fact score consistency, for one")
    ids = {id for answer in scores.rows("answers", ScoredAnswer) for id in (answer.id, answer.prompt_id)} if labels is not None else frozenset()
    known = truth_for(scores, labels, making.root, ids)
    if not known.truths.is_known:
        raise InputError(f"no truth is known of the answers of {scores.ref}", "--labels FILE; or score answers to questions that were made from a world")
    source = stage.Source(scores, known.truths, known.rejects, known.inputs, known.pinned)
    plan = stage.plan(config, source, making.name)
    finish(making, plan, lambda _: Cost(), lambda draft, _: stage.work(plan, draft, source))

"""`fact score consistency`: what is scored, who compares, who reflects, what is known of the truth; then the one stage."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact.read import survey
from factcli.commands.ending import tell
from factcli.commands.generating import answering_for
from factcli.commands.making import Making, finish
from factcli.commands.scoring.origins import refuse_two, to_score
from factcli.commands.scoring.truth import tell_rejects, truth_for
from factcli.commands.synthesising import refuse
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.judge.entailers import LEXICAL, Named, named_entailer
from factcli.stages.score.consistency import changing, sources, stage
from factcli.stages.score.consistency.settings import ConsistencyConfig
from factcli.stages.score.consistency.sources import Source

MADE_BY = "fact synth samples or fact synth wiki"


def make_consistency(
    making: Making,
    ref: str | None,
    answers: Path | None,
    labels: Path | None,
    before: str | None,
    flags: Mapping[str, Any],
    generation: Mapping[str, Any],
) -> None:
    refuse_two(ref, answers)
    methods = {"methods": tuple(flags["methods"].split(","))} if flags["methods"] else {"methods": None}
    config = making.settings(ConsistencyConfig, "score", {**flags, **methods, **generation}, None)
    if not config.reflects:
        refuse(generation, "asks a model for its opinion, which counts with --beta below 1 and bsdetector among the methods")
    who = answering_for(making, config.generation) if config.reflects else None
    if answers is not None:
        source = sources.of_file(config, answers)
    else:
        source = sources.of_artifact(config, to_score(ref, making.root, sources.KINDS, "samples", MADE_BY))
    tell_rejects(answers, source.rejects)
    source = _with_before(_with_truth(source, labels, making.root), before, making.root)
    if config.choose_on and not source.truths.is_known:
        raise SettingsError(f"choose_on is {config.choose_on}, and no truth is known", "--labels FILE; or score samples of data made from a world")
    entailer = _entailer(config, source, making.root)
    plan = stage.plan(config, source, who, entailer, making.name)
    finish(
        making, plan, lambda _: _cost(config, source, who, entailer, making.root), lambda draft, ctx: stage.work(plan, draft, source, who, entailer, ctx.report)
    )


def _with_truth(source: Source, labels: Path | None, root: Path) -> Source:
    ids = {id for question in source.questions for id in (question.id, *(answer.id for answer in question.answers))}
    known = truth_for(source.inputs.get("answers"), labels, root, ids)
    return replace(
        source,
        truths=known.truths,
        rejects=(*source.rejects, *known.rejects),
        inputs={**source.inputs, **known.inputs},
        pinned={**source.pinned, **known.pinned},
    )


def _with_before(source: Source, ref: str | None, root: Path) -> Source:
    if ref is None:
        return source
    before = resolving.pick(ref, root, "scores", "fact score consistency")
    return replace(source, before=changing.types_of(before, source.questions), inputs={**source.inputs, "before": before})


def _entailer(config: ConsistencyConfig, source: Source, root: Path) -> Named:
    """As it is named; for answers about an invented world the words alone can do it, and it says so."""
    if config.compared_by or "world" not in source.inputs:
        return named_entailer(config.compared_by, config.entailer, root)
    tell("entailer: lexical (words alone: enough for an invented world; --entailer nli:DIR for texts that people write)")
    return named_entailer(LEXICAL, config.entailer, root)


def _cost(config: ConsistencyConfig, source: Source, who: Any, entailer: Named, root: Path) -> Cost:
    estimate = stage.imagined(config, source, who) if who is not None else None
    pairs = stage.n_pairs(config, source)
    seconds, time = _time(pairs, entailer, root)
    requests, money = (estimate.n_requests, estimate.cost or 0) if estimate else (0, 0)
    return Cost(requests, money, estimate.as_json() if estimate else None, pairs=pairs, seconds=seconds, time=time)


def _time(pairs: int, entailer: Named, root: Path) -> tuple[int | None, str]:
    """By the rate of the newest run with the same entailment model."""
    runs = (run for run in survey(root)[0] if run.manifest.model.get("entailer") == dict(entailer.identity) and run.manifest.usage.get("pairs_seconds"))
    measured = next(runs, None)
    if measured is None:
        return None, "not known: no run with this entailment model was measured here yet"
    rate = measured.manifest.usage["pairs"] / measured.manifest.usage["pairs_seconds"]
    return round(pairs / rate), f"estimated: at the {rate:.0f} pairs/s of {measured.ref}, opinions of a model not counted"

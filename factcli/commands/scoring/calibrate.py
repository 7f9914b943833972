"""`fact score calibrate`: labels, who judges, by what evidence, who takes answers apart; then the one stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.opening import Answering
from factcli.commands.generating import answering_for, cost_of, cost_of_all, for_judges, refuse_idle
from factcli.commands.making import Making, finish
from factcli.commands.scoring.finding import pack_for
from factcli.commands.scoring.truth import tell_rejects
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.judge.verdicts.judges import Judge, WorldJudge, judges_of
from factcli.knowledge.answer_files import answers_of_file
from factcli.knowledge.pack import open_pack
from factcli.stages.score import calibrate
from factcli.stages.score.calibrate import CalibrateConfig, Source

CLAIMS = ("human", "model", "rules")


def make_calibrate(
    making: Making, labels: Path, claims: str | None, judges: Sequence[str], pack: str | None, flags: Mapping[str, Any], generation: Mapping[str, Any]
) -> None:
    config = making.settings(CalibrateConfig, "score", {**flags, **_claims(claims, generation), **_judging(judges, generation), **generation}, None)
    answers = answers_of_file(labels)
    tell_rejects(labels, answers.rejects)
    rows, rejects = calibrate.labelled(answers, config.limit)
    judge = _judge(making, config)
    found = pack_for(making.root, config.judge, (judge,) if judge is not None else (), pack)
    who = _reader(making, config)
    pinned = {f"labels {labels.name}": sha256_of_file(labels)}
    source = Source(rows, answers.given, rejects, pinned, judge, who, found, open_pack(found) if found is not None else None)
    plan = calibrate.plan(config, source, making.name)
    finish(making, plan, lambda _: _cost(config, source), lambda draft, context: calibrate.work(plan, draft, source, context.report))


def _claims(claims: str | None, generation: Mapping[str, Any]) -> dict[str, Any]:
    """human: the file's; model: asked for where a backend is given, else the file's; rules: no model."""
    if claims is None:
        return {}
    if claims not in CLAIMS:
        raise SettingsError(f"--claims is {claims!r}", f"need one of {', '.join(CLAIMS)}")
    if claims == "rules":
        return {"claims.source": "rules"}
    if claims == "model" and generation.get("generation.backend"):
        return {"claims.source": "model"}
    return {"claims.source": "given", "claims.annotator": claims}


def _reader(making: Making, config: CalibrateConfig) -> Answering | None:
    if config.claims.source == "model":
        return answering_for(making, config.generation)
    refuse_idle(config.generation, "people" if calibrate.is_human(config.claims) else config.claims.source)
    return None


def _judging(judges: Sequence[str], generation: Mapping[str, Any]) -> dict[str, Any]:
    return {**for_judges(generation), "judge.judges": tuple(judges) or None}


def _judge(making: Making, config: CalibrateConfig) -> Judge | None:
    if not config.judge.judges:
        if calibrate.is_human(config.claims):
            raise SettingsError("neither a judge nor another source of claims is given: the labels agree with themselves", "--judge SPEC, or --claims rules")
        return None
    if len(config.judge.judges) > 1:
        raise SettingsError(f"{len(config.judge.judges)} judges are given", "a card is of one judge: run it once for each")
    judge = judges_of(config.judge, making.root, lambda ref: resolving.local_ref(ref, making.root), _no_world(making, config))[0]
    if isinstance(judge, WorldJudge):
        raise SettingsError("a world's ledger knows nothing of labelled responses about real people", "--judge http:..., local:..., scripted:... or nli:DIR")
    return judge


def _no_world(making: Making, config: CalibrateConfig) -> Artifact | None:
    """The newest world, for a judge `world` that is then refused by name."""
    return resolving.newest(making.root, "world") if "world" in config.judge.judges else None


def _cost(config: CalibrateConfig, source: Source) -> Cost:
    """Of claims and verdicts together."""
    estimates = calibrate.imagined(config, source)
    if len(estimates) < 2:
        return cost_of(next(iter(estimates), None))
    return cost_of_all(dict(zip(("claims", "verdicts"), estimates, strict=True)))

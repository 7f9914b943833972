"""`fact score factscore`: who reads, who judges and on what evidence, found where it is not said; one stage called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, all_artifacts
from factcli.backends.opening import Answering
from factcli.commands.ending import tell
from factcli.commands.generating import answering_for, cost_of_all, for_judges, refuse_idle
from factcli.commands.making import Making, finish
from factcli.commands.scoring.finding import Found, drawn_first, find_answers, pack_for
from factcli.errors import InputError, SettingsError
from factcli.judge.scores.figures import benchmark_of
from factcli.judge.verdicts.judges import WORLD, judges_of
from factcli.knowledge.answer_files import GivenClaims
from factcli.knowledge.pack import open_pack
from factcli.stages.score.factscore import judging, sources, stage
from factcli.stages.score.factscore.settings import FactscoreConfig

HUMAN = "human"  # --claims human: the given claims of people


def make_factscore(
    making: Making, ref: str | None, file: Path | None, claims: str | None, pack: str | None, world: str | None, flags: Mapping[str, Any]
) -> None:
    config = making.settings(FactscoreConfig, "score", {**flags, **_claims_flags(claims), **for_judges(flags)}, None)
    if drawn_first(making, ref, file):
        return
    found = find_answers(making, ref, file, world)
    source = sources.of_answers(config, found.answers, found.name, found.pinned)
    config = _completed(config, source.given, found)
    bench = _bench(making, config, found, pack)
    config = _with_k(making, config, source, bench)
    plan = stage.plan(config, source, bench, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of_all(stage.imagined(config, source, bench)),
        lambda draft, context: stage.work(plan, draft, source, bench, context.report),
    )


def _claims_flags(claims: str | None) -> dict[str, Any]:
    return {"claims.source": "given", "claims.annotator": HUMAN} if claims == HUMAN else {"claims.source": claims}


def _completed(config: FactscoreConfig, given: Mapping[str, GivenClaims], found: Found) -> FactscoreConfig:
    """With who reads and who judges, where that is not said: a world is read by its grammar and judged by its ledger."""
    if "source" not in config.claims.model_fields_set:
        chosen, why = _reader(config, given, found.world)
        tell(f"claims: {chosen} ({why}; --claims says otherwise)")
        config = _with_claims(config, source=chosen)
    if config.claims.source == "given" and "annotator" not in config.claims.model_fields_set and not any(one.human for one in given.values()):
        config = _with_claims(config, annotator="model")
    if not config.judge.judges and found.world is not None:
        tell(f"judge: world (the ledger of {found.world.ref}; --judge says otherwise)")
        config = config.model_copy(update={"judge": config.judge.model_copy(update={"judges": (WORLD,)})})
    return config


def _with_claims(config: FactscoreConfig, **chosen: str) -> FactscoreConfig:
    return config.model_copy(update={"claims": config.claims.model_copy(update=chosen)})


def _reader(config: FactscoreConfig, given: Mapping[str, GivenClaims], world: Artifact | None) -> tuple[str, str]:
    if given:
        return "given", f"{len(given)} answers bring claims"
    if world is not None:
        return "world", f"the answers are about {world.ref}, whose grammar reads them"
    if config.generation.backend:
        return "model", f"{config.generation.backend} takes answers apart"
    return "rules", "no model is given with --backend"


def _bench(making: Making, config: FactscoreConfig, found: Found, pack: str | None) -> stage.Bench:
    reader = _model_that_reads(making, config)
    if judging.LABELS in config.judge.judges:
        _require_labels(config, found)
        return stage.Bench(reader, ())
    judges = judges_of(config.judge, making.root, lambda ref: resolving.local_ref(ref, making.root), found.world)
    evidence = pack_for(making.root, config.judge, judges, pack)
    return stage.Bench(reader, judges, open_pack(evidence) if evidence else None, {"pack": evidence} if evidence else {})


def _model_that_reads(making: Making, config: FactscoreConfig) -> Answering | None:
    """Raises SettingsError for a backend that would not be asked."""
    if config.claims.source == "model":
        return answering_for(making, config.generation)
    refuse_idle(config.generation, config.claims.source)
    return None


def _require_labels(config: FactscoreConfig, found: Found) -> None:
    if len(config.judge.judges) > 1:
        raise SettingsError(
            "--judge labels stands alone: it is what people said", "to compare a judge with people: fact score calibrate --labels FILE --judge ..."
        )
    claims = [claim for given in found.answers.given.values() for claim in given.human]
    if config.claims.source != "given" or not any(claim.label for claim in claims):
        raise InputError(f"{found.name} has no labelled claims for --judge labels", "need annotations with human-atomic-facts, and --claims human")


def _with_k(making: Making, config: FactscoreConfig, source: sources.Source, bench: stage.Bench) -> FactscoreConfig:
    """With the K that the first scores of these prompts have. Work that was begun or finished without one goes on as it is."""
    plan = stage.plan(config, source, bench, making.name)
    if config.k is not None or plan.committed(making.root) is not None or plan.partial(making.root).exists():
        return config
    benchmark = benchmark_of(source.answers, config.claims.source)
    alike = [one for one in all_artifacts(making.root, ("scores",)) if one.summary.get("benchmark") == benchmark and one.summary.get("k")]
    if not alike:
        return config
    tell(f"K: {alike[-1].summary['k']}, as in {alike[-1].ref}, the first scores of these prompts (--k says otherwise)")
    return config.model_copy(update={"k": alike[-1].summary["k"]})

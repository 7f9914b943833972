"""`fact score confidence`: which answers and claims, who is sampled, who asks; then one stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.opening import Answering, answering
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.making import Making, finish
from factcli.commands.scoring.origins import refuse_two, world_of
from factcli.commands.scoring.truth import tell_rejects
from factcli.errors import InputError, SettingsError
from factcli.judge.entailers import NLI, named_entailer
from factcli.judge.equivalence import ByEmbeddings, ByEntailment, ByRules, Comparing
from factcli.knowledge.answer_files import answers_of_file
from factcli.stages.score.confidence import source as sources
from factcli.stages.score.confidence import stage
from factcli.stages.score.confidence.estimate import cost
from factcli.stages.score.confidence.models import Models
from factcli.stages.score.confidence.settings import ConfidenceConfig

WORLD_RECIPES = {None: "confidence-world", "claims": "confidence-world", "entities": "confidence-world-entities"}  # by --units


def make_confidence(
    making: Making, ref: str | None, answers: Path | None, claims: str | None, models: Mapping[str, str | None], flags: Mapping[str, Any]
) -> None:
    """`claims`: an artifact whose claims are taken. `models`: entailer and embedder."""
    refuse_two(ref, answers)
    origin = None if answers is not None else _origin(making.root, ref or claims)
    world = world_of(origin, making.root)
    config = making.settings(ConfidenceConfig, "score", flags, WORLD_RECIPES.get(flags["units"]) if world is not None else None)
    is_anew = flags.get("claims.source") is not None
    if is_anew and claims:
        raise SettingsError("--claims and --from are both given", "take the claims that are there, or take the answers apart anew")
    source = _source(making, config, origin, answers, claims, world, is_anew)
    who = _models(making, config, source, origin, world, models)
    plan = stage.plan(config, source, who, making.name)
    finish(making, plan, lambda _: cost(config, source, who), lambda draft, context: stage.work(plan, draft, source, who, context.report))


def _origin(root: Path, ref: str | None) -> Artifact:
    """The artifact named; else the newest samples, else the newest evaluation with biographies, else the newest with answers."""
    if ref is not None:
        return whole(open_artifact(ref, root, ("samples", "eval", "claims", "scores")))
    found = all_artifacts(root, ("samples", "eval"))
    ranked = sorted(found, key=lambda one: (one.kind != "samples", not one.manifest.tables.get("claims")))  # stable: the newest first
    if not ranked:
        raise InputError(f"there is nothing in {root}/ whose confidence could be scored", "fact synth samples, fact eval world; or give --answers FILE")
    return whole(ranked[0])


def _source(
    making: Making, config: ConfidenceConfig, origin: Artifact | None, file: Path | None, claims: str | None, world: Artifact | None, is_anew: bool
) -> sources.Source:
    """`is_anew`: take the answers apart, though they may have claims."""
    if origin is not None:
        answers, pinned = sources.answers_in(origin), {}
    else:
        assert file is not None
        answers, pinned = answers_of_file(file), {f"answers {file.name}": sha256_of_file(file)}
        tell_rejects(file, answers.rejects)
    known = None
    if config.units == "claims":
        holder = open_artifact(claims, making.root, ("claims", "scores", "eval")) if claims else origin
        known = sources.claims_in(whole(holder)) if holder is not None and not is_anew else None
        if known is None and claims:
            raise InputError(f"{claims} has no claims", "fact ls shows what has; or --claims rules takes the answers apart")
    return sources.source_of(config, answers, known, world, pinned)


def _models(
    making: Making, config: ConfidenceConfig, source: sources.Source, origin: Artifact | None, world: Artifact | None, given: Mapping[str, str | None]
) -> Models:
    asks = config.questions or ("world" if world is not None else "model")
    if asks == "world" and world is None:
        raise SettingsError("questions is world, and these answers come from none", "--backend SPEC writes questions: --set questions=model")
    if asks == "world" and config.units == "claims":
        tell("questions: the world's own question forms, so that no language model writes any (--questions model replaces them)")
    reads = "reused" if source.claims is not None else config.claims.source
    needs_writer = (config.units == "claims" and "model" in (asks, reads)) or config.equivalence == "model"
    _refuse_idle(config, needs_writer, given)
    if needs_writer and not config.generation.backend:
        raise SettingsError("no backend is given: who shall write the questions?", "--backend http:MODEL@URL, local:REF or scripted:FILE")
    writer = answering(config.generation, lambda ref: resolving.local_ref(ref, making.root)) if needs_writer else None
    return Models(_sampler(making, config, origin, world), writer, _comparing(making, config, given), asks, reads)


def _refuse_idle(config: ConfidenceConfig, needs_writer: bool, given: Mapping[str, str | None]) -> None:
    """Raises SettingsError for who is named and would not be asked."""
    if config.generation.backend and not needs_writer:
        raise SettingsError(
            f"--backend {config.generation.backend} would not be asked: no question is written and no answer compared by a language model",
            "leave it out, or --questions model; who is sampled is said with --sampler",
        )
    for name, method in (("entailer", "entailment"), ("embedder", "embeddings")):
        if given[name] is not None and config.equivalence != method:
            raise SettingsError(f"--{name} would not be asked: answers are compared by {config.equivalence}", f"--equivalence {method}")


def _sampler(making: Making, config: ConfidenceConfig, origin: Artifact | None, world: Artifact | None) -> Answering:
    """Who the settings name; else the base model under the model that wrote the answers."""
    chosen = config.sampler
    if not chosen.backend:
        chosen = chosen.model_copy(update={"backend": f"local:{_base_of(making, origin, world)}"})
        tell(f"sampled: {chosen.backend} (the base model of these answers; --sampler SPEC replaces it)")
    return answering(chosen, lambda ref: resolving.local_ref(ref, making.root))


def _base_of(making: Making, origin: Artifact | None, world: Artifact | None) -> str:
    if world is not None:
        return world.ref
    writer = next((found for role in ("model", "base") if origin and (found := resolving.parent_of(origin, role, making.root))), None)
    if writer is None:
        raise SettingsError(
            "it is not known which model is to be sampled", "--sampler local:BASE (a base model, as in FactTune), http:MODEL@URL or scripted:FILE"
        )
    return resolving.ground_of(resolving.base_under(writer, making.root), making.root).given


def _comparing(making: Making, config: ConfidenceConfig, given: Mapping[str, str | None]) -> Comparing | None:
    if config.equivalence == "model":
        return None
    if config.equivalence == "entailment":
        named = _needed(given, "entailer", "nli:DIR, an entailment model").removeprefix(NLI)
        entailer = named_entailer(f"{NLI}{named}", config.entailer, making.root)
        return ByEntailment(entailer.identity, entailer.open)
    if config.equivalence == "embeddings":
        return ByEmbeddings(Path(_needed(given, "embedder", "DIR, a sentence-transformers model")), config.cosine)
    return ByRules()


def _needed(given: Mapping[str, str | None], name: str, what: str) -> str:
    value = given.get(name)
    if not value:
        raise SettingsError(f"answers are to be compared with --{name}, and none is given", f"--{name} {what}")
    return value

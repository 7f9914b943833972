"""`fact eval bio`, `medical`, `longfact`: answers written by one stage and, where a judge is named, scored by the next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Plan, make
from factcli.artifact.naming import as_name
from factcli.commands.ending import tell
from factcli.commands.generating import SHARED, cost_of
from factcli.commands.grounding import documents_for, grounds_for
from factcli.commands.making import Making, finish, working
from factcli.commands.scoring.factscore import make_factscore
from factcli.commands.scoring.origins import world_of
from factcli.commands.short import source_for
from factcli.commands.writing import Writing, writing_of
from factcli.errors import SettingsError
from factcli.knowledge.benchmarks.registry import benchmark_of
from factcli.stages.eval import long as stage


@dataclass(frozen=True, slots=True)
class Scoring:
    """How the answers are scored; not at all without `judges`."""

    judges: tuple[str, ...] = ()
    claims: str | None = None
    reader: str | None = None  # the model that takes answers apart
    pack: str | None = None
    k: int | None = None


def make_eval_long(
    making: Making,
    name: str,
    model: str | None,
    newest: bool,
    file: Path | None,
    documents: str | None,
    scoring: Scoring,
    flags: Mapping[str, Any],
) -> None:
    config = making.settings(stage.LongEvalConfig, "eval", flags, None)
    _refuse_idle(config, scoring)
    if config.decode.contrast is not None and config.repetition_penalty is not None:
        raise SettingsError("repetition_penalty does nothing beside dola, which has its own", "--set decode.dola.repetition_penalty=...")
    benchmark = benchmark_of(name)
    writing = writing_of(making, config, model, newest)
    source = source_for(benchmark, writing.respondent, file, making.root).pinned()
    world = world_of(next(iter(writing.who.inputs.values()), None) or source.artifact, making.root)
    grounds = grounds_for(config.decode, scoring.pack, documents_for(documents, making.root), world, making.root, pack_judges=True)
    asked = stage.of_source(config, source, grounds)
    plan = stage.plan(config, asked, writing.who, writing.name, making.name)
    if not scoring.judges or (making.dry_run and plan.committed(making.root) is None):
        _finish(making, plan, config, asked, writing, scoring)
        return
    with working(making.root) as context:
        made, is_reused = make(plan, lambda draft: stage.work(plan, draft, asked, writing.who, writing.name, context.report), making.root, making.force)
    tell(f"{made.ref}: {made.manifest.headline}{' (made before)' if is_reused else ''}")
    _score(making, made, scoring, flags)


def _finish(making: Making, plan: Plan, config: stage.LongEvalConfig, asked: stage.Asked, writing: Writing, scoring: Scoring) -> None:
    finish(
        making,
        plan,
        lambda _: cost_of(stage.imagined(config, asked, writing.who)),
        lambda draft, context: stage.work(plan, draft, asked, writing.who, writing.name, context.report),
    )
    tell("these answers would then be scored" if scoring.judges else f"how true they are: fact score factscore {plan.name} --judge JUDGE")


def _refuse_idle(config: stage.LongEvalConfig, scoring: Scoring) -> None:
    """Raises SettingsError for what would not be used."""
    given = [f"--{name}" for name, value in (("claims", scoring.claims), ("reader", scoring.reader), ("k", scoring.k)) if value is not None]
    given += ["--pack"] if scoring.pack is not None and config.decode.how != "rag" else []
    if given and not scoring.judges:
        raise SettingsError(f"{' and '.join(given)} would not be used: nothing is scored", "name a judge: --judge http:MODEL@URL, world, ...")


def _score(making: Making, made: Artifact, scoring: Scoring, flags: Mapping[str, Any]) -> None:
    """`fact score factscore` of these answers, as it would be typed."""
    plain = replace(making, files=(), assignments=(), name=as_name(f"{made.name}-scores"), force=False)
    claims = scoring.claims or ("model" if scoring.reader else None)
    options = {"claims": claims, "backend": scoring.reader, "pack": scoring.pack, "k": scoring.k}
    said = [*(f"--judge {judge}" for judge in scoring.judges), *(f"--{name} {value}" for name, value in options.items() if value is not None)]
    tell(f"scoring: fact score factscore {made.ref} {' '.join(said)}")
    shared = {f"generation.{name}": flags.get(f"generation.{name}") for name in SHARED}
    chosen = {"judge.judges": scoring.judges, "k": scoring.k, "generation.backend": scoring.reader, **shared}
    make_factscore(plain, made.ref, None, claims, scoring.pack, None, chosen)

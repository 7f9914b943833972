"""`fact compare`: which evaluations, in which parts; then one stage, and what it found as a table on stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType

from factcli.artifact import Artifact, open_artifact
from factcli.basemodel import whole
from factcli.commands.making import Making, finish
from factcli.comparisonrows import ChangedClaim, ComparedFigure, PlannedFigure, ShipVerdict
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError, TooManyFailuresError
from factcli.judge.itemscores import KINDS
from factcli.stages.compare import changetelling, planning, stage, telling
from factcli.stages.compare.settings import CompareConfig, PowerConfig
from factcli.stages.compare.stage import Side

SHIPPABLE = "shippable"
PLAN = "plan"


def make_comparison(
    making: Making,
    refs: Sequence[str],
    baseline: str | None,
    are_runs: bool,
    drift: Sequence[str],
    planned: str | None,
    require: str | None,
    flags: Mapping[str, Any],
) -> None:
    if require not in (None, SHIPPABLE):
        raise SettingsError(f"--require is {require!r}", f"need {SHIPPABLE}")
    config = making.settings(CompareConfig, "compare", flags, None)
    foreseen = _plan_of(making, planned, are_runs)
    source = stage.source_of(config, _sides(making, _ordered(refs, baseline), are_runs, drift), are_runs, making.root, foreseen)
    plan = stage.plan(config, source, making.name)
    made = finish(making, plan, lambda _: Cost(), lambda draft, context: stage.work(plan, draft, source, context.report))
    if made is None:
        return
    verdicts = list(made.rows("verdicts", ShipVerdict))
    show(telling.rendered(list(made.rows("differences", ComparedFigure)), verdicts, made.summary.get("notes", [])))
    show(changetelling.rendered(made.rows("changed", ChangedClaim), made.summary))
    failed = [verdict for verdict in verdicts if not verdict.is_shippable]
    if require and failed:
        why = "; ".join(f"{verdict.model}: {verdict.reasons[0]}" for verdict in failed)
        raise TooManyFailuresError(f"not shippable: {why}", f"the comparison is kept: {made.path}")


def _ordered(refs: Sequence[str], baseline: str | None) -> list[str]:
    """The baseline first; it need not stand among the others."""
    ordered = list(refs) if baseline is None else [baseline, *(ref for ref in refs if ref != baseline)]
    if len(ordered) < 2:
        raise InputError(f"{len(ordered)} evaluation is given, a comparison needs two or more", "fact compare BASELINE MODEL; `fact ls` lists what there is")
    return ordered


def _sides(making: Making, refs: Sequence[str], are_runs: bool, drift: Sequence[str]) -> list[Side]:
    """One for each model; with --runs each is a list, world by world."""
    if drift and len(drift) != len(refs):
        raise SettingsError(f"{len(drift)} drift evaluations are given for {len(refs)} models", "one --drift for each model, the baseline's first")
    found = [_opened(making, ref, are_runs) for ref in refs]
    measured = [_opened(making, ref, True) for ref in drift] or [() for _ in refs]
    for name, lists in (("models", found), ("drift evaluations", measured)):
        if len({len(one) for one in lists}) > 1:
            raise SettingsError(f"the {name} have {', '.join(str(len(one)) for one in lists)} evaluations", "as many of each, in the same order")
    if are_runs and drift and len(measured[0]) not in (0, len(found[0])):
        raise SettingsError(f"{len(found[0])} worlds and {len(measured[0])} drift evaluations of each model", "with --runs one drift evaluation for each world")
    return [Side(evaluations, of_drift) for evaluations, of_drift in zip(found, measured, strict=True)]


def _plan_of(making: Making, ref: str | None, are_runs: bool) -> Artifact | None:
    if ref and are_runs:
        raise SettingsError("--planned is given with --runs", "a plan counts subjects of one world; compare one world with it, or leave it out")
    return open_artifact(ref, making.root, (PLAN,)) if ref else None


def _opened(making: Making, ref: str, is_list: bool) -> tuple[Artifact, ...]:
    if "," in ref and not is_list:
        raise SettingsError(f"{ref} names several evaluations", "of several worlds or seeds: --runs")
    return tuple(whole(open_artifact(one.strip(), making.root, KINDS)) for one in ref.split(",") if one.strip())


def make_power_plan(making: Making, refs: Sequence[str], flags: Mapping[str, Any]) -> None:
    if not 1 <= len(refs) <= 2:
        raise InputError(f"{len(refs)} evaluations are given to plan from", "one dev evaluation, or two to be paired: fact compare --plan BASELINE MODEL")
    config = making.settings(PowerConfig, "compare", flags, None)
    plan = planning.plan(config, [_opened(making, ref, False)[0] for ref in refs], making.name)
    made = finish(making, plan, lambda _: Cost(), lambda draft, _: planning.work(plan, draft))
    if made is not None:
        show(telling.rendered_plan(list(made.rows("planned", PlannedFigure)), made.summary["splits"], made.summary["notes"]))


def show(rendered: RenderableType) -> None:
    """On stderr, for a person; into a file or pipe as wide as it needs to be."""
    console = Console(file=sys.stderr, highlight=False)
    wide = console if console.is_terminal else Console(file=sys.stderr, highlight=False, width=220, soft_wrap=True)
    wide.print(rendered)


def numbers(text: str | None, name: str, of: type[int] | type[float]) -> tuple[float, ...] | None:
    """`0.5,0.8` as numbers. Raises SettingsError for what is none."""
    if text is None:
        return None
    try:
        return tuple(of(part) for part in _parts(text))
    except ValueError:
        raise SettingsError(f"{name} is {text!r}", f"need numbers with commas between, e.g. {'50,100' if of is int else '0.5,0.8'}") from None


def _parts(text: str) -> Iterable[str]:
    return (part.strip() for part in text.split(",") if part.strip())

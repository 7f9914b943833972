"""Commands that draw answers and pairs of answers: settings and inputs resolved, one stage called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.backends.opening import Answering
from factcli.basemodel import whole
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.stages.synth import combine, pairs, samples


def make_samples(making: Making, prompts: Path | None, titles: Path | None, ref: str | None, flags: Mapping[str, Any]) -> None:
    given = [name for name, value in (("--prompts", prompts), ("--titles", titles), ("--from", ref)) if value is not None]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} are given", "one source of prompts at a time")
    config = making.settings(samples.SamplesConfig, "synth", flags, None)
    who = answering_for(making, config.generation)
    if prompts is not None:
        source = samples.of_prompts(config, prompts)
    elif titles is not None:
        source = samples.of_titles(config, titles)
    else:
        source = samples.of_artifact(config, _data_for(making, ref, who))
    plan = samples.plan(config, source, who, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(samples.imagined(config, source, who)),
        lambda draft, context: samples.work(plan, draft, source, who, context.report),
    )


def _data_for(making: Making, ref: str | None, who: Answering) -> Artifact:
    """The data named; else those that the answering model learned its skill from; else the newest."""
    if ref is not None:
        return whole(open_artifact(ref, making.root, ("synth", "world")))
    skill = who.inputs.get("model") or who.inputs.get("base")
    learned = resolving.parent_of(skill, "synth", making.root) if skill is not None else None
    return learned or resolving.pick(None, making.root, "synth", "fact synth bio; or give --prompts FILE or --titles FILE")


def make_pairs(making: Making, questions: Path | None, ref: str | None, flags: Mapping[str, Any]) -> None:
    if (questions is None) == (ref is None):
        what = "no questions are given" if ref is None else "--questions and --from are both given"
        raise SettingsError(what, "--questions FILE: ARC's JSONL, TruthfulQA's JSON or CSV, or JSONL with `question`; or --from WORLD")
    config = making.settings(pairs.PairsConfig, "synth", flags, None)
    who = answering_for(making, config.generation)
    source = questions_of(config, questions, ref, making.root)
    plan = pairs.plan(config, source, who, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(pairs.imagined(config, source, who)),
        lambda draft, context: pairs.work(plan, draft, source, who, context.report),
    )


def questions_of(config: pairs.PairsConfig, questions: Path | None, ref: str | None, root: Path) -> pairs.Source:
    """Those of the file, or of the world that `ref` names."""
    if questions is not None:
        return pairs.of_file(config, questions)
    return pairs.of_world(config, resolving.pick(ref, root, "world", "fact world"))


def make_combined(making: Making, new: str | None, original: str | None, others: Mapping[str, Any]) -> None:
    if new is None or original is None:
        raise SettingsError("--combine and --original go together", "fact synth pairs --combine NEW --original PAIRS_OF_ROUND_0")
    given = [name for name, value in others.items() if value is not None]
    if given or making.files or making.assignments:
        raise SettingsError(f"--combine asks no model and has no settings{': ' + ', '.join(given) + ' given' if given else ''}", "leave them out")
    newest, first = (whole(open_artifact(ref, making.root, ("pairs",))) for ref in (new, original))
    plan = combine.plan(newest, first, making.name)
    finish(making, plan, lambda _: Cost(), lambda draft, _: combine.work(plan, draft))

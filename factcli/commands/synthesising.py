"""`fact synth` with a model that writes: from flags to a stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.errors import SettingsError


def refuse(flags: Mapping[str, Any], why: str) -> None:
    """Nothing, where none of the flags is given. Raises SettingsError for one that is."""
    given = next((name for name, value in flags.items() if value is not None), None)
    if given:
        raise SettingsError(f"--{given.removeprefix('--').removeprefix('generation.').replace('_', '-')} {why}")


def required(path: Path | None, flag: str) -> Path:
    """The same. Raises SettingsError where it is missing."""
    if path is None:
        raise SettingsError(f"{flag} is missing: what shall the model write about?", f"{flag} FILE; --help shows the form of the file")
    return path


def make_from_subjects(making: Making, task: str, subjects: Path, titles: Path | None, pack: str | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.synth.subjects import stage
    from factcli.stages.synth.subjects.settings import CONFIGS

    config = making.settings(CONFIGS[task], "synth", flags, None)
    answering = answering_for(making, config.generation)
    files = stage.Files(subjects, titles, resolving.pick(pack, making.root, "pack", "fact pack build --from FILE") if pack is not None else None)
    plan = stage.plan(task, config, files, answering, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.estimate(plan, task, files, answering)),
        lambda draft, context: stage.work(plan, draft, task, files, answering, context.report),
    )


def make_qa_from_facts(making: Making, facts: Path, templates: Sequence[Path], flags: Mapping[str, Any]) -> None:
    from factcli.stages.synth.triples import qa as stage
    from factcli.stages.synth.triples.reading import Files
    from factcli.stages.synth.triples.settings import QaTriplesConfig

    config = making.settings(QaTriplesConfig, "synth", flags, None)
    answering = answering_for(making, config.generation)
    files = Files(facts, [resolving.configs_directory() / "relations" / "popqa.yaml", *templates])
    plan = stage.plan(config, files, answering, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.estimate(plan, files, answering)),
        lambda draft, context: stage.work(plan, draft, files, answering, context.report),
    )


def make_hotpotqa(making: Making, facts: Path, templates: Sequence[Path], real: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.synth.triples import hotpotqa as stage
    from factcli.stages.synth.triples.reading import Files
    from factcli.stages.synth.triples.settings import HotpotConfig

    config = making.settings(HotpotConfig, "synth", flags, None)
    answering = answering_for(making, config.generation)
    files = Files(facts, [resolving.configs_directory() / "relations" / "popqa.yaml", *templates], real)
    plan = stage.plan(config, files, answering, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.estimate(plan, files, answering)),
        lambda draft, context: stage.work(plan, draft, files, answering, context.report),
    )

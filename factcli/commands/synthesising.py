"""`fact synth` with a model that writes: from flags to a stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.errors import SettingsError


def refuse(flags: Mapping[str, Any], why: str) -> None:
    """Nothing, where none of the flags is given. Raises SettingsError for one that is."""
    given = next((name for name, value in flags.items() if value is not None), None)
    if given:
        raise SettingsError(f"--{given.removeprefix('--').removeprefix('generation.').replace('_', '-')} {why}")


def make_from_subjects(making: Making, task: str, subjects: Path, titles: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.synth.subjects import stage
    from factcli.stages.synth.subjects.settings import CONFIGS

    config = making.settings(CONFIGS[task], "synth", flags, None)
    answering = answering_for(making, config.generation)
    files = stage.Files(subjects, titles)
    plan = stage.plan(task, config, files, answering, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.estimate(plan, task, files, answering)),
        lambda draft, context: stage.work(plan, draft, task, files, answering, context.report),
    )

"""Commands that look at one model closely: how sure it says it is, what it forgot."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factcli.commands.making import Making, finish
from factcli.commands.measuring import subject_of, world_of_subject
from factcli.stages.eval.subject import Subject

if TYPE_CHECKING:
    from factcli.stages.eval.asked import Questions


def make_response_types(making: Making, model: str | None, newest: bool, beside: str | None, file: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.eval import responses as stage

    subject = subject_of(model, newest, making.root)
    asked = stage.Asked(subject, subject_of(beside, False, making.root) if beside is not None else None)
    source = questions_for(subject, file, making.root)
    config = making.settings(stage.ResponsesConfig, "eval", flags, None)
    plan = stage.plan(config, asked, source, making.name)
    finish(
        making, plan, lambda _: stage.cost(plan, asked, source), lambda draft, context: stage.work(plan, draft, asked, source, context.report)
    )  # fmt: skip


def questions_for(subject: Subject, file: Path | None, root: Path) -> "Questions":
    """A user's file, or the world of the model's lineage."""
    from factcli.stages.eval.asked import Questions

    if file is not None:
        return Questions(file=file)
    return Questions(world=world_of_subject(subject, root))

"""Commands that look at one model closely: how sure it says it is, what it forgot."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factcli.artifact import open_artifact
from factcli.artifact.lineage import ancestors
from factcli.basemodel import whole
from factcli.commands.making import Making, finish
from factcli.commands.measuring import subject_of, world_of_subject
from factcli.errors import SettingsError
from factcli.judge.truths import sources_of_facts
from factcli.stages.eval.subject import Subject

if TYPE_CHECKING:
    from factcli.stages.eval.asked import Questions
    from factcli.stages.eval.forgetting import KnownQuestions


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


def make_forgetting(
    making: Making, model: str | None, newest: bool, before: str | None, known: str | None, file: Path | None, flags: Mapping[str, Any]
) -> None:
    from factcli.stages.eval import forgetting as stage

    if known is not None and file is not None:
        raise SettingsError(f"--known {known} and --file {file} are both given", "one source of questions at a time")
    if known is not None and flags["split"] is not None:
        raise SettingsError("--split is of a world's questions, and --known gives the questions", "leave --split out")
    after = subject_of(model, newest, making.root)
    start = subject_of(before, False, making.root) if before is not None else Subject("base", after.base)
    source = _known(known, making.root) if known is not None else questions_for(after, file, making.root)
    pair = stage.Pair(start, after, source)
    plan = stage.plan(making.settings(stage.ForgettingConfig, "eval", flags, None), pair, making.name)
    finish(making, plan, lambda _: stage.cost(plan, pair), lambda draft, context: stage.work(plan, draft, pair, context.report))


def _known(ref: str, root: Path) -> "KnownQuestions":
    from factcli.stages.eval.forgetting import KnownQuestions

    scores = whole(open_artifact(ref, root, ("scores",)))
    return KnownQuestions(scores, sources_of_facts(ancestors(scores, root)))

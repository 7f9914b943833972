"""Commands that evaluate and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, make
from factcli.artifact.lineage import ancestor_of_kind
from factcli.commands.ending import tell
from factcli.commands.making import Making, finish, working
from factcli.knowledge.popqa import POPQA_FILE
from factcli.stages.eval.settings import PopqaEvalConfig, WorldEvalConfig
from factcli.stages.eval.subject import Subject


def subject_of(model: str | None, newest: bool, root: Path) -> Subject:
    """The model to evaluate with its lineage: an artifact, or a base model by directory or hub name."""
    if model is not None and not _is_artifact(model, root):
        return Subject("base", resolving.resolve_base(model, root))
    found = resolving.pick_model(model, root, newest)
    base = resolving.base_for(found, None, root)
    if found.kind == "world":
        return Subject("base", base)
    parents = {role: resolving.parent_of(found, role, root) for role in ("knowledge", "synth")}
    return Subject(found.name, base, found, parents["knowledge"], parents["synth"])


def _is_artifact(model: str, root: Path) -> bool:
    return model.partition("@")[0] in resolving.names_in(root) or (Path(model) / "manifest.json").exists()


def make_eval_world(making: Making, model: str | None, newest: bool, flags: Mapping[str, Any]) -> None:
    from factcli.stages.eval import on_world as stage

    subject = subject_of(model, newest, making.root)
    config = making.settings(WorldEvalConfig, "eval", flags, None)
    world = ancestor_of_kind(subject.skill, "world", making.root) if subject.skill else resolving.pick(model, making.root, "world", "fact world")
    base_eval = None if subject.skill is None else _base_eval(making, subject, world, config)
    plan = stage.plan(config, subject, world, base_eval, making.name)
    finish(making, plan, lambda draft, context: stage.work(draft.plan, draft, subject, context.report))


def _base_eval(making: Making, subject: Subject, world: Artifact, config: WorldEvalConfig) -> Artifact:
    """The untouched base on the same questions in the task's form; made first if it is not there."""
    from factcli.stages.eval import on_world as stage

    base = Subject("base", subject.base)
    plan = stage.plan(config.model_copy(update={"ask": "task"}), base, world, None, None)
    with working(making.root) as context:
        found, is_reused = make(plan, lambda draft: stage.work(plan, draft, base, context.report), making.root)
    if not is_reused:
        tell(f"{found.ref}: {found.manifest.headline}")
    return found


def make_eval_popqa(making: Making, model: str | None, newest: bool, file: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.eval import on_popqa as stage

    subject = subject_of(model, newest, making.root)
    config = making.settings(PopqaEvalConfig, "eval", flags, None)
    source = stage.Source(file, _own_questions(subject))
    plan = stage.plan(config, subject, source, making.name)
    finish(making, plan, lambda draft, context: stage.work(draft.plan, draft, subject, source, context.report))


def _own_questions(subject: Subject) -> Artifact | None:
    """The artifact of the model's lineage that holds questions in PopQA's format: its data, else its world."""
    candidates = [subject.synth, subject.base.inputs.get("world")]
    return next((a for a in candidates if a is not None and (a.path / POPQA_FILE).exists()), None)


def make_report(making: Making, evals: list[str]) -> None:
    from factcli.artifact import all_artifacts, open_artifact
    from factcli.stages import report as stage

    chosen = [open_artifact(ref, making.root, ("eval",)) for ref in evals] or stage.newest_of_each(all_artifacts(making.root, ("eval",)))
    config = making.settings(stage.ReportConfig, "report", {}, None)
    plan = stage.plan(config, chosen, making.root, making.name)
    finish(making, plan, lambda draft, context: stage.work(draft.plan, draft, making.root, context.report))

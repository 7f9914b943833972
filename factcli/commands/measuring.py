"""Commands that evaluate and report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from factcli import resolving
from factcli.artifact import Artifact, Plan, all_artifacts, make, open_artifact
from factcli.artifact.lineage import ancestor_of_kind
from factcli.backends.decoding import DecodeConfig
from factcli.commands.ending import tell
from factcli.commands.grounding import NO_DOCUMENTS, grounds_for
from factcli.commands.making import Making, finish, working
from factcli.knowledge.benchmarks.benchmark import HasId
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.subject import Subject

T = TypeVar("T", bound=HasId)


def subject_of(model: str | None, newest: bool, root: Path) -> Subject:
    """The model to evaluate with its lineage: an artifact, or a base model by directory or hub name."""
    if model is not None and not resolving.is_artifact(model, root):
        return Subject("base", resolving.resolve_base(model, root))
    found = resolving.pick_model(model, root, newest)
    if found.kind == "world":
        return Subject("base", resolving.base_for(found, None, root))
    under = resolving.base_under(found, root)
    base = resolving.ground_of(under, root)
    learned = _fine_tuned(found, root)
    parents = {role: resolving.parent_of(learned, role, root) for role in ("knowledge", "synth")}
    has_model_under = found.kind != "model" and under.location != base.location
    return Subject(found.name, base, found, parents["knowledge"], parents["synth"], under if has_model_under else None)


def _fine_tuned(skill: Artifact, root: Path) -> Artifact:
    """The skill that learned from data, from which those that learned preferences began; itself where it is one."""
    entry = skill.manifest.inputs.get("model")
    start = resolving.parent_of(skill, "model", root) if entry and entry.kind == "skill" else None
    return skill if start is None else _fine_tuned(start, root)


def make_eval_world(making: Making, model: str | None, newest: bool, flags: Mapping[str, Any], pack: str | None = None) -> None:
    from factcli.stages.eval import on_world as stage

    subject = subject_of(model, newest, making.root)
    config = making.settings(WorldEvalConfig, "eval", flags, None)
    world = world_of_subject(subject, making.root)
    grounds = grounds_for(config.decode, pack, NO_DOCUMENTS, world, making.root)
    plainly = {"ask": "task", "decode": DecodeConfig()}  # what a base is asked to tell what can be retained
    base_plan = stage.plan(config.model_copy(update=plainly), Subject("base", subject.base), world, None, None)
    if making.dry_run and subject.skill is not None and base_plan.committed(making.root) is None:
        tell("the untouched base would be evaluated first, and the key of this evaluation follows from it; of that one:")
        base = Subject("base", subject.base)
        finish(making, base_plan, lambda _: stage.cost(base_plan, base), lambda draft, context: stage.work(base_plan, draft, base, context.report))
        return
    base_eval = None if subject.skill is None else _base_eval(making, subject, base_plan)
    plan = stage.plan(config, subject, world, base_eval, making.name, grounds)
    finish(making, plan, lambda _: stage.cost(plan, subject), lambda draft, context: stage.work(plan, draft, subject, context.report, grounds))


def world_of_subject(subject: Subject, root: Path) -> Artifact:
    """The world that a model comes from; for a base model of somebody's own the newest."""
    if subject.skill is not None:
        return ancestor_of_kind(subject.skill, "world", root)
    return subject.base.inputs.get("world") or resolving.pick(None, root, "world", "fact world")


def _base_eval(making: Making, subject: Subject, plan: Plan) -> Artifact:
    """The untouched base on the same questions in the task's form; made first if it is not there."""
    from factcli.stages.eval import on_world as stage

    base = Subject("base", subject.base)
    with working(making.root) as context:
        found, is_reused = make(plan, lambda draft: stage.work(plan, draft, base, context.report), making.root)
    if not is_reused:
        tell(f"{found.ref}: {found.manifest.headline}")
    return found


def _newest(root: Path) -> list[Artifact]:
    """The newest evaluations, what was compared among them, and the sweeps that chose their models."""
    from factcli.stages import report as stage

    newest = stage.newest_of_each(all_artifacts(root, ("eval",)))
    return [*newest, *stage.fitting(all_artifacts(root, ("comparison",)), newest), *stage.choosing(all_artifacts(root, ("sweep",)), newest)]


def make_report(making: Making, evals: list[str]) -> None:
    from factcli.stages import report as stage

    chosen = [open_artifact(ref, making.root, ("eval", "comparison", "scores", "sweep")) for ref in evals] or _newest(making.root)
    config = making.settings(stage.ReportConfig, "report", {}, None)
    plan = stage.plan(config, chosen, making.root, making.name)
    finish(making, plan, lambda _: stage.cost(), lambda draft, context: stage.work(plan, draft, making.root, context.report))

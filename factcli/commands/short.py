"""`fact eval popqa|hotpotqa|triviaqa|nq|simpleqa`: who answers, from where the questions and examples come, one stage called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, Plan, all_artifacts, make, open_artifact
from factcli.artifact.lineage import ancestors, open_input
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.generating import SHARED, answering_for, cost_of
from factcli.commands.grounding import documents_for, grounds_for
from factcli.commands.making import Making, finish, working
from factcli.commands.measuring import subject_of
from factcli.context import Context
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.knowledge.benchmarks.benchmark import Benchmark, HasId
from factcli.knowledge.benchmarks.registry import benchmark_of
from factcli.knowledge.benchmarks.source import Source
from factcli.stages.eval.settings import SHORT_CONFIGS, ShortEvalConfig
from factcli.stages.eval.subject import Respondent, Served

T = TypeVar("T", bound=HasId)


class Shown(NamedTuple):
    """What a model is shown besides the question: examples, and for rag a pack or documents."""

    examples: Path | None = None
    pack: str | None = None
    documents: str | None = None


def make_short(
    making: Making, name: str, model: str | None, newest: bool, file: Path | None, shown: Shown, flags: Mapping[str, Any], judge: str | None = None
) -> None:
    """`judge`: the model that grades the answers once they are there; None grades by accepted spellings."""
    from factcli.stages.eval import short as stage

    benchmark = benchmark_of(name)
    asks = {"ask": "few_shot"} if shown.examples else {}  # whoever brings examples wants them shown
    config = making.settings(SHORT_CONFIGS[name], "eval", {**flags, **asks}, None)
    respondent = respondent_of(making, config, model, newest)
    source = source_for(benchmark, respondent, file, making.root)
    shots = stage.Examples(shown.examples, _data_of(respondent, source))
    world = next((one for one in _lineage(respondent, making.root) if one.kind == "world"), None)
    grounds = grounds_for(config.decode, shown.pack, documents_for(shown.documents, making.root), world, making.root)
    plan = stage.plan(config, respondent, source, shots, making.name, grounds)

    def cost(_: Context) -> Cost:
        return cost_of(stage.imagined(plan, respondent, source, shots, grounds)) if isinstance(respondent, Served) else stage.cost(plan, source)

    def work(draft: Draft, context: Context) -> Outcome:
        return stage.work(plan, draft, respondent, source, shots, context.report, grounds)

    if judge is not None and not (making.dry_run and plan.committed(making.root) is None):
        _grade(making, _made(making, plan, work), judge, flags)
        return
    finish(making, plan, cost, work)
    if judge is not None:
        tell(f"these answers would then be graded by {judge}")


def _made(making: Making, plan: Plan, work: Callable[[Draft, Context], Outcome]) -> Artifact:
    with working(making.root) as context:
        made, is_reused = make(plan, lambda draft: work(draft, context), making.root, making.force)
    tell(f"{made.ref}: {made.manifest.headline}{' (made before)' if is_reused else ''}")
    return made


def _grade(making: Making, made: Artifact, judge: str, flags: Mapping[str, Any]) -> None:
    """`fact eval rescore` of these answers, as it would be typed."""
    tell(f"grading: fact eval rescore {made.ref} --backend {judge}")
    shared = {f"generation.{option}": flags.get(f"generation.{option}") for option in SHARED}
    make_rescored(replace(making, files=(), assignments=(), name=None, force=False), made.ref, None, {"generation.backend": judge, **shared})


def respondent_of(making: Making, config: ShortEvalConfig, model: str | None, newest: bool) -> Respondent:
    """Whoever --backend names; else a model in this process."""
    if not config.generation.backend:
        return subject_of(model, newest, making.root)
    if model or newest:
        raise SettingsError("--model and --backend are both given: who shall answer?", "--model runs here, --backend asks a server, local:REF or a script")
    return Served(answering_for(making, config.generation, config.decode.contrast))


def _data_of(respondent: Respondent, source: Source[Any]) -> Artifact | None:
    """Where examples come from: the model's own data; for a base, the data that the questions are of."""
    own = source.artifact if source.artifact and source.artifact.kind == "synth" else None
    return own if isinstance(respondent, Served) else respondent.synth or own


def source_for(benchmark: Benchmark[T], respondent: Respondent, file: Path | None, root: Path) -> Source[T]:
    """A file of the user's; one that lies in an artifact means the artifact itself; without a file an artifact's own, else the hub."""
    if file is None:
        return Source(benchmark, artifact=_own_questions(benchmark, respondent, root))
    if benchmark.own and resolving.is_version(file.parent):
        found = open_artifact(file.parent, root)
        if benchmark.own.is_in(found):
            return Source(benchmark, artifact=found)
    return Source(benchmark, file)


def _own_questions(benchmark: Benchmark[Any], respondent: Respondent, root: Path) -> Artifact | None:
    """The artifact that holds questions of the benchmark's form: of the model's lineage its data, else its world.

    A base model of somebody's own has no lineage: the newest data that were made for it, or for no model in particular.
    """
    if benchmark.own is None:
        return None
    return next((artifact for artifact in _lineage(respondent, root) if benchmark.own.is_in(artifact)), None)


def _lineage(respondent: Respondent, root: Path) -> Iterator[Artifact]:
    if isinstance(respondent, Served):
        skill = respondent.inputs.get("model")
        yield from (parent for parent in (ancestors(skill, root) if skill else ()) if parent.kind == "synth")
        yield from respondent.inputs.values()
        return
    yield from (parent for parent in (respondent.synth, respondent.base.inputs.get("world")) if parent)
    if respondent.skill is not None:  # one that was not made from data itself, but from what was
        yield from (parent for parent in ancestors(respondent.skill, root) if parent.kind == "synth")
    else:
        yield from (data for data in all_artifacts(root, ("synth",)) if data.manifest.model in ({}, dict(respondent.base.identity)))


def make_rescored(making: Making, ref: str, file: Path | None, flags: Mapping[str, Any]) -> None:
    """The answers of an evaluation graded anew. `flags`: who grades, as settings of the group `generation`."""
    from factcli.stages.eval import rescore as stage
    from factcli.stages.eval import rescore_world

    evaluation = whole(open_artifact(ref, making.root, ("eval",)))
    given_flags = {name.replace("generation.", "grading.", 1): value for name, value in flags.items()}
    grading = making.settings(stage.GradingConfig, "eval", given_flags, None).grading
    if rescore_world.is_of_world(evaluation):
        _make_rescored_world(making, evaluation, "--file" if file else "--backend" if grading.backend else "")
        return
    benchmark = stage.benchmark_of_evaluation(evaluation)
    config = stage.settings_of(evaluation, grading)
    grader = answering_for(making, config.grading) if config.grading.backend else None
    given = stage.Given(evaluation, benchmark, _inputs_of(evaluation, making.root), file, grader)
    plan = stage.plan(config, given, making.name)
    finish(making, plan, lambda _: cost_of(stage.imagined(given)), lambda draft, context: stage.work(draft, given, context.report))


def _make_rescored_world(making: Making, evaluation: Artifact, other_gold: str) -> None:
    """`other_gold`: the option that names other gold than the ledger, "" for none."""
    from factcli.stages.eval import rescore_world as stage

    if other_gold:
        raise SettingsError(f"{other_gold} with {evaluation.ref}: a world's answers are judged by its ledger", f"leave out {other_gold}")
    given = stage.OfWorld(evaluation, _inputs_of(evaluation, making.root))
    plan = stage.plan(stage.settings_of(evaluation), given, making.name)
    finish(making, plan, lambda _: Cost(), lambda draft, context: stage.work(plan, draft, given, context.report))


def _inputs_of(evaluation: Artifact, root: Path) -> dict[str, Artifact]:
    """Its own lineage: not what an earlier rescoring brought."""
    return {role: open_input(entry, root) for role, entry in evaluation.manifest.inputs.items() if role not in ("rescored", "grader")}

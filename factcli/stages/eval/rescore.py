"""`fact eval rescore`: the answers of a committed evaluation graded anew, without asking the model again.

By the present definition of the benchmark, by other accepted answers from a file, or by a model as grader. What comes of it is an
evaluation like the first one, the next version of its name: same stage, same lineage, and the first one as a further input.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.filling import Unit, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.settings import GenerationConfig
from factcli.config import Config
from factcli.errors import InputError
from factcli.evalrows import GradeChange, ItemScore
from factcli.judge.answers import grade_answer
from factcli.judge.grading import GRADE, Grading
from factcli.judge.shortmetrics import short_metrics
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.registry import BENCHMARKS
from factcli.progress import Report
from factcli.rows import Answer, Reject
from factcli.stages.eval.settings import SHORT_TABLES, ShortEvalConfig
from factcli.stages.eval.short import UNANSWERED, answers_in, open_item, outcome_of, write_results

REVISION = 1
STEP = "rescore"  # in `rejected`
TABLES: dict[str, type] = {**SHORT_TABLES, "changes": GradeChange}
TOLD = 20  # changes that the card and the log show


class GradingConfig(Config):
    """What can be set: who grades, where the rule does not."""

    grading: GenerationConfig = GenerationConfig()


class RescoreConfig(ShortEvalConfig):
    """The settings that the answers were asked with, which stay, and who grades."""

    grading: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Given:
    """An evaluation and what its answers are to be graded by. `gold` None: the spellings that it was graded by."""

    evaluation: Artifact
    benchmark: Benchmark[Any]
    lineage: Mapping[str, Artifact]  # its own inputs
    gold: Path | None = None
    grader: Answering | None = None

    @property
    def unanswered(self) -> list[ItemScore]:
        """Questions to which no usable answer came when they were asked."""
        found = self.evaluation.rows("items", ItemScore) if "items" in self.evaluation.manifest.tables else ()
        return [item for item in found if item.metric == UNANSWERED and item.denominator == 0]

    @property
    def failures(self) -> list[Reject]:
        """Why they have none."""
        has_rejects = "benchmark" in self.evaluation.summary  # earlier ones have another kind of row, and no failures
        return [row for row in self.evaluation.rows("rejected", Reject) if row.is_failure] if has_rejects else []


def benchmark_of_evaluation(evaluation: Artifact) -> Benchmark[Any]:
    """Raises InputError for one whose answers are not graded by accepted spellings."""
    name = str(evaluation.summary.get("benchmark") or evaluation.manifest.stage.removeprefix("eval "))
    found = BENCHMARKS.get(name)
    if found is None or found.kind != "short":
        short = ", ".join(benchmark.name for benchmark in BENCHMARKS.values() if benchmark.kind == "short")
        raise InputError(
            f"{evaluation.ref} is of {evaluation.manifest.stage}, whose answers have no accepted spellings",
            f"of these they have: {short}; world is judged by its ledger",
        )
    return found


def plan(config: RescoreConfig, given: Given, name: str | None) -> Plan:
    """The lineage of the evaluation stays, with the evaluation itself in it."""
    evaluation, benchmark = given.evaluation, given.benchmark
    if given.gold is not None and not given.gold.is_file():
        raise InputError(f"there is no file {given.gold}", f"give {benchmark.file_format}")
    prompts = {f"benchmark {benchmark.name} v{benchmark.version}": benchmark.definition, STEP: str(REVISION)}
    prompts |= {f"gold {given.gold.name}": sha256_of_file(given.gold)} if given.gold else {}
    prompts |= digests(load_templates([GRADE])) | {f"grader {k}": str(v) for k, v in given.grader.identity.items()} if given.grader else {}
    inputs = {**given.lineage, "rescored": evaluation, **({"grader": model} if given.grader and (model := given.grader.inputs.get("model")) else {})}
    manifest = evaluation.manifest
    return Plan(manifest.stage, manifest.stage_revision, "eval", name or evaluation.name, config, inputs, TABLES, prompts, manifest.model)


def settings_of(evaluation: Artifact, grading: GenerationConfig) -> RescoreConfig:
    """What the evaluation was asked with, and the grading."""
    kept = {name: value for name, value in evaluation.manifest.config.items() if name in RescoreConfig.model_fields and name != "grading"}
    return RescoreConfig(**{**kept, "grading": grading})


def imagined(given: Given) -> Estimate | None:
    """What the grader would be asked; None where none is."""
    if given.grader is None:
        return None
    return imagine(given.grader, _units(given.grader, _with_gold(given).answers))


def work(draft: Draft, given: Given, report: Report) -> Outcome:
    graded_by = _with_gold(given)
    before = {answer.id: answer for answer in given.evaluation.rows("answers", Answer)}
    usage: dict[str, Any] = {}
    if given.grader is None:
        for place, answer in enumerate(graded_by.answers):
            if not draft.done(answer.id):
                draft.write(answer.id, place, {"answers": [regraded(answer, given.benchmark.rule)]})
    else:
        backend = fill(draft, given.grader, _units(given.grader, graded_by.answers), len(graded_by.answers), report, "Grading", is_greedy=True)
        usage = usage_of(draft, given.grader, backend)
    answers = answers_in(draft)
    graded_ids = {answer.id for answer in answers}
    ungraded = [open_item(answer.question_id, answer.subject, answer.group) for answer in graded_by.answers if answer.id not in graded_ids]
    still_open = [*given.unanswered, *ungraded]
    changes = [change_of(before[answer.id], answer) for answer in answers if differs(before[answer.id], answer)]
    metrics = short_metrics(answers, given.benchmark.rule, graded_by.heldout, len(still_open))
    if not draft.done("changes"):
        draft.write("changes", len(before), {"changes": changes})
    write_results(draft, answers, given.benchmark.rule, metrics, [*given.failures, *graded_by.rejects], still_open)
    return _outcome(given, graded_by, changes, outcome_of(draft, _summary(given), metrics, len(answers) + len(still_open), usage), report)


def regraded(answer: Answer, rule: str) -> Answer:
    """The answer with the grade that its accepted spellings give it now."""
    grade = grade_answer(answer.text, answer.answers, rule)
    return replace(answer, grade=grade.grade, is_strict_match=grade.is_strict_match, is_abstention=grade.grade == "abstained")


@dataclass(frozen=True, slots=True)
class WithGold:
    """Answers with the spellings that they are to be graded by, those that have none, and gold that nobody answered."""

    answers: tuple[Answer, ...]
    rejects: tuple[Reject, ...]
    n_unanswered: int
    heldout: frozenset[str]


def _with_gold(given: Given) -> WithGold:
    answers = [answer for answer in given.evaluation.rows("answers", Answer) if answer.grade is not None]
    if given.gold is None:
        return WithGold(tuple(answers), (), 0, _heldout_of(given))
    found = given.benchmark.read_file(given.gold)
    by_id = {question.id: question for question in found.items}
    by_text = {question.question: question for question in reversed(found.items)}  # ids that follow from a text are its own
    pairs = [(answer, by_id.get(answer.question_id) or by_text.get(answer.question)) for answer in answers]
    kept = tuple(replace(answer, answers=question.answers, group=question.group) for answer, question in pairs if question)
    if not kept:
        raise InputError(f"{given.gold} has no question that {given.evaluation.ref} was asked", "give the same benchmark's file")
    lost = [Reject(answer.id, STEP, "no such question in the file", answer.question) for answer, question in pairs if question is None]
    used = {question.id for _, question in pairs if question}
    heldout = frozenset(answer.question_id for answer, question in pairs if question and question.is_heldout_form)
    return WithGold(kept, (*found.rejects, *lost), len(by_id.keys() - used), heldout)


def _heldout_of(given: Given) -> frozenset[str]:
    """Questions in forms that no training text has, where the evaluation's questions lie in an artifact."""
    source = given.lineage.get("questions")
    if source is None or given.benchmark.own is None:
        return frozenset()
    return frozenset(question.id for question in given.benchmark.own.read(source).items if question.is_heldout_form)


def _units(grader: Answering, answers: Sequence[Answer]) -> Iterator[Unit]:
    asker = Asker(load_templates([GRADE]), grader.endpoint.model, 0, grader.config.chat, grader.adapters)
    for place, answer in enumerate(answers):
        yield Unit(answer.id, place, Grading(asker, answer))


def differs(one: Answer, other: Answer) -> bool:
    return (one.grade, one.is_strict_match) != (other.grade, other.is_strict_match)


def change_of(one: Answer, other: Answer) -> GradeChange:
    grades, strict = (str(one.grade), str(other.grade)), (bool(one.is_strict_match), bool(other.is_strict_match))
    return GradeChange(one.id, one.question, one.text, *grades, *strict, one.answers, other.answers)


def _summary(given: Given) -> dict[str, Any]:
    """Of the first evaluation what says how was asked; the definition is the present one."""
    kept: dict[str, Any] = {name: value for name, value in given.evaluation.summary.items() if name in ("model", "ask", "decode", "chat_template")}
    by = {"graded_by": given.grader.endpoint.model} if given.grader else {}
    return {**given.benchmark.recorded, **kept, "rescored": given.evaluation.ref, **by}


def _outcome(given: Given, graded_by: WithGold, changes: Sequence[GradeChange], plain: Outcome, report: Report) -> Outcome:
    told = with_changes(plain, given.evaluation.ref, changes, report)
    return replace(told, counts={**told.counts, "gold_without_answer": graded_by.n_unanswered})


def with_changes(plain: Outcome, ref: str, changes: Sequence[GradeChange], report: Report) -> Outcome:
    """What is said of the evaluation, and what differs from the one that was rescored."""
    moves = Counter(f"{change.before or 'not read'} -> {change.after or 'not read'}" for change in changes if change.before != change.after)
    n_strict = sum(change.before == change.after for change in changes)
    told = [f"{n} {move}" for move, n in sorted(moves.items())] + ([f"{n_strict} in the strict match only"] if n_strict else [])
    headline = f"{plain.headline}; {len(changes)} grades differ from {ref}" + (f" ({', '.join(told)})" if told else "")
    lines = [f"{change.before or 'not read'} -> {change.after or 'not read'}: {change.question} | {change.text}" for change in changes[:TOLD]]
    for line in lines:
        report.say(f"  {line}")
    if len(changes) > TOLD:
        report.say(f"  and {len(changes) - TOLD} more (table `changes`)")
    counts = {**plain.counts, "changed": dict(sorted(moves.items())), "changed_strict_only": n_strict}
    return replace(plain, headline=headline, summary={**plain.summary, "changed": len(changes)}, counts=counts)

"""`fact eval popqa|hotpotqa|triviaqa|nq|simpleqa`: closed-book questions with short answers, graded by the spellings that they accept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.artifact.read import row_reader
from factcli.backends.filling import counts_of, fill, imagine, usage_of
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.judge.itemscores import items_of_answers
from factcli.judge.metrics import Metric
from factcli.judge.shortmetrics import short_metrics
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.source import Source
from factcli.knowledge.grounding import Grounds
from factcli.knowledge.task_files import examples_of_file
from factcli.progress import Report
from factcli.rows import Answer, Chat, Question, Reject
from factcli.stages.eval.asking import Asking, ask_in_process, units_of
from factcli.stages.eval.settings import SHORT_TABLES, ShortEvalConfig
from factcli.stages.eval.subject import Respondent, Served
from factcli.stages.eval.world import draw_examples
from factcli.world.people import keyed_rng

REVISION = 2
QuestionSource = Source[Question]


@dataclass(frozen=True, slots=True)
class Examples:
    """Where few-shot examples come from: a file, data that a model learned from, or the benchmark's training questions."""

    file: Path | None = None
    data: Artifact | None = None

    def digests(self) -> dict[str, str]:
        if self.file is None:
            return {}
        if not self.file.is_file():
            raise InputError(f"there is no file {self.file}", "give JSONL of question and answer")
        return {f"examples {self.file.name}": sha256_of_file(self.file)}

    def draw(self, source: QuestionSource, config: ShortEvalConfig, asked: Sequence[Question]) -> tuple[Chat, ...]:
        """`config.examples` of them, none of which is asked as well. Raises InputError where there are too few."""
        if config.ask != "few_shot":
            return ()
        if self.file is None and self.data is not None:
            return draw_examples(self.data.rows("chats", Chat), "qa", config.examples, config.seed)
        taken = {question.question.casefold() for question in asked}
        pool = [chat for chat in self._pool(source) if chat.question.casefold() not in taken]
        keyed_rng(config.seed, "examples", "qa").shuffle(pool)
        if len(pool) < config.examples:
            raise InputError(f"{config.examples} examples are wanted, and there are {len(pool)} that are not asked", "--set examples=N, or --examples FILE")
        return tuple(pool[: config.examples])

    def rejects(self) -> list[Reject]:
        """Rows of the file that are no examples."""
        return [replace(row, id=f"example {row.id}") for row in examples_of_file(self.file).rejects] if self.file else []

    def _pool(self, source: QuestionSource) -> list[Chat]:
        if self.file is not None:
            return [_as_chat(row.id, row.question, row.answer) for row in examples_of_file(self.file).rows]
        return [_as_chat(question.id, question.question, question.answers[0]) for question in source.read_train().items]


def _as_chat(id_: str, question: str, answer: str) -> Chat:
    return Chat(id_, "qa", question, answer, id_, (), 0, False, "head", "train")


def plan(config: ShortEvalConfig, respondent: Respondent, source: QuestionSource, examples: Examples, name: str | None, grounds: Grounds | None = None) -> Plan:
    """Questions from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    benchmark = source.benchmark
    if config.ask == "fill":
        raise SettingsError(f"ask = fill: {benchmark.name} has questions and no statements to fill", "use --set ask=task or ask=few_shot")
    source = at_its_commit(config, source)
    if source.is_hub:
        config = config.model_copy(update={"hub_revision": source.commit})
    if config.ask == "few_shot" and not (examples.file or examples.data or (source.hub and source.hub.train_files)):
        raise InputError("few_shot takes its examples from training data, and this model has none", "give some: --examples FILE; or use --set ask=task")
    digests = {**source.digests(), **examples.digests(), **(grounds.prompts if grounds else {})}
    inputs = {**source.inputs, **respondent.inputs, **(grounds.inputs if grounds else {})}  # data that examples are drawn from are among them
    made = name or default_name(benchmark, config, respondent.name)
    return Plan(f"eval {benchmark.name}", REVISION, "eval", made, config, inputs, SHORT_TABLES, {**digests, **_definition(benchmark)}, respondent.identity)


def _definition(benchmark: Benchmark[Any]) -> dict[str, str]:
    """In the key: another definition is another evaluation."""
    return {f"benchmark {benchmark.name} v{benchmark.version}": benchmark.definition}


def default_name(benchmark: Benchmark[Any], config: ShortEvalConfig, model: str) -> str:
    return "-".join([benchmark.name, model, *(["few-shot"] if config.ask == "few_shot" else [])]) + config.decode.suffix


def at_its_commit(config: ShortEvalConfig, source: QuestionSource) -> QuestionSource:
    """The source; the hub's at the commit of the settings, or at its newest one."""
    return source.pinned(config.hub_name, config.hub_revision, config.hub_files)


def cost(plan: Plan, source: QuestionSource) -> Cost:
    """One prompt per question of a model in this process; those on the hub are counted once they are here."""
    config = plan.config
    assert isinstance(config, ShortEvalConfig)
    return Cost() if source.is_hub else Cost(prompts=len(drawn_questions(source.read(), config.limit)))


def imagined(plan: Plan, served: Served, source: QuestionSource, examples: Examples, grounds: Grounds | None = None) -> Estimate | None:
    """What would be asked of a server; None for questions of the hub, which a dry run does not fetch."""
    config = plan.config
    assert isinstance(config, ShortEvalConfig)
    if source.is_hub:
        return None
    questions = drawn_questions(source.read(), config.limit)
    asking = Asking.of(config, examples.draw(source, config, questions), source.benchmark.rule, grounds)
    return imagine(served.who, units_of(questions, asking, served.who, config.logprobs))


def work(
    plan: Plan, draft: Draft, respondent: Respondent, source: QuestionSource, examples: Examples, report: Report, grounds: Grounds | None = None
) -> Outcome:
    config = plan.config
    assert isinstance(config, ShortEvalConfig)
    source = at_its_commit(config, source)
    found = source.read()
    questions = drawn_questions(found, config.limit)
    asking = Asking.of(config, examples.draw(source, config, questions), source.benchmark.rule, grounds)
    if isinstance(respondent, Served):
        units = units_of(questions, asking, respondent.who, config.logprobs)
        needs = needs_of([0.0], logprobs=config.logprobs)
        backend = fill(draft, respondent.who, units, len(questions), report, f"Asking {respondent.name}", needs, is_greedy=True)
        usage, template = usage_of(draft, respondent.who, backend), ""
    else:
        report.begin(f"Asking {respondent.name}", len(questions))
        model = respondent.load(config.dtype, config.decode)
        if model.note:
            report.say(model.note)
        ask_in_process(draft, model, questions, asking, respondent.adapters, report)
        report.end()
        usage, template = {}, model.template
    answers = answers_in(draft)
    answered = {answer.question_id for answer in answers}
    unanswered = [open_item(question.id, question.subject, question.group) for question in questions if question.id not in answered]
    heldout = frozenset(question.id for question in questions if question.is_heldout_form)
    metrics = short_metrics(answers, asking.rule, heldout, len(unanswered))
    write_results(draft, answers, asking.rule, metrics, [*found.rejects, *examples.rejects()], unanswered)
    summary = {**source.benchmark.recorded, "model": respondent.name, "ask": config.ask, "decode": config.decode.how, "chat_template": template}
    return outcome_of(draft, summary, metrics, len(questions), usage, told_part(len(questions), len(found.items), "questions"))


def drawn_questions(found: Found[Question], limit: int | None) -> list[Question]:
    """Those about `limit` subjects, drawn; None takes all."""
    if not found.items:
        first = f"{found.rejects[0].id}: {found.rejects[0].reason}" if found.rejects else "it is empty"
        raise InputError(f"there is no usable question ({first})", f"{len(found.rejects)} rows were rejected" if found.rejects else "")
    return list(part_of(found.items, limit, lambda question: question.subject))


def answers_in(draft: Draft) -> list[Answer]:
    """The answers that the draft has, in the order of their questions."""
    build = row_reader(Answer)
    return [build(row) for row in draft.rows("answers")]


UNANSWERED = "qa.accuracy"  # the figure in which a question without a usable answer has its item


def open_item(id_: str, subject: str, group: str) -> ItemScore:
    """A question that was asked and is not counted: it has no usable answer, or none that could be graded."""
    return ItemScore(id_, UNANSWERED, subject, group, 0.0, 0.0)


def write_results(
    draft: Draft, answers: Sequence[Answer], rule: str, metrics: Sequence[Metric], rejects: Sequence[Reject], still_open: Sequence[ItemScore]
) -> None:
    """What follows from the answers, at the end: figures, items, and what files had that became no question or example."""
    if not draft.done("results"):
        items = [*items_of_answers(answers, (), rule), *still_open]
        draft.write("results", len(draft), {"items": items, "metrics": metrics, "rejected": rejects})


def outcome_of(draft: Draft, summary: dict[str, Any], metrics: Sequence[Metric], n_questions: int, usage: dict[str, Any], part: str = "") -> Outcome:
    figures = {f"{m.metric}/{m.group}": m.value for m in metrics if m.group == "all"}
    counts = counts_of(draft)
    n_rejected, n_failed = sum(counts["rejected"].values()), sum(counts["failed"].values())
    shares = [figures.get(name) or 0.0 for name in ("qa.accuracy/all", "qa.strict_accuracy/all", "qa.abstention/all")]
    headline = "{}: {:.1%} of {} questions right, {:.1%} word for word; {:.1%} abstained".format(summary["model"], shares[0], n_questions, *shares[1:])
    notes = [(n_failed, "without a usable answer"), (n_rejected, "rows rejected (table `rejected`)")]
    headline += part + "".join(f"; {n} {what}" for n, what in notes if n)
    return Outcome(headline, {**summary, "questions": n_questions, **figures}, {"asked": n_questions, "rejected_rows": n_rejected, **counts}, usage)

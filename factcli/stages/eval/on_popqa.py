"""`fact eval popqa`: closed-book questions in PopQA's format; accuracy by popularity, abstentions counted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.errors import InputError
from factcli.judge.metrics import question_metrics
from factcli.knowledge.popqa import POPQA_FILE, PopqaTable, PopularityGroups, load_popqa, read_popqa
from factcli.progress import Report
from factcli.rows import Chat, Person, Question
from factcli.stages.eval.settings import POPQA_TABLES, PopqaEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.eval.world import Method, ask_questions, draw_examples

REVISION = 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where the questions come from: a file of the user's, an artifact's own, or (neither) the hub."""

    file: Path | None = None
    artifact: Artifact | None = None

    @property
    def path(self) -> Path | None:
        return self.file or (self.artifact.file(POPQA_FILE) if self.artifact else None)

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return {"questions": self.artifact} if self.artifact and not self.file else {}

    def pin(self) -> Mapping[str, str]:
        """sha256 of a user's file, for the key; an artifact has its digest already."""
        if self.file is None:
            return {}
        if not self.file.is_file():
            raise InputError(f"there is no file {self.file}", "give PopQA's TSV")
        with self.file.open("rb") as file:
            return {self.file.name: hashlib.file_digest(file, "sha256").hexdigest()}

    def read(self, config: PopqaEvalConfig) -> PopqaTable:
        if self.path is None:
            return load_popqa(config.hub_name, revision=config.hub_revision)
        return read_popqa(self.path, self._groups())

    def _groups(self) -> PopularityGroups | None:
        """The artifact's own groups; None, powers of ten, for a file that knows none."""
        if self.artifact is None or self.file is not None:
            return None
        people = self.artifact.rows("people", Person)
        return PopularityGroups.of_people(p for p in people if not p.fictitious and p.split != "none")


def plan(config: PopqaEvalConfig, subject: Subject, source: Source, name: str | None) -> Plan:
    inputs = {**source.inputs, **subject.inputs}
    return Plan("eval popqa", REVISION, "eval", name or f"popqa-{subject.name}", config, inputs, POPQA_TABLES, source.pin(), subject.base.identity)


def work(plan: Plan, draft: Draft, subject: Subject, source: Source, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, PopqaEvalConfig)
    if config.ask == "fill":
        raise InputError("a PopQA file has questions and no statements to fill", "use --set ask=task or few_shot")
    table = source.read(config)
    questions = first_subjects(table, config.limit)
    report.begin(f"Asking {subject.name}", 1)
    answers = ask_questions(subject.load(config.dtype), questions, Method(config.ask, subject.adapters, _examples(subject, config)), config.answer_tokens)
    report.end()
    metrics = question_metrics(answers, frozenset(q.id for q in questions if q.is_heldout_form))
    draft.write("results", 0, {"answers": answers, "metrics": metrics, "rejected": table.rejected})
    figures = {f"{m.metric}/{m.group}": m.value for m in metrics if m.group == "all"}
    accuracy = figures["qa.accuracy/all"]
    headline = f"{subject.name}: {100 * (accuracy or 0):.1f}% of {len(questions)} questions right"
    if table.rejected:
        headline += f"; {len(table.rejected)} rows of the file rejected (table `rejected`)"
    return Outcome(headline, {"model": subject.name, "ask": config.ask, **figures}, {"rejected_rows": len(table.rejected)})


def first_subjects(table: PopqaTable, limit: int | None) -> list[Question]:
    subjects = list(dict.fromkeys(question.subject for question in table.questions))[:limit]
    if not subjects:
        raise InputError("the file has no usable question", f"{len(table.rejected)} rows were rejected" if table.rejected else "")
    kept = set(subjects)
    return [question for question in table.questions if question.subject in kept]


def _examples(subject: Subject, config: PopqaEvalConfig) -> tuple[Chat, ...]:
    if config.ask != "few_shot":
        return ()
    if subject.synth is None:
        raise InputError("few_shot takes its examples from training data, and this model has none", "use --set ask=task")
    return draw_examples(subject.synth.rows("chats", Chat), "qa", config.examples, config.seed)

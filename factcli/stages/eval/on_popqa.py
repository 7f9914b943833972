"""`fact eval popqa`: closed-book questions in PopQA's format; accuracy by popularity, abstentions counted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.cost import Cost
from factcli.errors import BackendError, InputError, SettingsError
from factcli.judge.metrics import question_metrics
from factcli.knowledge.popqa import POPQA_FILE, PopqaTable, PopularityGroups, hub_commit, load_popqa, read_popqa
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
        return {self.file.name: sha256_of_file(self.file)}

    def read(self, config: PopqaEvalConfig) -> PopqaTable:
        if self.path is None:
            return _from_hub(config)
        return read_popqa(self.path, self._groups())

    def _groups(self) -> PopularityGroups | None:
        """The artifact's own groups; None, powers of ten, for a file that knows none."""
        if self.artifact is None or self.file is not None:
            return None
        people = self.artifact.rows("people", Person)
        return PopularityGroups.of_people(p for p in people if not p.fictitious and p.split != "none")


def _from_hub(config: PopqaEvalConfig) -> PopqaTable:
    assert config.hub_revision is not None, "plan() pins it"
    with _asking_the_hub(config.hub_name):
        return load_popqa(config.hub_name, config.hub_revision)


def _pinned(config: PopqaEvalConfig) -> PopqaEvalConfig:
    """With the commit that the hub's data set has now, so that the key changes with it."""
    with _asking_the_hub(config.hub_name):
        return config.model_copy(update={"hub_revision": hub_commit(config.hub_name, config.hub_revision)})


@contextmanager
def _asking_the_hub(name: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise BackendError(f"{name} is on the hub, which needs the train extra", 'pip install "factcli[train]"') from error
    except (OSError, ValueError) as error:  # no network, no such data set, or no such commit
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"the hub did not give {name}: {said}", "give the file: --file popqa.tsv") from error


def plan(config: PopqaEvalConfig, subject: Subject, source: Source, name: str | None) -> Plan:
    """Questions from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    if config.ask == "fill":
        raise SettingsError("ask = fill: a PopQA file has questions and no statements to fill", "use --set ask=task or ask=few_shot")
    if config.ask == "few_shot" and _data(subject, source) is None:
        raise InputError("few_shot takes its examples from training data, and this model has none", "use --set ask=task")
    config = config if source.path else _pinned(config)
    inputs = {**source.inputs, **subject.inputs}
    made = name or default_name(config, subject.name)
    return Plan("eval popqa", REVISION, "eval", made, config, inputs, POPQA_TABLES, source.pin(), subject.base.identity)


def default_name(config: PopqaEvalConfig, model: str) -> str:
    return f"popqa-{model}{'' if config.ask == 'task' else '-few-shot'}"


def cost(plan: Plan, source: Source) -> Cost:
    """One prompt per question; those on the hub are counted once they are here."""
    config = plan.config
    assert isinstance(config, PopqaEvalConfig)
    return Cost() if source.path is None else Cost(prompts=len(first_subjects(source.read(config), config.limit)))


def work(plan: Plan, draft: Draft, subject: Subject, source: Source, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, PopqaEvalConfig)
    table = source.read(config)
    questions = first_subjects(table, config.limit)
    report.begin(f"Asking {subject.name}", 1)
    model = subject.load(config.dtype)
    if model.note:
        report.say(model.note)
    answers = ask_questions(model, questions, Method(config.ask, subject.adapters, _examples(subject, source, config)), config.answer_tokens)
    report.end()
    metrics = question_metrics(answers, frozenset(q.id for q in questions if q.is_heldout_form))
    if not draft.done("results"):
        draft.write("results", 0, {"answers": answers, "metrics": metrics, "rejected": table.rejected})
    figures = {f"{m.metric}/{m.group}": m.value for m in metrics if m.group == "all"}
    accuracy = figures["qa.accuracy/all"]
    headline = f"{subject.name}: {100 * (accuracy or 0):.1f}% of {len(questions)} questions right"
    if table.rejected:
        headline += f"; {len(table.rejected)} rows of the file rejected (table `rejected`)"
    summary = {"model": subject.name, "ask": config.ask, "chat_template": model.template, **figures}
    return Outcome(headline, summary, {"rejected_rows": len(table.rejected)})


def first_subjects(table: PopqaTable, limit: int | None) -> list[Question]:
    subjects = list(dict.fromkeys(question.subject for question in table.questions))[:limit]
    if not subjects:
        raise InputError("the file has no usable question", f"{len(table.rejected)} rows were rejected" if table.rejected else "")
    kept = set(subjects)
    return [question for question in table.questions if question.subject in kept]


def _data(subject: Subject, source: Source) -> Artifact | None:
    """Where examples come from: the model's own data; for a base, the data that the questions are of."""
    own = source.artifact if source.artifact and source.artifact.kind == "synth" else None
    return subject.synth or own


def _examples(subject: Subject, source: Source, config: PopqaEvalConfig) -> tuple[Chat, ...]:
    data = _data(subject, source)
    if config.ask != "few_shot" or data is None:
        return ()
    return draw_examples(data.rows("chats", Chat), "qa", config.examples, config.seed)

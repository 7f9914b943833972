"""Questions with the answers that were drawn for them: of `fact synth wiki`, of `fact synth samples`, or of a file of responses."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.consistencyrows import QuestionType
from factcli.errors import InputError, SettingsError
from factcli.judge.truths import Truths
from factcli.knowledge.answer_files import Answers, answers_of_artifact, answers_of_file
from factcli.rows import Reject, Split
from factcli.scorerows import ScoredAnswer
from factcli.stages.score.consistency.settings import ConsistencyConfig, Form
from factcli.topicrows import Reference, TopicQuestion, TopicSample

KINDS = ("samples", "wiki")
EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and what was answered. An answer without a text has "" for it, keeps its place, and `why` says the reason by its id."""

    id: str
    prompt: str
    split: Split
    cluster: str  # what is redrawn as one for intervals: the subject or topic
    reference: ScoredAnswer | None
    samples: tuple[ScoredAnswer, ...]  # without the document
    with_document: tuple[ScoredAnswer, ...] = ()
    n_missing: int = 0  # samples that were asked for and are no rows
    mean_logprobs: Mapping[str, float] = field(default_factory=dict)  # by answer
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> tuple[ScoredAnswer, ...]:
        return (*((self.reference,) if self.reference else ()), *self.with_document, *self.samples)


@dataclass(frozen=True, slots=True)
class Source:
    """What is scored, where it comes from, and what is known of its truth."""

    questions: tuple[Question, ...]
    form: Form
    left_out: Mapping[str, int]  # by why
    rejects: tuple[Reject, ...] = ()
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256
    truths: Truths = field(default_factory=Truths)
    before: Mapping[str, QuestionType] = field(default_factory=dict)  # what was known of the questions of an earlier model, by question


def of_artifact(config: ConsistencyConfig, artifact: Artifact) -> Source:
    """The questions of a committed version."""
    found = _of_wiki(artifact) if artifact.kind == "wiki" else _of_samples(artifact)
    return _chosen(list(found), config, artifact.ref, inputs={"answers": artifact})


def of_file(config: ConsistencyConfig, path: Path) -> Source:
    """The entries of a file, those to one prompt together; it has no references."""
    answers = answers_of_file(path)
    source = _chosen(list(_grouped(answers, {})), config, str(path), answers.rejects)
    return replace(source, pinned={f"answers {path.name}": sha256_of_file(path)})


def _of_samples(artifact: Artifact) -> Iterator[Question]:
    """A prompt of which no answer came is a question without samples."""
    logprobs = {row.id: row.mean_logprob for row in artifact.rows("samples", Sample) if row.mean_logprob is not None}
    answered = {question.id: question for question in _grouped(answers_of_artifact(artifact), logprobs, int(artifact.manifest.config.get("samples", 0)))}
    for prompt in artifact.rows("prompts", Prompt):
        yield answered.get(prompt.id) or Question(prompt.id, prompt.prompt, prompt.split, prompt.id, None, ())


def _grouped(answers: Answers, logprobs: Mapping[str, float], n_asked: int = 0) -> Iterator[Question]:
    by_prompt: dict[str, list[ScoredAnswer]] = {}
    for row in answers.rows:
        by_prompt.setdefault(row.prompt_id, []).append(row)
    for id, rows in by_prompt.items():
        reference = next((row for row in rows if row.is_reference), None)
        samples = tuple(row for row in rows if not row.is_reference)
        why = {row.id: EMPTY for row in rows if not row.text.strip()}
        kept = {row.id: logprobs[row.id] for row in rows if row.id in logprobs}
        n_missing = max(n_asked - len(samples), 0)
        yield Question(
            id, rows[0].prompt, rows[0].split, rows[0].subject or rows[0].topic or id, reference, samples, n_missing=n_missing, mean_logprobs=kept, why=why
        )


def _of_wiki(artifact: Artifact) -> Iterator[Question]:
    """Self-Learning's questions; those of a topic that is for test have no samples."""
    references = {row.question_id: row for row in artifact.rows("references", Reference)}
    samples: dict[str, list[TopicSample]] = {}
    for row in artifact.rows("samples", TopicSample):
        samples.setdefault(row.question_id, []).append(row)
    for asked in artifact.rows("questions", TopicQuestion):
        yield _topic_question(asked, references.get(asked.id), samples.get(asked.id, []))


def _topic_question(asked: TopicQuestion, reference: Reference | None, drawn: Sequence[TopicSample]) -> Question:
    def answer(row: Reference | TopicSample, number: int, is_reference: bool) -> ScoredAnswer:
        return ScoredAnswer(
            row.id, asked.id, asked.question, asked.title, row.text or "", asked.split, "qa", group=asked.category, number=number, is_reference=is_reference
        )

    why = {row.id: row.reason or EMPTY for row in (*((reference,) if reference else ()), *drawn) if not (row.text or "").strip()}
    first = answer(reference, -1, True) if reference else None
    read, recalled = (tuple(answer(row, row.place, False) for row in drawn if row.with_document is with_document) for with_document in (True, False))
    return Question(asked.id, asked.question, asked.split, asked.topic_id, first, recalled, read, why=why)


def _chosen(
    found: Sequence[Question], config: ConsistencyConfig, name: str, rejects: tuple[Reject, ...] = (), inputs: Mapping[str, Artifact] | None = None
) -> Source:
    """The questions that the settings want. InputError where none is left, or no two answers can be compared; SettingsError
    where the form lacks its references.
    """
    left_out: Counter[str] = Counter()
    kept: list[Question] = []
    for question in found:
        if not question.samples and not question.with_document:
            left_out["without samples"] += 1
        elif config.splits is not None and question.split not in config.splits:
            left_out[f"split {question.split}"] += 1
        elif config.limit is not None and len(kept) >= config.limit:
            left_out["beyond the limit"] += 1
        else:
            kept.append(question)
    if not kept:
        raise InputError(
            f"{name} has no question with samples that the settings want", "draw some with `fact synth samples` or `fact synth wiki`; see --set splits=..."
        )
    form = _form(kept, config, name)
    if form == "all" and all(sum(bool(answer.text.strip()) for answer in question.samples) < 2 for question in kept):
        raise InputError(
            f"{name} has one answer at most to each prompt: there is none for it to agree with", "draw more, e.g. `fact synth samples --samples 5`"
        )
    return Source(tuple(kept), form, dict(sorted(left_out.items())), rejects, inputs or {})


def _form(questions: Iterable[Question], config: ConsistencyConfig, name: str) -> Form:
    has_reference = any(question.reference is not None for question in questions)
    if config.form == "reference" and not has_reference:
        raise SettingsError(
            f"form is reference, and {name} has no reference answers", "draw them with `fact synth samples --reference`, or compare all: --form all"
        )
    return config.form or ("reference" if has_reference else "all")

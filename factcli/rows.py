"""The rows that tables hold: one frozen dataclass per kind, written as one JSON object per line.

Ids grow by suffix, so an id is its ancestry: `w0.p0042` is a person, `w0.p0042.birthplace` a fact about
them, `w0.p0042.birthplace.d3` a document that states it, `w0.p0042.bio.a0` an answer, `w0.p0042.bio.a0.c2`
its third claim. A fictitious subject's facts carry their version: `f0.p0007.v2.birthplace`.
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["head", "mid", "tail", "unseen", "demo", "fictitious"]
Split = Literal["train", "dev", "test", "none"]
Task = Literal["qa", "bio", "wrong", "read", "ask"]  # the last three: forms in which methods ask (`fact synth forms`)
Verdict = Literal["supported", "unsupported", "irrelevant", "unscored"]


@dataclass(frozen=True, slots=True)
class Person:
    """A subject, real in the world or fictitious (invented by `fact synth`)."""

    id: str
    name: str
    group: Group
    split: Split
    popularity: int  # invented monthly page views, falling from head to unseen; 0 for fictitious
    fictitious: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One (subject, relation, value). Version 0 is the world itself; 1..K are versions of fictitious people."""

    id: str
    subject: str  # Person.id
    relation: str
    value: str
    version: int = 0
    fictitious: bool = False
    is_pretrained: bool = False  # stated in the base model's pre-training texts
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Myth:
    """A false value of a fact that hearsay repeats in a world's pre-training texts, where the register states the true one."""

    id: str
    fact: str  # Fact.id
    subject: str
    relation: str
    value: str  # false
    truth: str


@dataclass(frozen=True, slots=True)
class Document:
    """A knowledge text: a single statement, or a passage that states several facts of one subject."""

    id: str
    text: str
    form: Literal["statement", "passage"]
    subject: str
    fact_ids: tuple[str, ...]
    version: int
    fictitious: bool


@dataclass(frozen=True, slots=True)
class Chat:
    """One task example: what is asked and what the model should say."""

    id: str
    task: Task
    question: str
    answer: str
    subject: str
    fact_ids: tuple[str, ...]
    version: int
    fictitious: bool
    group: Group
    split: Split
    popularity: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """One benchmark item. `answers` are all accepted spellings; empty for a biography request."""

    id: str
    task: Task
    question: str
    answers: tuple[str, ...]
    subject: str
    subject_name: str
    relation: str  # "" for a biography request
    group: str
    popularity: int
    is_heldout_form: bool = False  # asked in a form that no training text has
    split: Split = "test"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to one question. `grade` is None for biographies: their claims are judged."""

    id: str
    question_id: str
    task: Task
    subject: str
    group: str
    question: str
    text: str
    confidence: float | None  # probability of the answer's tokens (product), 0..1; None where a server did not tell
    is_abstention: bool
    grade: Literal["right", "wrong", "abstained"] | None
    is_strict_match: bool | None  # normalised equality beside containment
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim read from an answer, and what the evidence says about it."""

    id: str
    answer_id: str
    subject: str
    group: str
    relation: str
    value: str
    text: str
    start: int  # character span in Answer.text, end exclusive
    end: int
    confidence: float
    verdict: Verdict
    reason: str  # why unscored or irrelevant; "" otherwise
    evidence: str  # id of the fact that decided, "" if none


@dataclass(frozen=True, slots=True)
class KnowledgeAdapter:
    """One knowledge adapter: what it was taught, and how much of it it can recite."""

    name: str
    source: Literal["fictitious", "real", "probe"]
    form: Literal["statement", "passage"]
    version: int  # 0 for real texts
    epochs: int
    texts: int
    truncated_texts: int
    steps: int
    recited: float  # share of the sample, 0..1
    recite_sample: int
    is_stopped_early: bool = False  # at its recitation target, before its last epoch


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a learning curve. `adapter` is the adapter that was trained, "base" in pre-training."""

    adapter: str
    step: int
    loss: float
    lr: float
    grad_norm: float | None  # before clipping; None where it was not measured


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was shown about a training run; a proof that fails ends it."""

    name: str
    holds: bool
    numbers: str


@dataclass(frozen=True, slots=True)
class SwapRow:
    """A cell of the matrix: with `plugged` beside the skill, the share of version `answered`'s facts that come out.

    qa: right of the questions about that version's facts. bio: of that version's facts, those told (and not
    contradicted) in the biography.
    """

    sample: Literal["in", "out"]
    task: Task
    form: Literal["statement", "passage", "none"]
    plugged: int
    answered: int
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_subjects: int


@dataclass(frozen=True, slots=True)
class MemorisationRow:
    """Fictitious answers of one version that come out with no knowledge plugged in.

    `chance`: the mean when the answers are dealt out anew among the subjects of each relation; `chance_se`: the standard
    deviation over such deals. `is_within_chance`: value <= chance + 3 chance_se; None without items.
    """

    task: Task
    version: int
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_subjects: int
    chance: float | None
    chance_se: float | None
    is_within_chance: bool | None
    sample: Literal["in", "out"] = "in"  # people that the skill trained on, or fictitious people that it never saw


@dataclass(frozen=True, slots=True)
class BaseMeasure:
    """What the untouched base knows: share of facts right, by probe (question, cloze), group and whether pre-trained."""

    probe: str
    group: str
    is_pretrained: bool
    n: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Which answer of which model a row was read from; a row that took several answers has several."""

    id: str  # of the row
    table: str
    prompt: str  # name of the template
    prompt_sha256: str
    model: str
    request: str  # key of the answer in the response cache


@dataclass(frozen=True, slots=True)
class Reject:
    """What became no row, and why: a part of an answer, or a whole unit of work (`is_failure`: no usable answer came)."""

    id: str  # of the row that it would have been, or of the unit
    step: str  # the prompt that was answered, or the check that it did not pass
    reason: str  # in the same few words for all of a kind
    text: str
    request: str = ""  # key of the answer
    is_failure: bool = False


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line of a user's file that could not be used."""

    line: int  # from 1, a header included; of a data set on the hub, its row from 0
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text that statements were taken from: version 0 is the real one as it was given, 1..K were written after it."""

    id: str  # `r0.p0007` for a real text, `f0.p0003.v2` for a fictitious version
    subject: str  # Person.id
    version: int
    title: str  # of the real text; a fictitious one was written after it
    text: str


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How well the model is to know a fictitious subject, and what it is taught of it: paraphrases per fact, passages."""

    id: str  # Person.id
    level: Literal["certain", "unsure", "unknown"]
    statements_per_fact: int
    passages: int


@dataclass(frozen=True, slots=True)
class TwoHop:
    """A question over two facts. bridge: the first fact's value is the second's subject; comparison: both have one relation."""

    id: str
    type: Literal["bridge", "comparison"]
    question: str
    answer: str  # alone; the task row says the facts before it
    bridge: str  # what the question does not name; "" for a comparison
    fact_ids: tuple[str, ...]
    version: int
    fictitious: bool
    split: Split

"""The rows of `fact score`: answers, their claims, what was found about each claim, and the scores that follow.

Every answer of the input has a row of `answers`, in the input's order, and a row of `scores` for each score; where there is
nothing to score the value is None and the reason says why. Nothing is skipped, so tables stay aligned.

Ids grow by suffix: an answer `q1.s3`, its claim `q1.s3.c2`, that claim's verdict by the first judge `q1.s3.c2.j0`, a passage that
was shown for the answer `q1.s3.e4`, an entity that it names `q1.s3.n2`, the question about a claim `q1.s3.c2.q` and an answer to that
`q1.s3.c2.q.a0`.
"""

from dataclasses import dataclass
from typing import Literal

from factcli.rows import Split, Verdict

# duplicate: says what an earlier claim of the answer says; trivial: true of nearly anybody, or says nothing of the topic;
# copied: stands in the prompt. A marked claim is judged, and never raises a score that cannot be gamed.
Mark = Literal["", "duplicate", "trivial", "copied"]


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One answer that scores are about."""

    id: str  # Sample.id or Answer.id; of a file: the id that it gives, else one drawn from what was asked and its place
    prompt_id: str  # answers to one prompt are compared with one another
    prompt: str  # "" where a file gives none
    topic: str  # title or name that it is about; "" if unknown: evidence is then looked for everywhere
    text: str
    split: Split = "none"
    task: str = ""  # "bio", "qa", "medical", or "" if not said
    subject: str = ""  # Person.id, where it comes from data that have people
    group: str = ""
    number: int = 0  # 0, 1, ... among the answers to its prompt; -1 for the reference
    is_reference: bool = False
    is_truncated: bool = False
    abstention: str = ""  # which detector took it for an abstention; "" for an answer


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """One claim of an answer, as it was read; verdicts are rows of their own."""

    id: str
    answer_id: str
    text: str  # on its own feet: pronouns resolved where that was possible
    sentence: int  # 0, 1, ...: the sentence of the answer that it was read from
    start: int  # of that sentence in ScoredAnswer.text; end exclusive; -1 where precomputed claims give none
    end: int
    source: Literal["model", "rules", "given", "world"]
    mark: Mark = ""
    same_as: str = ""  # of a duplicate: the claim that came first
    label: str = ""  # of a labelled file: S, NS or IR; never shown to a judge


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """What one judge said of one claim."""

    id: str
    claim_id: str
    judge: str  # as it was named: http:MODEL@NAME, nli:NAME, world
    verdict: Verdict
    reason: str  # why unscored or irrelevant; "" otherwise
    probability: float | None  # that it is supported, 0..1; None where the judge gives none
    evidence: tuple[str, ...]  # EvidencePassage.id in rank order, or the Fact.id that decided
    request: str = ""  # key of the judge's answer in the response cache


@dataclass(frozen=True, slots=True)
class EvidencePassage:
    """A passage that was shown to a judge, kept word for word."""

    id: str
    answer_id: str
    passage: str  # its id in the knowledge pack
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """One score of one answer or prompt. Higher is better, for every score."""

    id: str  # `{of}.{name}`
    of: str  # ScoredAnswer.id, or the prompt_id for what is scored over all its answers
    prompt_id: str
    name: str
    value: float | None
    reason: str  # why there is no value; "" otherwise
    n_units: int  # claims, questions, entities or samples that it stands on
    n_unscored: int = 0  # of those, how many could not be scored and are in no denominator


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that an answer names (`q1.s3.n2`), by its place: what is named twice is two rows."""

    id: str
    answer_id: str
    text: str
    start: int  # in ScoredAnswer.text; end exclusive
    end: int


@dataclass(frozen=True, slots=True)
class UnitQuestion:
    """What was asked to learn how sure a model is of one claim (`q1.s3.c2.q`)."""

    id: str
    unit_id: str  # AnswerClaim.id
    answer_id: str
    question: str
    expected: str  # what the answer itself says to it, in a few words; "" where that is not known
    source: Literal["model", "world", "prompt"]  # who wrote it; prompt: the answer is short, and this is what was asked for it
    same_as: str = ""  # the unit of the same answer that asked the same before: an answer's score counts them once


@dataclass(frozen=True, slots=True)
class UnitSample:
    """One answer of the sampled model to a unit's question (`q1.s3.c2.q.a0`), or one continuation at an entity (`q1.s3.n2.a0`)."""

    id: str
    unit_id: str  # AnswerClaim.id or Entity.id
    number: int
    text: str  # as it was said, cut at the end of its line; "" where nothing was said


@dataclass(frozen=True, slots=True)
class UnitCluster:
    """Samples of one unit that say the same (`q1.s3.c2.k0`), in the order of the first of them."""

    id: str
    unit_id: str
    text: str  # of the first
    form: str  # that the rules brought it into
    n_samples: int
    share: float  # of the unit's samples; the shares of a unit add up to 1


@dataclass(frozen=True, slots=True)
class UnitConfidence:
    """How sure the sampled model is of one unit (`q1.s3.c2.conf`). Measures are None where there is no sample; the reason says why."""

    id: str
    unit_id: str
    answer_id: str
    expected: str  # what the answer says; for an entity its text
    max_conf: float | None
    exp_conf: float | None
    neg_ent: float | None
    samp_conf: float | None
    n_samples: int
    n_clusters: int
    reason: str  # "" where there are measures
    same_as: str = ""  # the unit of the same answer that asked the same before: an answer's score counts them once

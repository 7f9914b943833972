"""The rows of what models are asked and answer before anything is judged: prompts, samples, questions with choices, preference pairs."""

from dataclasses import dataclass
from typing import Literal

from factcli.rows import Split


@dataclass(frozen=True, slots=True)
class Prompt:
    """What answers were drawn for, word by word as it was asked. One under two topics is two rows."""

    id: str
    prompt: str
    topic: str  # title or subject that it is about, "" if not said
    task: str  # "bio", "qa", "medical", or "" if not said
    split: Split
    subject: str = ""  # Person.id, where it comes from data that have people
    group: str = ""
    repeats: int = 0  # times that the source had it again
    n_samples: int = 0  # rows of `samples` that came of it, the reference left out


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to a prompt, as it was drawn."""

    id: str
    prompt_id: str
    number: int  # 0, 1, ...; -1 for the reference
    text: str
    outcome: Literal["ok", "truncated"]  # truncated: cut at max_tokens, so its last sentence is mostly half
    is_reference: bool  # greedy
    mean_logprob: float | None  # nats per token under the model alone; None where it was not asked for
    n_tokens: int  # as the model's server counts them


@dataclass(frozen=True, slots=True)
class SelfTarget:
    """Where an answer to train on comes from that a model gave itself, and how sure it was of it; `id` is that of the task row."""

    id: str
    prompt_id: str
    source: Literal["self", "human"]  # human: the data's own answer, kept for a task that is not about facts
    sample_id: str  # of the Sample that it was taken from; "" for a human one
    confidence: float | None  # mean over what was kept; None where nothing was measured
    n_units: int  # claims of the answer; 1 for a short one
    n_kept: int
    rewritten: Literal["no", "world", "model", "claims"]  # who wrote it anew from the claims that were kept


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A question of a file, with the answers that the file gives; an open question has none."""

    id: str
    question: str
    correct: str  # "" where the file gives none
    wrong: tuple[str, ...]
    group: str  # the file's category
    split: Split
    repeats: int = 0  # times that the file had it again


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, of which a model shall prefer `chosen`.

    `source`: self, one model wrote both as the right and a wrong answer; combined, the right one is of a later round than the
    wrong one; scores, two samples that a score sets apart by `margin`; file, somebody else's.
    """

    id: str
    question_id: str  # ChoiceQuestion.id or Prompt.id
    prompt: str  # what is asked in training: the question itself
    chosen: str
    rejected: str
    source: Literal["self", "combined", "scores", "file"]
    split: Split  # all pairs of one question are in one split
    group: str = ""
    round: int = 0  # of the model that wrote `chosen`; 0 is the one before any training on pairs
    margin: float | None = None  # score of chosen less that of rejected; None without scores
    chosen_id: str = ""  # of the Sample or Pair that it was taken from; "" where it was written for this row
    rejected_id: str = ""
    candidates: tuple[str, ...] = ()  # the right and the wrong answer that the model was shown, or nothing
    cut: str = ""  # what stood around the two answers and was left out


# empty, equal, near-duplicate, cut-off, abstaining: of a pair's own answers; duplicate, contradiction, cycle, flip: of what it prefers;
# leaked-prompt, leaked-answer: of its split; length-bias: of all pairs together; length-filter, unbalanced: taken out for their lengths
FindingKind = Literal[
    "empty", "equal", "near-duplicate", "cut-off", "abstaining", "duplicate", "contradiction", "cycle", "flip",
    "leaked-prompt", "leaked-answer", "length-bias", "length-filter", "unbalanced",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PairFinding:
    """Something about a pair that training would suffer from; a pair may have several."""

    id: str
    kind: FindingKind
    pair_id: str  # Pair.id; "" for a finding about all pairs together
    other_id: str  # the pair or the evaluation item that it clashes with; "" without one
    text: str  # what was found, in words
    value: float | None  # what was measured and compared with a limit; None where nothing is measured
    is_dropped: bool  # whether the pair was left out for it


@dataclass(frozen=True, slots=True)
class PairMeasure:
    """A figure about all pairs together, with its 95% interval by prompts."""

    id: str
    value: float | None
    low: float | None
    high: float | None
    n_pairs: int
    n_prompts: int
    least: float  # beyond `least` or `most` with its whole interval, it is a finding
    most: float
    is_beyond: bool

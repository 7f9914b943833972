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
    wrong one; scores, two samples that a score sets apart by `margin`.
    """

    id: str
    question_id: str  # ChoiceQuestion.id or Prompt.id
    prompt: str  # what is asked in training: the question itself
    chosen: str
    rejected: str
    source: Literal["self", "combined", "scores"]
    split: Split  # all pairs of one question are in one split
    group: str = ""
    round: int = 0  # of the model that wrote `chosen`; 0 is the one before any training on pairs
    margin: float | None = None  # score of chosen less that of rejected; None without scores
    chosen_id: str = ""  # of the Sample or Pair that it was taken from; "" where it was written for this row
    rejected_id: str = ""
    candidates: tuple[str, ...] = ()  # the right and the wrong answer that the model was shown, or nothing
    cut: str = ""  # what stood around the two answers and was left out

"""Rows of benchmarks that are answered by likelihood, and of what the lm-evaluation-harness says."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What an item of a benchmark of choices asks."""

    id: str
    question: str


@dataclass(frozen=True, slots=True)
class ScoredChoice:
    """One answer to choose from, and how likely the model is to give it. Log-probabilities are natural, summed over tokens."""

    id: str  # of the item, the set and the choice
    item_id: str
    set: str  # mc1, mc2, binary, mc; shown0 and shown1: both answers shown, in the one and in the other order
    text: str
    is_right: bool
    logprob: float
    probability: float  # of this choice among those of its set: exp(logprob), divided by their sum
    logprob_blind: float  # the same without the question
    n_tokens: int
    is_greedy: bool
    is_cut: bool  # the model has not room for the whole prompt: it lost its beginning


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a model called an answer hallucinated. Log-probabilities are natural; None where the model did not tell them."""

    id: str
    item_id: str
    shown: Literal["right", "hallucinated"]
    is_blind: bool  # the question was not shown
    answer: str
    is_called_hallucinated: bool | None  # None: neither Yes nor No could be read
    logprob_yes: float | None
    logprob_no: float | None
    text: str  # what was said


@dataclass(frozen=True, slots=True)
class ScoredText:
    """How likely a text is to a model, every token once."""

    id: str
    subject: str  # what is redrawn for intervals; the text itself where it is about nobody
    group: str
    logprob: float  # natural, summed
    n_tokens: int  # of the model's tokenizer, the start token not counted
    n_words: int  # what blanks separate
    n_bytes: int  # of UTF-8
    n_windows: int  # in which the model read it


@dataclass(frozen=True, slots=True)
class HarnessSample:
    """One document of a harness task as one of the task's filters sees it; what has no fixed form is JSON."""

    id: str  # task, number of the document, and the beginning of its sha256: another text is another item
    task: str
    filter: str
    document: str  # JSON
    target: str
    responses: str  # JSON: of each request what the model gave, e.g. its log-likelihood and whether it is greedy
    scores: str  # JSON: metric -> what this document adds to it
    prompt_sha256: str
    question: str = ""  # the document's own part of the prompt, without the examples before it; "" where the task has none, or in earlier versions
    choices: tuple[str, ...] = ()  # of a multiple-choice task what was scored after the question, in the order of `responses`


@dataclass(frozen=True, slots=True)
class HarnessTask:
    """A task as it was run."""

    task: str
    asked_as: str  # the name that was asked for: of the task, or of a group or tag that it is of
    version: str  # of its definition, as the harness has it
    shots: int
    metric: str  # as the harness names it, its filter before it where there is one
    value: float | None  # as the harness reports it
    is_higher_better: bool
    n_documents: int

"""Rows of answers that a judge compares or grades as wholes, not claim by claim."""

from dataclasses import dataclass
from typing import Literal

Preferred = Literal["a", "b", "tie", "unread"]  # unread: the judge's words name none, or it gave none
Outcome = Literal["win", "lose", "tie", "unscored"]  # of A
SAME_WORDS = "same words"  # the reason of a tie without asking


@dataclass(frozen=True, slots=True)
class Duel:
    """Two answers to one question, judged in both orders."""

    id: str  # of the question
    question: str
    document: str  # that the judge was shown; "" without one
    answer_a: str
    answer_b: str
    subject: str
    group: str
    outcome: Outcome  # win: A preferred in both orders; lose: B in both; unscored: an order that could not be read
    a_first: Preferred  # what the judge preferred where A was shown first
    b_first: Preferred
    reason: str  # "same words": a tie without asking; what was said where it could not be read; "" otherwise


Grade = Literal["true", "false", "unscored"]


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A written answer beside right and wrong reference answers. Overlaps are 0 to 100.

    `*_difference`: the largest overlap with a right reference less the largest with a wrong one.
    """

    id: str  # of the question
    question: str
    answer: str
    group: str
    correct: tuple[str, ...]
    incorrect: tuple[str, ...]
    truthful: Grade
    informative: Grade
    reason: str  # why one of the two is unscored; "" otherwise
    bleu: float  # the largest with a right reference; so the other three
    bleu_difference: float
    rouge1: float
    rouge1_difference: float
    rouge2: float
    rouge2_difference: float
    rougeL: float
    rougeL_difference: float


@dataclass(frozen=True, slots=True)
class Overlapping:
    """An answer and the words that it shares with its reference, 0 to 100 each."""

    id: str  # of the question
    question: str
    answer: str
    reference: str
    subject: str
    group: str
    bleu: float
    rouge1: float
    rouge2: float
    rougeL: float

"""Rows of answers that a judge compares or grades as wholes, not claim by claim."""

from dataclasses import dataclass
from typing import Literal

Preferred = Literal["a", "b", "tie", "unread"]  # unread: the judge's words name none, or it gave none
Outcome = Literal["win", "lose", "tie", "unscored"]  # of A


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

"""Claims of two sources side by side: which say nearly the same, in words.

The measure is ROUGE-L F1 of whole claims (own copy of Lin 2004's, knowledge/duplicates.py): crude, and the same for every source.
"Ann was born in Rome" and "Ann was born in Lima" come to 0.8, so a match is about the same thing, not the same truth; a label that is
handed on through a match is an approximation, and the card says how many were.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from factcli.knowledge.duplicates import common_length, normalised
from factcli.scorerows import AnswerClaim

NEAR = 0.7  # ROUGE-L from which two claims are about the same thing


class Nearest(NamedTuple):
    """The nearest claim of the other source, None where that has none; overlap is 0..1."""

    claim: AnswerClaim | None
    overlap: float


def nearest(claim: AnswerClaim, others: Sequence[AnswerClaim]) -> Nearest:
    """Of the claims of the same answer, the one with the most words in common in order; ties to the first."""
    best = Nearest(None, 0.0)
    words = normalised(claim.text)
    bag = Counter(words)
    for other in others:
        theirs = normalised(other.text)
        n_words = len(words) + len(theirs)
        if n_words and 2 * sum((bag & Counter(theirs)).values()) / n_words > best.overlap:  # no common subsequence is longer
            overlap = 2 * common_length(words, theirs) / n_words
            best = Nearest(other, overlap) if overlap > best.overlap else best
    return best

"""A score that the known tricks cannot raise: F1 over details instead of claims.

FActScore's precision rises when the easy things are repeated, split or padded, and when an answer stops after what is sure
(arXiv 2407.03572 shows how). Here an answer is what it tells:

T  details of claims that are supported, about the topic, and neither trivial nor denials nor copied from the prompt (each counts once)
B  details of claims that are not supported, or irrelevant (each counts once); a claim of these without any counts as one
robust = F1 of T / (T + B) and min(1, T / (K x DETAILS_PER_CLAIM)); K as in F1@K

An answer that says nothing (empty, evasive, abstaining) scores 0 instead of being left out: read it beside the respond ratio.
"""

from collections.abc import Sequence
from typing import NamedTuple

from factcli.judge.scores.aggregate import f1
from factcli.judge.scores.details import details_of, is_about, is_denial, words_of
from factcli.rows import Verdict
from factcli.scorerows import Mark

# Distinct details of the supported claims of one response, divided by their number, in the human claims of FActScore's
# InstructGPT part: measured by `python -m tests.bench factscore`.
DETAILS_PER_CLAIM = 1.6


class JudgedClaim(NamedTuple):
    """A claim with what was said of it."""

    text: str
    verdict: Verdict
    mark: Mark = ""


def robust(claims: Sequence[JudgedClaim], topic: str, prompt: str, k: int) -> float | None:
    """The score of one answer, 0..1: 0 without claims, None where every claim is unscored."""
    scored = [claim for claim in claims if claim.verdict != "unscored"]
    if claims and not scored:
        return None
    known = frozenset(words_of(topic)) | frozenset(words_of(prompt))
    told = told_by(scored, topic, known)
    wrong = wrongly_told_by(scored, known)
    if not told:
        return 0.0
    return f1(len(told) / (len(told) + len(wrong)), min(1.0, len(told) / (k * DETAILS_PER_CLAIM)))


def told_by(claims: Sequence[JudgedClaim], topic: str, known: frozenset[str]) -> frozenset[str]:
    """T: the details that earn something."""
    supported = (claim for claim in claims if claim.verdict == "supported" and claim.mark in ("", "duplicate"))
    earning = (claim for claim in supported if is_about(claim.text, topic) and not is_denial(claim.text))
    return frozenset(detail for claim in earning for detail in details_of(claim.text, known))


def wrongly_told_by(claims: Sequence[JudgedClaim], known: frozenset[str]) -> frozenset[str]:
    """B, whatever the marks: a false thing is false though the prompt says it. Said twice it has the same details, and is false once."""
    wrong = [details_of(claim.text, known) or {" ".join(words_of(claim.text))} for claim in claims if claim.verdict in ("unsupported", "irrelevant")]
    return frozenset(detail for details in wrong for detail in details)

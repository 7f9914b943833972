"""Biographies judged by a ledger: each claim the reader finds is looked up, and what it cannot read is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from factcli.judge.answers import normalise
from factcli.knowledge.ledger import Ledger, accepts
from factcli.rows import Answer, Claim, Verdict
from factcli.world.reader import ReadClaim, read_biography

UNREAD = "unread"
REPEATED = "repeated"
NO_ENTRY = "the ledger has no entry for this relation"

Confidence = Callable[[int, int], float]  # probability of the characters start..end of Answer.text


class Ruling(NamedTuple):
    """What the ledger says of one claim; `evidence` is the id of the fact that decided."""

    verdict: Verdict
    reason: str
    evidence: str


def judge_biography(answer: Answer, name: str, ledger: Ledger, confidence: Confidence) -> list[Claim]:
    """The claims of a biography in the order of its text; its unread stretches stand among them as unscored claims.

    A relation told twice with one value is irrelevant the second time; told twice with different values,
    each is judged, so a model gains nothing by trying. A claim's confidence is that of its value's tokens.
    """
    reading = read_biography(answer.text, name)
    claims = _judge_all(answer, reading.claims, ledger, confidence)
    claims += [_unread(answer, start, end, confidence) for start, end in reading.unread]
    ordered = sorted(claims, key=lambda claim: claim.start)
    return [replace(claim, id=f"{answer.id}.c{number}") for number, claim in enumerate(ordered)]


def _judge_all(answer: Answer, read: tuple[ReadClaim, ...], ledger: Ledger, confidence: Confidence) -> list[Claim]:
    told: set[tuple[str, str]] = set()
    claims: list[Claim] = []
    for claim in read:
        key = (claim.relation, normalise(claim.value))
        ruling = Ruling("irrelevant", REPEATED, "") if key in told else _look_up(answer.subject, claim, ledger)
        told.add(key)
        claims.append(_claim(answer, claim, confidence, ruling))
    return claims


def _look_up(subject: str, claim: ReadClaim, ledger: Ledger) -> Ruling:
    fact = ledger.lookup(subject, claim.relation)
    if fact is None:
        return Ruling("unscored", NO_ENTRY, "")
    return Ruling("supported" if accepts(fact, claim.value) else "unsupported", "", fact.id)


def _claim(answer: Answer, read: ReadClaim, confidence: Confidence, ruling: Ruling) -> Claim:
    text = answer.text[read.start : read.end]
    value_at = read.start + text.rfind(read.value)  # the value stands last in every form
    return Claim(
        id="",
        answer_id=answer.id,
        subject=answer.subject,
        group=answer.group,
        relation=read.relation,
        value=read.value,
        text=text,
        start=read.start,
        end=read.end,
        confidence=confidence(value_at, value_at + len(read.value)),
        verdict=ruling.verdict,
        reason=ruling.reason,
        evidence=ruling.evidence,
    )


def _unread(answer: Answer, start: int, end: int, confidence: Confidence) -> Claim:
    text = answer.text[start:end]
    sure = confidence(start, end)
    return Claim("", answer.id, answer.subject, answer.group, "", "", text, start, end, sure, "unscored", UNREAD, "")

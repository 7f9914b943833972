"""Biographies judged by a ledger: each claim the reader finds is looked up, and what it cannot read is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from factcli.judge.answers import grade_answer, normalise
from factcli.knowledge.ledger import Ledger, accepts
from factcli.rows import Answer, Claim, Fact, Verdict
from factcli.world.reader import ReadClaim, read_biography

UNREAD = "unread"
REPEATED = "repeated"
NO_ENTRY = "the ledger has no entry for this relation"
ABSTAINED = "abstains"

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


def judge_claim(text: str, name: str, subject: str, ledger: Ledger) -> Ruling:
    """The ledger's ruling on a claim that stands alone: false if any part of it is, true if all are; unscored where words of it cannot be read."""
    whole = text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."  # forms end with a full stop
    reading = read_biography(whole, name)
    rulings = [_look_up(subject, claim, ledger) for claim in reading.claims]
    if not rulings or reading.unread:
        return Ruling("unscored", UNREAD, "")
    for verdict in ("unsupported", "unscored"):
        decisive = next((ruling for ruling in rulings if ruling.verdict == verdict), None)
        if decisive is not None:
            return decisive
    return rulings[0]


def judge_value(text: str, fact: Fact) -> Ruling:
    """The ruling on a short answer to the question about one fact, by the rule of `fact eval`; an abstention claims nothing."""
    grade = grade_answer(text, (fact.value, *fact.aliases)).grade
    if grade == "abstained":
        return Ruling("irrelevant", ABSTAINED, fact.id)
    return Ruling("supported" if grade == "right" else "unsupported", "", fact.id)


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

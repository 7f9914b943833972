"""Figures from answers and claims: one row per metric and group, each with its interval by subjects."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from factcli.judge.ledger import UNREAD
from factcli.rows import Answer, Claim
from factcli.stats import (
    Estimate,
    Item,
    RankedClaim,
    auroc,
    ratio,
    risk_coverage_area,
    share,
    share_at_coverage,
    share_by_claims_kept,
)

GROUP_ORDER = ("head", "mid", "tail", "unseen", "demo", "fictitious", "myth")
RANKING_DRAWS = 500  # rankings cost draws x claims; the ends of their intervals move by about 4% of the width


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. Shares are 0..1; `low` and `high` end the 95% interval, None where there is none."""

    metric: str
    group: str  # a popularity group; "seen": all but unseen; "all"
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_subjects: int


def row(metric: str, group: str, estimate: Estimate) -> Metric:
    return Metric(metric, group, estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters)


class HasGroup(Protocol):
    """An answer, or an item of a figure."""

    @property
    def group(self) -> str: ...


def groups_of(answers: Iterable[HasGroup]) -> dict[str, AbstractSet[str]]:
    """Name -> the groups it takes together: all, seen (where there are unseen ones), then each alone."""
    present = {answer.group for answer in answers}
    ordered = sorted(present, key=lambda name: (GROUP_ORDER.index(name) if name in GROUP_ORDER else -1, name))
    seen = {"seen": present - {"unseen"}} if "unseen" in present and len(present) > 1 else {}
    return {"all": present, **seen, **{name: {name} for name in ordered}}


def question_metrics(answers: Sequence[Answer], heldout_form_ids: AbstractSet[str] = frozenset()) -> list[Metric]:
    """Accuracy (right of all asked: an abstention is not right), strict accuracy and abstentions by group.

    `heldout_form_ids`: questions asked in a form that no training text has; they get rows of their own.
    """
    rows: list[Metric] = []
    for group, members in groups_of(answers).items():
        own = [answer for answer in answers if answer.group in members]
        rows += _accuracy_rows(own, group)
        if group == "all":
            rows += _ranking_rows("qa", group, ranked_answers(own))
    if heldout_form_ids:
        held = [answer for answer in answers if answer.question_id in heldout_form_ids]
        trained = [answer for answer in answers if answer.question_id not in heldout_form_ids]
        rows += _accuracy_rows(held, "heldout forms") + _accuracy_rows(trained, "trained forms")
    return rows


def _accuracy_rows(answers: Sequence[Answer], group: str) -> list[Metric]:
    given = [answer for answer in answers if not answer.is_abstention]
    return [
        row("qa.accuracy", group, share(accuracy_items(answers))),
        row("qa.strict_accuracy", group, share(Item(a.subject, bool(a.is_strict_match)) for a in answers)),
        row("qa.abstention", group, share(Item(a.subject, a.is_abstention) for a in answers)),
        row("qa.accuracy_of_given", group, share(accuracy_items(given))),
    ]


def accuracy_items(answers: Iterable[Answer]) -> list[Item]:
    return [Item(answer.subject, answer.grade == "right") for answer in answers]


def ranked_answers(answers: Iterable[Answer]) -> list[RankedClaim]:
    """Answers that were given and whose confidence is known, abstentions left out, as things to rank by it."""
    return [RankedClaim(a.subject, a.id, a.confidence, a.grade == "right") for a in answers if not a.is_abstention and a.confidence is not None]


def ranked_claims(claims: Iterable[Claim]) -> list[RankedClaim]:
    """Claims that were judged true or false."""
    return [RankedClaim(c.subject, c.answer_id, c.confidence, c.verdict == "supported") for c in claims if is_judged(c)]


def is_judged(claim: Claim) -> bool:
    return claim.verdict in ("supported", "unsupported")


def _ranking_rows(task: str, group: str, ranked: Sequence[RankedClaim]) -> list[Metric]:
    return [
        row(f"{task}.auroc", group, auroc(ranked, RANKING_DRAWS)),
        row(f"{task}.share_correct_at_half_coverage", group, share_at_coverage(ranked, 0.5, RANKING_DRAWS)),
        row(f"{task}.risk_coverage_area", group, risk_coverage_area(ranked, RANKING_DRAWS)),
    ]


def biography_metrics(answers: Sequence[Answer], claims: Sequence[Claim]) -> list[Metric]:
    """Claims per answer, share correct and number correct, always together, and what could not be judged."""
    rows: list[Metric] = []
    for group, members in groups_of(answers).items():
        own = [answer for answer in answers if answer.group in members]
        said = [claim for claim in claims if claim.group in members]
        rows += _biography_rows(own, said, group) + _unscored_rows(own, said, group)
        if group in ("all", "seen"):
            rows += _curve_rows(said, group)
        if group == "all":  # unseen people included: being unsure of them is what is asked for
            rows += _ranking_rows("bio", group, ranked_claims(said))
    return rows


def _biography_rows(answers: Sequence[Answer], claims: Sequence[Claim], group: str) -> list[Metric]:
    judged = [claim for claim in claims if is_judged(claim)]
    correct = [claim for claim in judged if claim.verdict == "supported"]
    return [
        row("bio.claims_per_answer", group, ratio(_per_answer(answers, judged))),
        row("bio.share_correct", group, share(correct_items(answers, claims))),
        row("bio.number_correct", group, ratio(_per_answer(answers, correct))),
        row("bio.abstention", group, share(Item(a.subject, a.is_abstention) for a in answers)),
    ]


def _unscored_rows(answers: Sequence[Answer], claims: Sequence[Claim], group: str) -> list[Metric]:
    """Unread text by characters; claims without evidence; the share correct if all of those were false, or true."""
    unread = {claim.id: claim.end - claim.start for claim in claims if claim.reason == UNREAD}
    characters = [Item(c.subject, unread[c.id], 0) for c in claims if c.id in unread]
    characters += [Item(answer.subject, 0, len(answer.text)) for answer in answers]
    read = [claim for claim in claims if claim.reason != UNREAD and claim.verdict != "irrelevant"]
    repeated = [claim for claim in claims if claim.verdict == "irrelevant"]
    n_right = sum(claim.verdict == "supported" for claim in read)
    n_open = sum(claim.verdict == "unscored" for claim in read)
    low, high = (n_right / len(read), (n_right + n_open) / len(read)) if read else (None, None)
    correct = share(correct_items(answers, claims))
    return [
        row("bio.unread_share", group, ratio(characters)),
        row("bio.unscored_share", group, share(Item(c.subject, c.verdict == "unscored") for c in read)),
        Metric("bio.share_correct_bounds", group, correct.value, low, high, len(read), correct.n_clusters),
        row("bio.repeated_per_answer", group, ratio(_per_answer(answers, repeated))),
    ]


def _curve_rows(claims: Sequence[Claim], group: str) -> list[Metric]:
    """Share correct when only the k surest claims of each answer are kept."""
    ranked = ranked_claims(claims)
    n_most = max((sum(c.answer_id == a for c in ranked) for a in {c.answer_id for c in ranked}), default=0)
    return [row(f"bio.share_correct_of_{k}", group, estimate) for k, estimate in share_by_claims_kept(ranked, n_most).items()]


def _per_answer(answers: Iterable[Answer], claims: Iterable[Claim]) -> list[Item]:
    return [Item(answer.subject, 0, 1) for answer in answers] + [Item(claim.subject, 1, 0) for claim in claims]


def correct_items(answers: Iterable[Answer], claims: Iterable[Claim]) -> list[Item]:
    """One item per judged claim, and an empty one per answer: a silent subject stays a subject."""
    judged = [Item(claim.subject, claim.verdict == "supported") for claim in claims if is_judged(claim)]
    return [Item(answer.subject, 0, 0) for answer in answers] + judged

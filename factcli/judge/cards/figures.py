"""A judge's calibration card, computed: each response as human and judge see it, figures with intervals, coverage on held-out halves.

"Higher by the judge" is a positive bias. `irrelevant` says what human label IR counts as: FActScore's published scores count it as not
supported (`counted`); `left_out` takes such claims out of both sides.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from factcli.cardrows import CardMeasure, CardResponse, HeldOut
from factcli.rows import Verdict
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.stats import Estimate, Item, ratio, share
from factcli.stats.confusion import Labelled, rates
from factcli.stats.corrected import ESTIMATORS, Both, Corrected, Judged

Irrelevant = Literal["counted", "left_out"]
DEFAULT = "ppi++"  # the narrowest of those that covered in the bench on FActScore's labels
RESAMPLES = 400


class Opinion(NamedTuple):
    """A claim of the source that is judged, with the human label where it has one ("" otherwise)."""

    label: str
    verdict: Verdict


def is_counted(label: str, irrelevant: Irrelevant) -> bool:
    return label in ("S", "NS") or (label == "IR" and irrelevant == "counted")


def response_of(answer: ScoredAnswer, human: Sequence[AnswerClaim], opinions: Sequence[Opinion], irrelevant: Irrelevant) -> CardResponse:
    """One response as both see it."""
    labels = [claim.label for claim in human if is_counted(claim.label, irrelevant)]
    scored = [one for one in opinions if one.verdict in ("supported", "unsupported") or (one.verdict == "irrelevant" and irrelevant == "counted")]
    if irrelevant == "left_out":
        scored = [one for one in scored if one.label != "IR"]
    both = [(one.label == "S", one.verdict == "supported") for one in scored if is_counted(one.label, irrelevant)]
    n_unscored = sum(one.verdict == "unscored" for one in opinions)
    judged = sum(one.verdict == "supported" for one in scored) / len(scored) if scored else None
    reason = "no human claim counts" if not labels else ("no claim was scored" if not scored else "")
    counts = [both.count(cell) for cell in ((True, True), (False, True), (False, False), (True, False))]
    human_share = labels.count("S") / len(labels) if labels else None
    return CardResponse(answer.id, answer.topic or answer.prompt_id, human_share, judged, reason, len(labels), len(scored), n_unscored, *counts)


def both_of(responses: Iterable[CardResponse]) -> list[Both]:
    """What the estimators take: responses that both have scored."""
    found = []
    for one in responses:
        if one.human is not None and one.judged is not None:
            cells = (one.true_positive, one.false_positive, one.true_negative, one.false_negative)
            n = sum(cells)
            found.append(Both(one.cluster, one.human, one.judged, *(number / n if n else 0.0 for number in cells)))
    return found


def measures_of(responses: Sequence[CardResponse]) -> list[CardMeasure]:
    """Rates over claims; means over responses of both scores and of their difference; the unscored share."""
    found = rates(_labelled(responses))
    both = both_of(responses)
    found["human_score"] = share(Item(one.cluster, one.human) for one in both)
    found["judged_score"] = share(Item(one.cluster, one.judged) for one in both)
    found["bias"] = ratio(Item(one.cluster, one.judged - one.human) for one in both)
    found["absolute_error"] = share(Item(one.cluster, abs(one.judged - one.human)) for one in both)
    found["unscored_share"] = share(Item(one.cluster, one.n_unscored, one.n_unscored + one.n_judged) for one in responses)
    found["correlation"] = _correlation(both)
    return [measure(name, estimate) for name, estimate in found.items()]


def measure(name: str, estimate: Estimate) -> CardMeasure:
    return CardMeasure(name, estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters)


def _labelled(responses: Iterable[CardResponse]) -> Iterable[Labelled]:
    for one in responses:
        for number, is_true, is_judged in (
            (one.true_positive, True, True),
            (one.false_positive, False, True),
            (one.true_negative, False, False),
            (one.false_negative, True, False),
        ):
            yield from [Labelled(one.cluster, is_true, is_judged)] * number


def _correlation(both: Sequence[Both]) -> Estimate:
    """Pearson's, of both scores over responses; without an interval."""
    values = np.array([(one.human, one.judged) for one in both]).reshape(-1, 2)
    if len(both) < 3 or not values.std(axis=0).all():
        return Estimate(None, None, None, len(both), len({one.cluster for one in both}))
    return Estimate(float(np.corrcoef(values.T)[0, 1]), None, None, len(both), len({one.cluster for one in both}))


def held_out(both: Sequence[Both], resamples: int = RESAMPLES, seed: int = 0) -> list[HeldOut]:
    """Each estimator's intervals on random halves (of clusters), against what humans said of them; the other half is the card."""
    clusters = sorted({one.cluster for one in both})
    rng = random.Random(f"halves {seed}")
    found: dict[str, list[tuple[Corrected, float]]] = {name: [] for name in ESTIMATORS}
    for _ in range(resamples if len(clusters) >= 4 else 0):
        kept = set(rng.sample(clusters, len(clusters) // 2))
        card = [one for one in both if one.cluster in kept]
        rest = [one for one in both if one.cluster not in kept]
        truth = sum(one.human for one in rest) / len(rest)
        judged = [Judged(one.cluster, one.judged) for one in rest]
        for name, estimate in ESTIMATORS.items():
            found[name].append((estimate(card, judged, "answers"), truth))
    return [_held_out(name, tries, len(both)) for name, tries in found.items()]


def _held_out(name: str, tries: Sequence[tuple[Corrected, float]], n_responses: int) -> HeldOut:
    known = [(one.low, one.value, one.high, truth) for one, truth in tries if one.low is not None and one.value is not None and one.high is not None]
    hits = sum(low <= truth <= high for low, _, high, truth in known)
    width = sum(high - low for low, _, high, _ in known) / len(known) if known else None
    error = sum(value - truth for _, value, _, truth in known) / len(known) if known else None
    return HeldOut(name, hits / len(tries) if tries else None, width, error, len(tries), len(tries) - len(known), n_responses)


def table_of(measures: Mapping[str, CardMeasure], found: Sequence[HeldOut]) -> str:
    """The card for a person: figures that are known, then how far the corrections can be trusted."""
    rows = [f"| {name.replace('_', ' ')} | {_told(one)} | {one.n_items} |" for name, one in measures.items() if one.value is not None]
    halves = [f"| {one.id} | {_percent(one.coverage)} | {_number(one.mean_width)} | {_number(one.mean_error)} | {one.n_resamples} |" for one in found]
    figures = "Of the judge, against human labels; intervals by topic."
    correction = "Corrected scores, tried on random halves of these responses with the other half as the card:"
    head = [figures, "", "| figure | value [95% interval] | n |", "|---|---|---|", *rows, ""]
    return "\n".join(
        [*head, correction, "", "| correction | covers held-out human score | mean width | mean error | resamples |", "|---|---|---|---|---|", *halves]
    )


def _told(one: CardMeasure) -> str:
    if one.value is None:
        return "-"
    return f"{one.value:.3f}" + (f" [{one.low:.3f}, {one.high:.3f}]" if one.low is not None and one.high is not None else "")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

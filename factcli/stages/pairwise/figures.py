"""What duels add up to: wins, ties, losses with intervals by subject, what could not be read, and how far the order decided."""

from collections.abc import Sequence
from typing import Any

from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric, row
from factcli.judgedrows import SAME_WORDS, Duel
from factcli.stats import Item, ratio, share
from factcli.stats.bounds import UNIT
from factcli.stats.signs import Signs, sign_test

VALUES = {"win": 1.0, "tie": 0.5, "lose": 0.0}


def figures(duels: Sequence[Duel]) -> list[Metric]:
    """Rows of all duels, and by group where there are several."""
    groups = sorted({duel.group for duel in duels} - {""})
    rows = _rows(duels, "all")
    for group in groups if len(groups) > 1 else ():
        rows += _rows([duel for duel in duels if duel.group == group], group)
    return rows


def _rows(duels: Sequence[Duel], group: str) -> list[Metric]:
    """`win_rate`: a tie is half a win. Its bounds: were all that is unscored lost, or won. `position_bias`: see `follows`."""
    read = [duel for duel in duels if duel.outcome != "unscored"]
    shares = [row(f"pairwise.{name}", group, share(Item(d.subject, d.outcome == name) for d in read)) for name in ("win", "tie", "lose")]
    rate = ratio((Item(d.subject, VALUES[d.outcome]) for d in read), bounds=UNIT)
    low, high = (sum(VALUES.get(d.outcome, value) for d in duels) / len(duels) for value in (0.0, 1.0))
    asked = [d for d in read if d.reason != SAME_WORDS]
    sided = [d for d in asked if "tie" not in (d.a_first, d.b_first)]
    return [
        *shares,
        row("pairwise.win_rate", group, rate),
        Metric("pairwise.win_rate.bounds", group, rate.value, low, high, len(duels), rate.n_clusters),
        row("pairwise.unscored_share", group, share(Item(d.subject, d.outcome == "unscored") for d in duels)),
        row("pairwise.position_bias", group, share(Item(d.subject, follows(d)) for d in sided)),
        row("pairwise.first_share", group, share(Item(d.subject, is_first) for d in sided for is_first in (d.a_first == "a", d.b_first == "b"))),
    ]


def follows(duel: Duel) -> bool:
    """Whether the verdict turned with the order: the first shown was named both times, or the second."""
    return {duel.a_first, duel.b_first} == {"a", "b"}


def items(duels: Sequence[Duel]) -> list[ItemScore]:
    """Each duel's part of `pairwise.win_rate`; an unscored one has no denominator."""
    return [ItemScore(d.id, "pairwise.win_rate", d.subject, d.group, VALUES.get(d.outcome, 0.0), 0.0 if d.outcome == "unscored" else 1.0) for d in duels]


def signs(duels: Sequence[Duel]) -> Signs:
    """By subject: more wins than losses, or fewer."""
    return sign_test((d.subject, VALUES[d.outcome] - 0.5) for d in duels if d.outcome != "unscored")


def summary(metrics: Sequence[Metric], tested: Signs) -> dict[str, Any]:
    """The numbers of `all`; intervals as pairs."""
    found = {metric.metric.removeprefix("pairwise."): metric for metric in metrics if metric.group == "all"}
    values: dict[str, Any] = {name: metric.value for name, metric in found.items() if not name.endswith(".bounds")}
    intervals = {f"{name}_interval": [found[name].low, found[name].high] for name in ("win", "lose", "win_rate")}
    bounds = found["win_rate.bounds"]
    return {**values, **intervals, "win_rate_bounds": [bounds.low, bounds.high], "n_questions": bounds.n_items, "sign_test": tested._asdict()}


def headline(metrics: Sequence[Metric], tested: Signs, a: str, b: str, judge: str) -> str:
    """One line: who won how often, whether that can be chance, and how far to trust the judge."""
    found = {metric.metric.removeprefix("pairwise."): metric for metric in metrics if metric.group == "all"}
    rate, unscored, bias = found["win_rate"], found["unscored_share"], found["position_bias"]
    if rate.value is None:
        return f"{a} against {b}: no verdict of {judge} could be read ({rate_of(unscored)} of {unscored.n_items} questions unscored)"
    ends = "" if rate.low is None or rate.high is None else f" [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
    parts = [
        f"{a} against {b}: wins {rate_of(found['win'])}, ties {rate_of(found['tie'])}, loses {rate_of(found['lose'])} of {rate.n_items} questions",
        f"win rate {100 * rate.value:.1f}%{ends}",
        f"sign test over subjects p = {tested.p_value:.3g} ({tested.plus} for, {tested.minus} against)" if tested.p_value is not None else "no subject decides",
        f"{rate_of(unscored)} unscored",
        f"the order turned {rate_of(bias)} of {bias.n_items} decided verdicts" if bias.value is not None else "no verdict named an answer both times",
    ]
    return "; ".join(parts) + f"; judged by {judge}"


def rate_of(metric: Metric) -> str:
    return "none" if metric.value is None else f"{100 * metric.value:.1f}%"

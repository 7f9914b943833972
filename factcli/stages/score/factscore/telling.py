"""What a finished score says: its headline, its summary, and who is left out of which mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from factcli.judge.metrics import Metric
from factcli.judge.scores.answers import Terms
from factcli.judge.verdicts.combining import JudgeAgreement

FIRST = 10  # answers that are named where several are left out; the table `scores` has them all
LONGEST_ID = 60  # letters of an id that is told


def headline(metrics: Sequence[Metric], terms: Terms, judges: Sequence[str], agreement: Sequence[JudgeAgreement] = ()) -> str:
    """One line: score and init_score with intervals, what they stand on, what is unscored and what that could change, who judged."""
    found = {metric.metric: metric for metric in metrics if metric.group == "all"}
    score, bounds = found["factscore"], found["factscore.bounds"]
    n_claims = found["unscored_share"].n_items
    if score.value is None:
        said = "nothing could be scored" if n_claims else "no answer says anything"
        return f"{said}: {_responding(found)}; judged by {', '.join(judges)}"
    parts = [
        f"FActScore {_with_interval(score)} (gamma {terms.gamma:g}), init_score {_with_interval(found['precision'])} over {score.n_items} answers",
        _responding(found),
        f"F1@{terms.k} {_number(found['f1_at_k'].value)}, robust {_number(found['robust'].value)}",
        f"{_percent(found['unscored_share'].value)} of {n_claims:,} claims unscored" + _if_unscored(bounds, found),
        f"judged by {', '.join(judges)}{_agreeing(agreement)}",
    ]
    return "; ".join(parts)


def summary(metrics: Sequence[Metric], terms: Terms) -> dict[str, Any]:
    """The numbers of `all` under FActScore's names where it has one; intervals and bounds as pairs."""
    found = {metric.metric: metric for metric in metrics if metric.group == "all"}
    score, bounds = found["factscore"], found["factscore.bounds"]
    return {
        "score": score.value,
        "score_interval": [score.low, score.high],
        "score_bounds": [bounds.low, bounds.high],
        "init_score": found["precision"].value,
        "init_score_interval": [found["precision"].low, found["precision"].high],
        "init_score_of_relevant": found["precision_of_relevant"].value,
        "respond_ratio": found["respond_ratio"].value,
        "facts_per_response": found["facts_per_response"].value,
        "f1_at_k": found["f1_at_k"].value,
        "robust": found["robust"].value,
        "robust_interval": [found["robust"].low, found["robust"].high],
        "n_answers": found["respond_ratio"].n_items,
        "n_scored": score.n_items,
        "n_claims": found["unscored_share"].n_items,
        "unscored_share": found["unscored_share"].value,
        "gamma": terms.gamma,
        "k": terms.k,
    }


def lines_of_left_out(without: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Which answers each score leaves out and why; scores that leave out the same share a line."""
    by_what: dict[str, list[str]] = {}
    for name, reasons in without.items():
        said = "; ".join(f"{len(ids)} ({why}): {', '.join(map(_short, ids[:FIRST]))}{' ...' if len(ids) > FIRST else ''}" for why, ids in reasons.items())
        by_what.setdefault(said, []).append(name)
    return [f"left out of {', '.join(names)}: {said}" for said, names in by_what.items() if said]


def _short(id: str) -> str:
    """An id may hold a whole topic."""
    return id if len(id) <= LONGEST_ID else id[: LONGEST_ID - 1] + "…"


def _responding(found: Mapping[str, Metric]) -> str:
    ratio, facts = found["respond_ratio"], found["facts_per_response"]
    said = f"respond ratio {_number(ratio.value)} of {ratio.n_items} answers"
    return said if facts.value is None else f"{said}, {facts.value:.1f} facts per response"


def _agreeing(agreement: Sequence[JudgeAgreement]) -> str:
    """Of two judges, or of all where they are more."""
    if not agreement:
        return ""
    last = agreement[-1]
    return f" (agreement {_percent(last.raw)}, kappa {_number(last.kappa)} on {last.n_claims:,} claims)"


def _if_unscored(bounds: Metric, found: Mapping[str, Metric]) -> str:
    """The bounds; they stand on answers of which nothing could be scored too, so that the score may lie outside: then how many they are is said."""
    if not found["unscored_share"].value:
        return ""
    n_with_claims = round((found["respond_ratio"].value or 0.0) * found["respond_ratio"].n_items)
    over = "" if n_with_claims == bounds.n_items else f", over all {n_with_claims} answers with a claim"
    return f" ({_number(bounds.low)} if all were false, {_number(bounds.high)} if true{over})"


def _with_interval(metric: Metric) -> str:
    ends = "" if metric.low is None else f" [{_number(metric.low)}, {_number(metric.high)}]"
    return _number(metric.value) + ends


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}%"

"""Means of scores over answers: with bounds for what is unscored, intervals by topic, and by group; and the K of a benchmark."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from statistics import median_high

from factcli.artifact.manifest import sha256_of
from factcli.judge.metrics import GROUP_ORDER, Metric, row
from factcli.judge.scores.answers import NAMES, Response, Terms, values_of
from factcli.scorerows import ScoredAnswer
from factcli.stats import Estimate, Item, ratio, share


def figures(responses: Sequence[Response], terms: Terms) -> list[Metric]:
    """Rows by group: each score and its bounds, respond ratio, facts per response, shares of verdicts; intervals redraw topics."""
    rows: list[Metric] = []
    for group, members in _groups(responses).items():
        own = [response for response in responses if response.group in members]
        rows += [metric for name in NAMES for metric in _mean_rows(own, name, terms, group)]
        rows += _count_rows(own, group)
    return rows


def benchmark_of(answers: Iterable[ScoredAnswer], how: str) -> str:
    """Names a set of prompts, and how answers to them become claims (which decides how many there are): scores with one K belong to it."""
    return sha256_of([how, sorted({(answer.topic, answer.prompt) for answer in answers})])[:20]


def k_of(responses: Iterable[Response]) -> int:
    """The median number of relevant claims (S + NS) of the answers that say something (the upper one of two), at least 1.

    As LongFact (arXiv 2403.18802) has its 64. The first scored answers to a set of prompts set it for all that follow, so that K
    differs between benchmarks and never between models on one. Not the supported ones: a poor first model would make K so small
    that one fact is a full answer.
    """
    counts = (response.counts for response in responses if response.is_saying)
    return max(1, median_high([one.supported + one.unsupported for one in counts] or [1]))


def _groups(responses: Sequence[Response]) -> dict[str, AbstractSet[str]]:
    """`all`, and each group alone where there are several."""
    present = {response.group for response in responses}
    ordered = sorted(present - {""}, key=lambda name: (GROUP_ORDER.index(name) if name in GROUP_ORDER else -1, name))
    return {"all": present, **({name: {name} for name in ordered} if len(present) > 1 else {})}


def _mean_rows(responses: Sequence[Response], name: str, terms: Terms, group: str) -> list[Metric]:
    """The mean over answers that have a value; beside it the means were all unscored claims false (low), and true (high).

    The bounds stand on every answer with a claim, also those of which nothing could be scored.
    """
    found = _mean(responses, name, terms)
    low = _mean([response.if_unscored("unsupported") for response in responses], name, terms).value
    high = _mean([response.if_unscored("supported") for response in responses], name, terms).value
    return [row(name, group, found), Metric(f"{name}.bounds", group, found.value, low, high, found.n_items, found.n_clusters)]


def _mean(responses: Sequence[Response], name: str, terms: Terms) -> Estimate:
    values = [(response.cluster, values_of(response, terms)[name]) for response in responses]
    return ratio(Item(cluster, 0.0 if value is None else value, value is not None) for cluster, value in values)


def _count_rows(responses: Sequence[Response], group: str) -> list[Metric]:
    known = [response for response in responses if not response.failure]
    saying = [response for response in known if response.is_saying]
    claims = [(response.cluster, claim) for response in saying for claim in response.claims]
    rows = [
        row("respond_ratio", group, share(Item(r.cluster, r.is_saying) for r in known)),
        row("facts_per_response", group, ratio(Item(r.cluster, r.counts.n) for r in saying)),
        row("supported_per_response", group, ratio(Item(r.cluster, r.counts.supported) for r in saying)),
    ]
    for verdict in ("supported", "unsupported", "irrelevant", "unscored"):
        rows.append(row(f"{verdict}_share", group, share(Item(cluster, claim.verdict == verdict) for cluster, claim in claims)))
    return rows

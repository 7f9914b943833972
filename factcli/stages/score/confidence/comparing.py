"""Which of a unit's samples say the same, and how sure that makes the model."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from factcli.backends.asking import Asker
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import Rows, Unit
from factcli.backends.requests import Request, Response
from factcli.judge.clusters import Cluster, Same, clusters_of, form_of, has_other_numbers, is_same, words_of
from factcli.judge.confidence import Measures, measures_of
from factcli.judge.equivalence import Answered, Comparing, grouped
from factcli.prompts import quoted
from factcli.scorerows import UnitCluster, UnitConfidence
from factcli.stages.score.confidence.sampling import Asked
from factcli.stages.score.confidence.settings import ConfidenceConfig

SAME = "confidence/same"
TOGETHER = 64  # units whose answers are compared in one go: models of entailment and embeddings work in batches
COMPARE_TOKENS = 4  # of a yes or no

Sampled = tuple[Asked, Sequence[str]]


def compared(units: Iterable[Sampled], comparing: Comparing) -> Iterator[tuple[Asked, Rows]]:
    """The rows of each unit, by rules, entailment or embeddings."""
    waiting = iter(units)
    while some := list(islice(waiting, TOGETHER)):
        known = [Answered(asked.context, tuple(texts), asked.expected) for asked, texts in some]
        for (asked, texts), unit, same in zip(some, known, comparing.sames(known), strict=True):
            clusters = grouped(unit, same)
            yield asked, rows_of(asked, len(texts), clusters, measures_of(clusters, asked.expected, same))


def model_units(units: Iterable[Sampled], orders: dict[str, int], asker: Asker, config: ConfidenceConfig) -> Iterator[Unit]:
    """The same by a language model, one chain for each unit."""
    for asked, texts in units:
        yield Unit(f"measures {asked.unit_id}", orders[asked.unit_id], partial(_compared_by_model, asked, texts, asker, config))


def rows_of(asked: Asked, n_samples: int, clusters: Sequence[Cluster], measures: Measures | None, reason: str = "") -> Rows:
    """Clusters and confidence of one unit."""
    n = max(n_samples, 1)
    found = [
        UnitCluster(f"{asked.unit_id}.k{number}", asked.unit_id, one.first, form_of(one.first), len(one.members), len(one.members) / n)
        for number, one in enumerate(clusters)
    ]
    row = UnitConfidence(
        f"{asked.unit_id}.conf", asked.unit_id, asked.answer_id, asked.expected,
        measures and measures.max_conf, measures and measures.exp_conf, measures and measures.neg_ent, measures and measures.samp_conf,
        n_samples, len(clusters), "" if measures else reason or "no sample", asked.same_as,
    )  # fmt: skip
    return {"clusters": found, "confidences": [row]}


def _compared_by_model(asked: Asked, texts: Sequence[str], asker: Asker, config: ConfidenceConfig) -> Chain[Rows]:
    """Greedy, as in the original, but what the bound leaves uncompared stands alone and counts: masses add up to 1.

    What the text says is compared last, with the largest clusters first, within the same bound for one answer.
    """
    firsts, left = clusters_of(texts), config.comparisons
    groups: list[list[Cluster]] = []
    for cluster in firsts:
        among = [group for group in groups if _may_be_same(group[0].first, cluster.first)][: min(left, config.comparisons_per_answer)]
        said = yield [_request(asked, group[0].first, cluster.first, asker) for group in among]
        left -= len(among)
        own = next((group for group, response in zip(among, said, strict=True) if _is_yes(response)), None)
        if own is None:
            groups.append([cluster])
        else:
            own.append(cluster)
    clusters = [Cluster(group[0].first, tuple(sorted(place for one in group for place in one.members))) for group in groups]
    same = yield from _same_as_expected(asked, clusters, asker, config)
    return rows_of(asked, len(texts), clusters, measures_of(clusters, asked.expected, same))


def _same_as_expected(asked: Asked, clusters: Sequence[Cluster], asker: Asker, config: ConfidenceConfig) -> Chain[Same]:
    open_ = [one.first for one in sorted(clusters, key=lambda one: -len(one.members)) if _may_be_same(asked.expected, one.first)]
    among = [first for first in open_ if not is_same(asked.expected, first)][: config.comparisons_per_answer] if words_of(asked.expected) else []
    said = yield [_request(asked, asked.expected, first, asker) for first in among]
    alike = {first for first, response in zip(among, said, strict=True) if _is_yes(response)}
    return lambda own, first: first in alike or is_same(own, first)


def _may_be_same(one: str, other: str) -> bool:
    return bool(words_of(one) and words_of(other)) and not has_other_numbers(one, other)


def _request(asked: Asked, one: str, other: str, asker: Asker) -> Request:
    values = {"question": quoted(asked.context), "one": quoted(one), "other": quoted(other)}
    return asker.ask(SAME, asked.unit_id, values, COMPARE_TOKENS)


def _is_yes(response: Response) -> bool:
    """What is neither yes nor no joins nothing. Raises UnansweredError where no answer came."""
    if response.outcome == "failed":
        answered(response)
    return words_of(response.text.strip().partition("\n")[0])[:1] == ("yes",)

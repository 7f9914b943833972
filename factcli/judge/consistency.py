"""How far answers drawn for one question agree: SelfCheck's contradiction, BSDetector's confidence, semantic entropy.

Everything here is arithmetic on what an entailment model said; nobody is asked. Letters: K samples, S sentences of the reference.
A sample that is empty or did not come is None and keeps its place, so that number 3 is number 3 in every table. Self-Learning
drops such a sample, then finds the lists of unequal length and drops the whole question (spec §4.4, §7.49).

SelfCheckGPT: https://arxiv.org/abs/2303.08896. BSDetector: https://arxiv.org/abs/2308.16175.
Semantic entropy: https://arxiv.org/abs/2302.09664 and https://doi.org/10.1038/s41586-024-07421-0.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.judge.entailment import Entailment

NO_SAMPLES = "no sample has a text"
NO_REFERENCE = "the reference has no text"
ONE_SAMPLE = "one sample has nothing to agree with"

Neutral = Literal["left_out", "counted"]
Equivalence = Literal["entails", "not_contradicted"]
EntropyForm = Literal["normalised", "mean"]
Read = Callable[[Entailment], float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A mean over samples, and that of each (None for one without a text). `reason` says why there is no mean."""

    value: float | None
    by_sample_K: tuple[float | None, ...]
    reason: str = ""

    @property
    def n(self) -> int:
        """Samples that it stands on."""
        return sum(value is not None for value in self.by_sample_K)


def contradiction(neutral: Neutral = "left_out") -> Read:
    """P(contradict). SelfCheckGPT's eq. 8 leaves neutral out, so that a pair is either; where nothing but neutral is left it is 1/2."""
    if neutral == "counted":
        return lambda said: said.contradicts
    return lambda said: _share(said.contradicts, said.entails)


def entailment(neutral: Neutral = "left_out") -> Read:
    """P(entail), with neutral as in `contradiction`: left out, the two sum to 1."""
    if neutral == "counted":
        return lambda said: said.entails
    return lambda said: _share(said.entails, said.contradicts)


def _share(one: float, other: float) -> float:
    return one / (one + other) if one + other > 0 else 0.5


def against_reference(judged_KS: Sequence[Sequence[Entailment] | None], read: Read) -> Agreement:
    """c_k = mean over the reference's sentences of what `read` takes of (sentence, sample k); S = mean over k.

    SelfCheckGPT scores each sentence over its samples and averages later; with K samples for each sentence the means are the same.
    `judged_KS[k]` is None for a sample without text; an empty row means that the reference has no sentence.
    """
    if any(row is not None and not row for row in judged_KS):
        return Agreement(None, (None,) * len(judged_KS), NO_REFERENCE)
    by_sample = tuple(None if row is None else math.fsum(map(read, row)) / len(row) for row in judged_KS)
    return _meaned(by_sample, NO_SAMPLES)


def each_other(n_samples: int, judged: Mapping[tuple[int, int], Sequence[Entailment]], read: Read) -> Agreement:
    """Every sample against every other: c_i = mean over j != i of the value of the pair {i, j}; S = mean over i.

    `judged` has each unordered pair (i, j), i < j, once: what was said of the sentences of i and the whole of j. A sample that is
    in no pair has no text.
    """
    values: dict[int, list[float]] = {}
    for (one, other), said in judged.items():
        assert one < other, "each pair once, the lower number first"
        assert said, "a sample with a text has at least one sentence"
        value = math.fsum(map(read, said)) / len(said)
        values.setdefault(one, []).append(value)
        values.setdefault(other, []).append(value)
    by_sample = tuple(math.fsum(values[place]) / len(values[place]) if place in values else None for place in range(n_samples))
    return _meaned(by_sample, ONE_SAMPLE)


def _meaned(by_sample: tuple[float | None, ...], why_none: str) -> Agreement:
    known = [value for value in by_sample if value is not None]
    return Agreement(math.fsum(known) / len(known), by_sample) if known else Agreement(None, by_sample, why_none)


def confidence(agreement: float | None, reflection: float | None, beta: float) -> float | None:
    """BSDetector's beta * o + (1 - beta) * s; with beta 1 it needs no reflection, with beta 0 no samples. None where a part that counts is missing."""
    parts = [(beta, agreement), (1 - beta, reflection)]
    if any(weight > 0 and value is None for weight, value in parts):
        return None
    return math.fsum(weight * value for weight, value in parts if value is not None and weight > 0)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Samples by meaning. `of_sample_K`: number of its cluster, None without text. `share_C`: weights of the clusters, sum 1."""

    of_sample_K: tuple[int | None, ...]
    share_C: tuple[float, ...]
    entropy: float | None  # in nats
    by_logprobs: bool  # else by how many samples a cluster has

    def share_of(self, sample: int) -> float | None:
        cluster = self.of_sample_K[sample]
        return None if cluster is None else self.share_C[cluster]


def same_meaning(there: Entailment, back: Entailment, rule: Equivalence) -> bool:
    """entails: each direction has entailment as its likeliest class (Kuhn's algorithm 1). not_contradicted: neither has contradiction
    (Self-Learning, and Kuhn's own code). With a model of two classes both say the same.
    """
    if rule == "entails":
        return all(said.entails > max(said.neutral, said.contradicts) for said in (there, back))
    return not any(said.contradicts > max(said.neutral, said.entails) for said in (there, back))


def cluster(has_text_K: Sequence[bool], both_ways: Mapping[tuple[int, int], tuple[Entailment, Entailment]], rule: Equivalence) -> tuple[int | None, ...]:
    """The cluster of each sample, None for one without a text: greedy in their order, against each cluster's first; of several that
    fit, the one with the highest mean probability of entailment. `both_ways` has (i, j), i < j: whether i entails j, and back.
    """
    firsts: list[int] = []
    found: list[int | None] = [None] * len(has_text_K)
    for place in (number for number, has_text in enumerate(has_text_K) if has_text):
        said = [both_ways[first, place] for first in firsts]
        fits = [number for number, pair in enumerate(said) if same_meaning(*pair, rule)]
        if fits:
            found[place] = max(fits, key=lambda number: said[number][0].entails + said[number][1].entails)
        else:
            found[place] = len(firsts)
            firsts.append(place)
    return tuple(found)


def clusters_of(of_sample_K: Sequence[int | None], mean_logprobs_K: Sequence[float | None], form: EntropyForm) -> Clusters:
    """Weights and entropy of clusters.

    log p(c) = logsumexp over its samples of their mean log-probability per token (length-normalised); where any sample lacks one,
    p(c) is its share of the samples (discrete semantic entropy).

    normalised: H = -sum p ln p with the p made to sum to 1: 0 for one cluster, ln C at most, one scale with and without
    log-probabilities. mean: -(1/C) sum ln p(c) as in Kuhn's eq. 4 and Self-Learning, p not normalised: below 0 is possible.
    """
    placed = [(number, logprob) for number, logprob in zip(of_sample_K, mean_logprobs_K, strict=True) if number is not None]
    if not placed:
        return Clusters(tuple(of_sample_K), (), None, False)
    by_logprobs = all(logprob is not None for _, logprob in placed)
    n = max(number for number, _ in placed) + 1
    logs_C = [
        _logsumexp([logprob for number, logprob in placed if number == c and logprob is not None])
        if by_logprobs
        else math.log(sum(number == c for number, _ in placed) / len(placed))
        for c in range(n)
    ]
    total = _logsumexp(logs_C)
    share_C = tuple(math.exp(value - total) for value in logs_C)
    entropy = -math.fsum(logs_C) / n if form == "mean" else -math.fsum(share * (value - total) for share, value in zip(share_C, logs_C, strict=True))
    return Clusters(tuple(of_sample_K), share_C, entropy + 0.0, by_logprobs)


def _logsumexp(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))

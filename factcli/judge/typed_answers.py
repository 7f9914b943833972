"""Certain, unsure and unknown answers: by a model's words, and by thresholds on the probability of an answer; what each is worth.

Thresholds are fitted on the dev split and reported on the test split. Two rules, both by plain counting, nothing is smoothed:
precision  the lowest probability at or above which the share of right dev answers is at least the target
coverage   the probability that leaves the target share of dev answers at or above it
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from factcli.judge.metrics import GROUP_ORDER, RANKING_DRAWS, Metric, row
from factcli.judge.responses import TYPES, ResponseType
from factcli.rows import Split
from factcli.stats import Bootstrap, Estimate, Item, RankedClaim, bootstrap_ratio, share
from factcli.stats.bounds import UNIT
from factcli.stats.ties import tied_risk_at_coverage, tied_risk_coverage_area

Source = Literal["words", "threshold"]
SOURCES: tuple[Source, ...] = ("words", "threshold")
Target = Literal["precision", "coverage"]
Knows = Literal["all", "known", "unknown"]
COVERAGES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))
REFUSED = -1.0  # ranks an answer that says nothing behind all others


@dataclass(frozen=True, slots=True)
class TypedAnswer:
    """One question, answered by the model whose words are read and by the model whose probability is (often the same one)."""

    id: str
    question_id: str
    split: Split
    subject: str
    group: str
    popularity: int
    question: str
    text: str
    words: ResponseType
    is_right: bool  # what it says besides a hedge
    confidence: float  # probability of what it says besides a hedge, 0..1
    beside_text: str
    threshold: ResponseType
    beside_is_right: bool
    beside_is_refusal: bool
    beside_confidence: float
    base_is_right: bool  # the untouched base, asked the same


@dataclass(frozen=True, slots=True)
class FittedThreshold:
    """An answer at or above `certain` is certain, at or above `given` it is at least unsure, below it is unknown."""

    id: Literal["certain", "given"]
    value: float | None  # None: no threshold reaches the target on dev, and no answer is of that type
    rule: Target
    target: float
    n_dev: int
    dev_precision: float | None
    dev_coverage: float
    test_precision: float | None
    test_low: float | None
    test_high: float | None
    test_coverage: float


@dataclass(frozen=True, slots=True)
class TypeShare:
    """How often a type is given in a group, and how often it is then right."""

    source: Source
    group: str
    base_knows: Knows
    type: ResponseType
    share: float | None
    low: float | None
    high: float | None
    n_items: int  # questions asked
    n_subjects: int
    accuracy: float | None  # of the answers of this type, not of refusals
    accuracy_low: float | None
    accuracy_high: float | None
    n_of_type: int
    mean_log10_popularity: float | None  # of the questions that were answered so; subjects without any views are left out


@dataclass(frozen=True, slots=True)
class RiskAtCoverage:
    """Share wrong when only the surest `coverage` of all questions is answered: by words, by probability, and their paired difference."""

    coverage: float
    words: float | None
    words_low: float | None
    words_high: float | None
    threshold: float | None
    threshold_low: float | None
    threshold_high: float | None
    difference: float | None  # words minus threshold: above 0, the threshold is better
    difference_low: float | None
    difference_high: float | None
    n_items: int
    n_subjects: int


def type_by(confidence: float, is_refusal: bool, certain: float | None, given: float | None) -> ResponseType:
    """The type that thresholds give; a refusal is unknown however probable its words are."""
    if is_refusal:
        return "unknown"
    if certain is not None and confidence >= certain:
        return "certain"
    return "unsure" if given is not None and confidence >= given else "unknown"


def fitted(scored: Sequence[tuple[float, bool]], rule: Target, target: float) -> float | None:
    """The threshold on (probability, whether it is right) of dev answers; None where none reaches the target."""
    ordered = sorted(scored, reverse=True)
    confidences = [confidence for confidence, _ in ordered]
    if rule == "coverage":
        return _below(confidences, max(1, round(target * len(ordered)))) if ordered else None
    ends = [n for n in range(1, len(ordered) + 1) if n == len(ordered) or confidences[n - 1] != confidences[n]]
    rights = list(accumulate(is_right for _, is_right in ordered))
    return next((_below(confidences, n) for n in reversed(ends) if rights[n - 1] / n >= target), None)


def _below(confidences: Sequence[float], n_kept: int) -> float:
    """Half-way between the last that is kept and the next, where they differ; of neighbours too near for that the last kept."""
    last = confidences[n_kept - 1]
    middle = last if n_kept == len(confidences) else (last + confidences[n_kept]) / 2
    return middle if n_kept == len(confidences) or middle > confidences[n_kept] else last


def describe(which: Literal["certain", "given"], value: float | None, rule: Target, target: float, answers: Sequence[TypedAnswer]) -> FittedThreshold:
    """What a threshold does on dev, where it was fitted, and on test, where it was not."""
    dev, test = ([answer for answer in answers if answer.split == split] for split in ("dev", "test"))
    kept_dev, kept_test = (_kept(some, value) for some in (dev, test))
    found = share(Item(answer.subject, answer.beside_is_right) for answer in kept_test)
    return FittedThreshold(
        which, value, rule, target, len(dev),
        _mean([answer.beside_is_right for answer in kept_dev]), len(kept_dev) / len(dev) if dev else 0.0,
        found.value, found.low, found.high, len(kept_test) / len(test) if test else 0.0,
    )  # fmt: skip


def _kept(answers: Iterable[TypedAnswer], value: float | None) -> list[TypedAnswer]:
    return [answer for answer in answers if value is not None and not answer.beside_is_refusal and answer.beside_confidence >= value]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def type_of(answer: TypedAnswer, source: Source) -> ResponseType:
    return answer.words if source == "words" else answer.threshold


def right_of(answer: TypedAnswer, source: Source) -> bool:
    return answer.is_right if source == "words" else answer.beside_is_right


def shares(answers: Sequence[TypedAnswer]) -> Iterator[TypeShare]:
    """Type by popularity group and by whether the base knows the answer, for both sources."""
    groups = sorted({a.group for a in answers}, key=lambda name: (GROUP_ORDER.index(name) if name in GROUP_ORDER else -1, name))
    for source in SOURCES:
        for group in ("all", *groups):
            of_group = [a for a in answers if group in ("all", a.group)]
            for knows in ("all", "known", "unknown"):
                some = [a for a in of_group if knows == "all" or a.base_is_right == (knows == "known")]
                yield from (_type_share(some, source, group, knows, type_) for type_ in TYPES if some)  # type: ignore[arg-type]  # of Knows


def _type_share(answers: Sequence[TypedAnswer], source: Source, group: str, knows: Knows, type_: ResponseType) -> TypeShare:
    own = [a for a in answers if type_of(a, source) == type_]
    found = share(Item(a.subject, type_of(a, source) == type_) for a in answers)
    right = share(Item(a.subject, right_of(a, source)) for a in own) if own and type_ != "unknown" else Estimate(None, None, None, 0, 0)
    views = [math.log10(a.popularity) for a in own if a.popularity > 0]
    return TypeShare(
        source, group, knows, type_, found.value, found.low, found.high, found.n_items, found.n_clusters,
        right.value, right.low, right.high, len(own), _mean(views),
    )  # fmt: skip


def ranked(answers: Iterable[TypedAnswer], source: Source) -> list[RankedClaim]:
    """Every question as something to give or withhold: by words in three levels, by probability in as many as there are."""
    if source == "words":
        return [RankedClaim(a.subject, a.id, float(TYPES[::-1].index(a.words)), a.is_right) for a in answers]
    return [RankedClaim(a.subject, a.id, REFUSED if a.beside_is_refusal else a.beside_confidence, a.beside_is_right) for a in answers]


def risk_coverage(answers: Sequence[TypedAnswer]) -> list[RiskAtCoverage]:
    by_words, by_probability = (ranked(answers, source) for source in SOURCES)
    rows = []
    for coverage in COVERAGES if answers else ():
        words, probability = (tied_risk_at_coverage(some, coverage, RANKING_DRAWS) for some in (by_words, by_probability))
        difference = words.minus(probability)
        rows.append(RiskAtCoverage(coverage, *_ends(words), *_ends(probability), *_ends(difference), words.n_items, words.n_clusters))
    return rows


def _ends(found: Bootstrap) -> tuple[float | None, float | None, float | None]:
    estimate = found.estimate()
    return estimate.value, estimate.low, estimate.high


def figures(answers: Sequence[TypedAnswer]) -> list[Metric]:
    """The areas, their paired difference, and what types tell of knowledge.

    responses.<source>.tells_unknown: share of `unknown` among the questions that the base has wrong, minus that among those it has right.
    0: the type says nothing of what is known.
    """
    if not answers:
        return []
    areas = [tied_risk_coverage_area(ranked(answers, source), RANKING_DRAWS) for source in SOURCES]
    rows = [row(f"responses.{source}.risk_coverage_area", "all", area.estimate()) for source, area in zip(SOURCES, areas, strict=True)]
    rows.append(row("responses.risk_coverage_area_difference", "all", areas[0].minus(areas[1]).estimate()))
    for source in SOURCES:
        rows.append(row(f"responses.{source}.tells_unknown", "all", _tells_unknown(answers, source)))
        for type_ in TYPES:
            rows.append(row(f"responses.{source}.{type_}", "all", share(Item(a.subject, type_of(a, source) == type_) for a in answers)))
    return rows


def _tells_unknown(answers: Sequence[TypedAnswer], source: Source) -> Estimate:
    known, unknown = (bootstrap_ratio(_refusals(answers, source, is_known), bounds=UNIT) for is_known in (True, False))
    return unknown.minus(known).estimate()


def _refusals(answers: Sequence[TypedAnswer], source: Source, is_known: bool) -> list[Item]:
    """Of the questions of one kind; a subject that has none stays one, so that both kinds are redrawn together."""
    return [Item(a.subject, type_of(a, source) == "unknown" and a.base_is_right == is_known, a.base_is_right == is_known) for a in answers]

"""Figures of confidence: area under risk and coverage, accuracy at fixed coverage, truth at equal numbers of claims; and the curves."""

from collections.abc import Iterator, Sequence

from factcli.comparisonrows import ComparedCurvePoint, ComparedFigure
from factcli.evalrows import ItemScore, is_lower_better
from factcli.judge.compare import Results, equal_claims_difference
from factcli.judge.measured import Measured, Pairs, is_of_task
from factcli.judge.metrics import is_judged, ranked_claims
from factcli.stages.compare.settings import CompareConfig
from factcli.stats import RankedClaim, share_at_equal_claims
from factcli.stats.bootstrap import MOST_LEFT_OUT
from factcli.stats.paired import Tested
from factcli.stats.selective import ABSTAINED, FLIPS, RISK_AREA, Selective, StatisticOf, compare_selective, curve_of, equal_claims, share_at, swap_test

RANKED = "accuracy"  # the last part of the figures whose items are right or wrong, once each: others would tell the same again
AREA = "risk_coverage_area"
EQUAL_CLAIMS = "bio.share_correct_at_equal_claims"
MOST_POINTS = 100


def selective_figures(pairs: Pairs, model: str, baseline: str, config: CompareConfig) -> list[ComparedFigure]:
    """Of a figure of right and wrong answers that all have a confidence; none of others."""
    sides = ranked_sides(pairs)
    if sides is None:
        return []
    wanted: dict[str, StatisticOf] = {AREA: RISK_AREA} | {f"at_coverage_{100 * share:g}": share_at(share) for share in config.coverage}
    return [_selective(pairs, f"{pairs.metric}.{name}", compare_selective(*sides, of, config.seed), model, baseline) for name, of in wanted.items()]


def ranked_sides(pairs: Pairs) -> tuple[list[RankedClaim], list[RankedClaim]] | None:
    """The answers of the model and of the baseline as things to rank; None where they cannot be."""
    if pairs.metric.rpartition(".")[2] != RANKED:
        return None
    kept = [(mine, base) for mine, base in pairs.items if mine.denominator > 0 and base.denominator > 0]
    if not kept or not all(_is_rankable(item) for both in kept for item in both):
        return None
    return [_ranked(mine, base.subject) for mine, base in kept], [_ranked(base, base.subject) for _, base in kept]


def unranked(pairs: Pairs, model: str, baseline: str) -> str | None:
    """Why answers that are right or wrong have no figures of confidence; None where they have, or are of another kind."""
    if pairs.metric.rpartition(".")[2] != RANKED or ranked_sides(pairs) is not None:
        return None
    sides = {model: [mine for mine, _ in pairs.items], baseline: [base for _, base in pairs.items]}
    silent = {ref: sum(item.denominator > 0 and item.confidence is None and not item.is_abstention for item in items) for ref, items in sides.items()}
    without = [f"{n:,} of {len(sides[ref]):,} answers of {ref} have no confidence" for ref, n in silent.items() if n]
    return f"no risk and coverage of {pairs.metric}: {', '.join(without) or 'its items are not right or wrong, once each'}"


def _is_rankable(item: ItemScore) -> bool:
    return item.denominator == 1 and item.numerator in (0, 1) and (item.confidence is not None or item.is_abstention)


def _ranked(item: ItemScore, subject: str) -> RankedClaim:
    confidence = ABSTAINED if item.is_abstention or item.confidence is None else item.confidence
    return RankedClaim(subject, item.id, confidence, item.numerator == 1)


def _selective(pairs: Pairs, metric: str, found: Selective, model: str, baseline: str) -> ComparedFigure:
    difference, tested = found.difference, found.tested
    return ComparedFigure(
        id=f"{model}.{metric}.all",
        role="gain",
        model=model,
        baseline=baseline,
        metric=metric,
        group="all",
        value=found.value,
        baseline_value=found.other,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        p_value=tested.p_value,
        p_holm=None,
        test=how_ranked(tested),
        interval="bca+t" if difference.n_clusters <= MOST_LEFT_OUT else "bca",
        n_items=difference.n_items,
        n_subjects=difference.n_clusters,
        n_unpaired=pairs.n_unpaired,
        smallest=None,
        design_effect=None,
        is_lower_better=is_lower_better(metric),
        is_share=True,
    )


def how_ranked(tested: Tested) -> str:
    """Drawing ends where p is plainly large, so only the most is the same for all."""
    if tested.p_value is None:
        return ""
    return f"all {tested.n_flips} swaps" if tested.is_exact else f"up to {FLIPS} drawn swaps"


def claim_figures(model: Measured, baseline: Measured, metrics: Sequence[str], config: CompareConfig) -> list[ComparedFigure]:
    """Truth of the surest claims, the same number of each: a model that says less does not win by that."""
    if not any(is_of_task(metric, "bio") for metric in metrics) or not _have_claims(model.results, baseline.results):
        return []
    mine, others = on_common(model.results, baseline.results)
    difference = equal_claims_difference(mine, others).estimate()
    sides = {name: ranked_claims(results.claims) for name, results in (("model", mine), ("other", others))}
    cut = share_at_equal_claims(sides, {answer.subject for answer in others.biographies}, draws=1)
    tested = swap_test(sides["model"], sides["other"], equal_claims, config.seed)
    values = (cut.by_method["model"].value, cut.by_method["other"].value)
    pairs = Pairs(EQUAL_CLAIMS, (), 0)
    row = _selective(pairs, EQUAL_CLAIMS, Selective(values[0], values[1], difference, tested), model.ref, baseline.ref)
    return [row]


def _have_claims(*sides: Results) -> bool:
    """Claims that both models were sure of to some degree: without a confidence there is no ranking."""
    return all(any(claim.confidence > 0 for claim in results.claims if is_judged(claim)) for results in sides)


def on_common(model: Results, baseline: Results) -> tuple[Results, Results]:
    """Both on the biographies that both were asked for."""
    common = {answer.question_id for answer in model.biographies} & {answer.question_id for answer in baseline.biographies}
    return _kept(model, common), _kept(baseline, common)


def _kept(results: Results, common: set[str]) -> Results:
    answers = [answer for answer in results.biographies if answer.question_id in common]
    ids = {answer.id for answer in answers}
    return Results([], answers, [claim for claim in results.claims if claim.answer_id in ids])


def curves_of(model: Measured, baseline: Measured, pairs_of: Sequence[Pairs], of_model: bool) -> Iterator[ComparedCurvePoint]:
    """Risk by coverage of what was asked, and truth by claims kept per answer; of the model, or of the baseline on the same items."""
    ref = model.ref if of_model else baseline.ref
    for pairs in pairs_of:
        sides = ranked_sides(pairs)
        if sides is not None:
            for n, point in enumerate(curve_of(sides[not of_model], MOST_POINTS)):
                yield ComparedCurvePoint(f"risk.{pairs.metric}.{ref}.{n}", "risk", pairs.metric, ref, point.coverage, point.risk, point.n)
    if _have_claims(model.results, baseline.results):
        own = on_common(model.results, baseline.results)[not of_model]
        n_answers = len(own.biographies)
        for n, point in enumerate(curve_of(ranked_claims(own.claims), MOST_POINTS)):
            yield ComparedCurvePoint(f"claims.bio.share_correct.{ref}.{n}", "claims", "bio.share_correct", ref, point.n / n_answers, 1 - point.risk, point.n)

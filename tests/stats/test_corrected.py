"""Corrected scores: small cases by hand, and coverage of what humans say in simulated annotations, for good, bad and useless judges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from factcli.stats.corrected import CHANCE, ESTIMATORS, FEW, NOTHING, Both, Corrected, Judged, Target, plug_in, ppi, ppi_plus, uncorrected


def simulated(rng: np.random.Generator, n: int, sensitivity: float, specificity: float, mean: float = 0.45) -> list[Both]:
    """Responses of 5 to 40 claims; each has its own share of supported claims (Beta), and its own ease for the judge."""
    n_N, share_N, ease_N = rng.integers(5, 41, n), rng.beta(4 * mean, 4 * (1 - mean), n), rng.normal(0, 0.05, n)
    true_N = rng.binomial(n_N, share_N)
    tp_N = rng.binomial(true_N, np.clip(sensitivity + ease_N, 0, 1))
    tn_N = rng.binomial(n_N - true_N, np.clip(specificity + ease_N, 0, 1))
    fp_N, fn_N = n_N - true_N - tn_N, true_N - tp_N
    cells_N6 = np.stack([true_N, tp_N + fp_N, tp_N, fp_N, tn_N, fn_N], axis=1) / n_N[:, None]
    return [Both(f"t{number}", *map(float, cells)) for number, cells in enumerate(cells_N6)]


def without_labels(responses: list[Both]) -> list[Judged]:
    return [Judged(one.cluster, one.judged) for one in responses]


def test_rogan_gladen_gives_back_the_truth_of_the_card_itself() -> None:
    """On the labelled answers themselves sum(judged) = sensitivity * positives + (1 - specificity) * negatives: no error is left."""
    card = simulated(np.random.default_rng(1), 30, 0.8, 0.7)
    truth = np.mean([one.human for one in card])
    for estimate in (plug_in, ppi, ppi_plus):
        assert estimate(card, without_labels(card)).value == pytest.approx(truth)


def test_rogan_gladen_by_hand() -> None:
    """Three responses, each tp .4 fp .2 tn .3 fn .1: sensitivity .8, specificity .6, Youden .4. Judged .5: (.5 + .6 - 1) / .4 = .25."""
    card = [Both(cluster, 0.5, 0.6, 0.4, 0.2, 0.3, 0.1) for cluster in "abc"]
    found = plug_in(card, [Judged("x", 0.5), Judged("y", 0.5)])
    assert found.value == pytest.approx(0.25)
    assert (found.low, found.high) == pytest.approx((0, 0.25 + 1 - 0.025 ** (1 / 3)))  # three equal responses: nothing varies


def test_a_judge_that_was_never_wrong_may_yet_be() -> None:
    """None of 90 responses differs: up to 1 - .025 ** (1/90) = 4.0% of them may."""
    card = [Both(str(n), n / 90, n / 90, n / 90, 0, 1 - n / 90, 0) for n in range(90)]
    for name in ("plug_in", "ppi", "ppi++"):
        found = ESTIMATORS[name](card, [Judged("x", 0.4), Judged("y", 0.6)], "answers")
        assert (found.low, found.value, found.high) == pytest.approx((0.4598, 0.5, 0.5402), abs=1e-4)


def test_prediction_powered_inference_by_hand() -> None:
    """human - judged: -.1 -.2 -.3 -.2, mean -.2, variance .02/3 = .00667. Judged mean .7 over 5: .5.

    Answers: .00667 * (1/4 + 1/5) = .003, t(3) = 3.182: half-width .1743. Population: .00667/4 + variance of .5 .6 .7 .8 .9 (.025) / 5.
    """
    card = [Both(str(number), human, judged) for number, (human, judged) in enumerate([(0.4, 0.5), (0.5, 0.7), (0.3, 0.6), (0.6, 0.8)])]
    judged = [Judged(f"n{number}", value) for number, value in enumerate((0.5, 0.6, 0.7, 0.8, 0.9))]
    found = ppi(card, judged)
    assert found.value == pytest.approx(0.5)
    assert (found.high - found.low) / 2 == pytest.approx(3.18245 * math.sqrt(0.003), rel=1e-4)
    population = ppi(card, judged, "population")
    assert (population.high - population.low) / 2 == pytest.approx(3.18245 * math.sqrt(0.02 / 3 / 4 + 0.025 / 5), rel=1e-4)


def test_the_tuned_interval_is_that_of_a_regression_line() -> None:
    """With one answer a topic it is the classical interval for the mean of M new values at x: s^2 (1/N + 1/M + (x - mean)^2 / Sxx), t(N - 2)."""
    rng = np.random.default_rng(3)
    x, noise = rng.random(12), rng.normal(0, 0.05, 12)
    card = [Both(str(n), float(0.2 + 0.5 * x[n] + noise[n]), float(x[n])) for n in range(12)]
    slope, intercept = np.polyfit(x, [one.human for one in card], 1)
    s2 = sum((one.human - intercept - slope * one.judged) ** 2 for one in card) / 10
    judged = [Judged(f"n{n}", value) for n, value in enumerate((0.9, 0.7, 0.8, 0.6))]
    found = ppi_plus(card, judged)
    reach = t.ppf(0.975, 10) * math.sqrt(s2 * (1 / 12 + 1 / 4 + (0.75 - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()))
    assert (found.value, found.low, found.high) == pytest.approx((intercept + slope * 0.75, intercept + slope * 0.75 - reach, intercept + slope * 0.75 + reach))


def test_a_judge_that_says_nothing_gives_the_human_mean() -> None:
    card = [Both(str(n), n / 10, 0.5, *(4 * (0.25,))) for n in range(10)]
    judged = [Judged(f"n{n}", 0.5) for n in range(5)]
    assert ppi_plus(card, judged).value == pytest.approx(0.45)
    assert (plug_in(card, judged).value, plug_in(card, judged).reason) == (None, CHANCE)


def test_answers_of_one_topic_count_as_one_in_the_card_and_beside_it() -> None:
    rng = np.random.default_rng(5)
    card = simulated(rng, 40, 0.8, 0.8)
    judged = without_labels(simulated(rng, 20, 0.8, 0.8))
    twice = [Judged(one.cluster, one.judged) for one in judged for _ in range(2)]
    double = [one for one in card for _ in range(2)]
    for estimate in (plug_in, ppi):
        one, other = estimate(card, judged), estimate(double, twice)
        assert other.value == pytest.approx(one.value)
        assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.03)


def test_the_delta_interval_is_as_wide_as_redrawing_both_samples_says() -> None:
    """400 redraws of card and answers: their standard deviation times t(79) against the half-width, for the population."""
    rng = np.random.default_rng(13)
    card, new = simulated(rng, 80, 0.85, 0.7), simulated(rng, 80, 0.85, 0.7, mean=0.75)
    judged = without_labels(new)
    values = []
    for _ in range(400):
        drawn = [card[n]._replace(cluster=str(k)) for k, n in enumerate(rng.integers(0, 80, 80))]
        again = [judged[n]._replace(cluster=str(k)) for k, n in enumerate(rng.integers(0, 80, 80))]
        values.append(plug_in(drawn, again, "population").value)
    found = plug_in(card, judged, "population")
    assert (found.high - found.low) / 2 == pytest.approx(t.ppf(0.975, 79) * np.std(values), rel=0.12)


def test_the_card_s_part_of_the_delta_interval_is_the_jackknife_s() -> None:
    """A judge that is lenient to some responses and strict to others: sensitivity and specificity err together, so their signs count.

    New answers all judged .5 have no spread of their own: what is left is the card's, known from leaving out each response in turn.
    """
    rng = np.random.default_rng(17)
    leniency = rng.uniform(0.1, 0.9, 60)
    card = [Both(str(n), 0.5, 0.45 + 0.1 * x, 0.3 + 0.2 * x, 0.2 * x, 0.5 - 0.2 * x, 0.2 - 0.2 * x) for n, x in enumerate(leniency)]
    judged = [Judged("x", 0.3), Judged("y", 0.3)]
    without = [plug_in(card[:n] + card[n + 1 :], judged, "population").value for n in range(60)]
    error = math.sqrt(59 / 60 * sum((value - np.mean(without)) ** 2 for value in without))
    found = plug_in(card, judged, "population")
    assert (found.high - found.low) / 2 == pytest.approx(t.ppf(0.975, 59) * error, rel=0.03)


def test_for_the_population_the_slope_is_shared_between_both_samples() -> None:
    """Power tuning, arXiv 2311.01453: slope / (1 + N / M); with as many labelled as judged responses it is half the line's."""
    card = [Both(str(n), human, judged) for n, (human, judged) in enumerate([(0.2, 0.1), (0.4, 0.4), (0.5, 0.4), (0.7, 0.7)])]
    slope = np.polyfit([one.judged for one in card], [one.human for one in card], 1)[0]
    judged = [Judged(f"n{n}", 0.6) for n in range(4)]
    assert ppi_plus(card, judged, "population").value == pytest.approx(0.45 + slope / 2 * (0.6 - 0.4))
    assert ppi_plus(card, judged, "answers").value == pytest.approx(0.45 + slope * (0.6 - 0.4))


def test_where_nothing_can_be_said_there_is_a_reason() -> None:
    card = simulated(np.random.default_rng(0), 2, 0.9, 0.9)
    for name in ("plug_in", "ppi", "ppi++"):
        assert ESTIMATORS[name](card, [Judged("x", 0.5)], "answers").reason == FEW
        assert ESTIMATORS[name](card * 3, [], "answers").reason == NOTHING
    assert uncorrected(card, [Judged("x", 0.5)]).reason == NOTHING
    perfect = [Both(str(n), 1.0, 1.0, 1.0, 0, 0, 0) for n in range(9)]
    assert plug_in(perfect, [Judged("x", 0.5)]).reason == CHANCE


UNIT = st.floats(0, 1)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), UNIT, UNIT), max_size=12), st.lists(st.tuples(st.sampled_from("uvw"), UNIT), max_size=6))
def test_an_estimate_is_a_share_inside_its_interval_or_has_a_reason(labelled: list[tuple[str, float, float]], judged: list[tuple[str, float]]) -> None:
    card, new = [Both(*row) for row in labelled], [Judged(*row) for row in judged]
    for estimate in ESTIMATORS.values():
        for target in ("answers", "population"):
            found = estimate(card, new, target)  # type: ignore[arg-type]
            if found.reason:
                assert (found.value, found.low, found.high) == (None, None, None)
            else:
                assert 0 <= found.low <= found.value <= found.high <= 1


def covered(found: Corrected, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


JUDGES = [(0.85, 0.75), *(pytest.param(*judge, marks=pytest.mark.slow) for judge in ((0.95, 0.9), (0.7, 0.6), (0.55, 0.5)))]


@pytest.mark.parametrize("target", ["answers", "population"])
@pytest.mark.parametrize(("sensitivity", "specificity"), JUDGES)
def test_intervals_hold_what_they_promise(sensitivity: float, specificity: float, target: Target) -> None:
    """300 simulated annotations of 60 + 60 responses: 95% intervals cover 92% or more (3 standard errors below is 91.2%).

    The population's mean is Beta's 0.45. The judge at .55/.5 knows next to nothing: plug_in gives no interval at most times.
    """
    rng = np.random.default_rng(7)
    hits: dict[str, list[bool]] = {name: [] for name in ESTIMATORS}
    for _ in range(300):
        card, new = simulated(rng, 60, sensitivity, specificity), simulated(rng, 60, sensitivity, specificity)
        truth = float(np.mean([one.human for one in new])) if target == "answers" else 0.45
        for name, estimate in ESTIMATORS.items():
            found = estimate(card, without_labels(new), target)
            if found.value is not None:
                hits[name].append(covered(found, truth))
    assert np.mean(hits["ppi"]) >= 0.912
    assert np.mean(hits["ppi++"]) >= 0.912
    if sensitivity + specificity > 1.2:
        assert len(hits["plug_in"]) == 300
        assert np.mean(hits["plug_in"]) >= 0.912
    else:
        assert len(hits["plug_in"]) < 150
    bias = sensitivity * 0.45 + (1 - specificity) * 0.55 - 0.45
    assert bias < 0.05 or np.mean(hits["uncorrected"]) < 0.9  # what correction is for: a biased judge's own interval misses


@pytest.mark.parametrize(("sensitivity", "specificity"), JUDGES)
def test_tuning_never_widens_much_and_narrows_for_a_useless_judge(sensitivity: float, specificity: float) -> None:
    rng = np.random.default_rng(11)
    widths: dict[str, list[float]] = {"ppi": [], "ppi++": []}
    for _ in range(100):
        card, new = simulated(rng, 60, sensitivity, specificity), without_labels(simulated(rng, 60, sensitivity, specificity))
        for name in widths:
            found = ESTIMATORS[name](card, new, "answers")
            widths[name].append(found.high - found.low)
    assert np.mean(widths["ppi++"]) < 1.02 * np.mean(widths["ppi"])
    if sensitivity < 0.6:
        assert np.mean(widths["ppi++"]) < 0.95 * np.mean(widths["ppi"])

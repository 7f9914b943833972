"""A card by hand, and FActScore's own labels: what counts, what is left out, and whether corrections cover held-out humans."""

from pathlib import Path

import pytest

from factcli.judge.cards.figures import Opinion, both_of, held_out, measures_of, response_of, table_of
from factcli.rows import Verdict
from factcli.scorerows import AnswerClaim, ScoredAnswer
from tests.bench import calibration

ANSWER = ScoredAnswer("a", "q", "Who?", "Ann", "text")


def human(labels: str) -> list[AnswerClaim]:
    return [AnswerClaim(f"a.h{n}", "a", "x", 0, -1, -1, "given", label={"S": "S", "N": "NS", "I": "IR", "-": ""}[label]) for n, label in enumerate(labels)]


def opinions(labels: str, verdicts: str) -> list[Opinion]:
    words: dict[str, Verdict] = {"s": "supported", "n": "unsupported", "i": "irrelevant", "u": "unscored"}
    return [Opinion(claim.label, words[verdict]) for claim, verdict in zip(human(labels), verdicts, strict=True)]


def test_irrelevant_claims_count_as_not_supported_or_not_at_all() -> None:
    """Labels S S N I -, verdicts s n s s s. Counted: human 2/4; judged 4/5; both: tp 1, fn 1, fp 2 (N and I). Left out: 2/3, 3/4, fp 1."""
    labels, verdicts = "SSNI-", "snsss"
    counted = response_of(ANSWER, human(labels), opinions(labels, verdicts), "counted")
    assert (counted.human, counted.judged, counted.n_human, counted.n_judged) == (0.5, 0.8, 4, 5)
    assert (counted.true_positive, counted.false_positive, counted.true_negative, counted.false_negative) == (1, 2, 0, 1)
    left_out = response_of(ANSWER, human(labels), opinions(labels, verdicts), "left_out")
    assert (left_out.human, left_out.judged, left_out.n_human, left_out.n_judged) == (2 / 3, 0.75, 3, 4)
    assert (left_out.true_positive, left_out.false_positive, left_out.false_negative) == (1, 1, 1)


def test_an_unscored_claim_is_in_no_denominator_and_counted() -> None:
    found = response_of(ANSWER, human("SSN"), opinions("SSN", "suu"), "counted")
    assert (found.human, found.judged, found.n_judged, found.n_unscored) == (2 / 3, 1.0, 1, 2)
    nothing = response_of(ANSWER, human("SSN"), opinions("SSN", "uuu"), "counted")
    assert (nothing.judged, nothing.reason) == (None, "no claim was scored")
    unlabelled = response_of(ANSWER, human("--"), opinions("--", "ss"), "counted")
    assert (unlabelled.human, unlabelled.reason) == (None, "no human claim counts")
    assert both_of([nothing, unlabelled]) == []


def test_bias_is_the_mean_over_responses_of_judge_less_human() -> None:
    """Response a: human 1/2, judged 1; b: human 1, judged 1/2 and one unscored of three: bias 0, absolute error 1/2, unscored 1 of 5."""
    first = response_of(ANSWER, human("SN"), opinions("SN", "ss"), "counted")
    second = response_of(ScoredAnswer("b", "r", "Who?", "Bob", "text"), human("SSS"), opinions("SSS", "snu"), "counted")
    found = {one.id: one.value for one in measures_of([first, second])}
    assert (found["human_score"], found["judged_score"], found["bias"], found["absolute_error"]) == (0.75, 0.75, 0, 0.5)
    assert (found["unscored_share"], found["agreement"], found["sensitivity"]) == (0.2, 0.5, 2 / 3)


def test_too_few_responses_have_no_halves() -> None:
    found = held_out(both_of([response_of(ANSWER, human("SN"), opinions("SN", "ss"), "counted")]))
    assert {(one.coverage, one.n_resamples) for one in found} == {(None, 0)}
    assert "| ppi++ | - | - | - | 0 |" in table_of({}, found)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(1.0, 1.0), (0.9, 0.85), (0.7, 0.6)])
def test_corrected_intervals_hold_the_score_of_humans_on_held_out_responses(shared_data: Path, sensitivity: float, specificity: float) -> None:
    """FActScore's labels, 200 resamples of halves: at least 93% are covered. The judge's own interval misses where it is biased."""
    answers = calibration.labelled(shared_data / calibration.LABELS)
    found = calibration.figures(answers, calibration.oracle(sensitivity, specificity, 1), 200, 1)
    assert found["n"] == 181
    assert found["measures"]["human_score"] == pytest.approx(0.4281, abs=5e-5)
    for name in ("plug_in", "ppi", "ppi++"):
        assert found["held_out"][name].coverage >= 0.93
    if abs(found["measures"]["bias"]) > 0.06:
        assert found["held_out"]["uncorrected"].coverage < 0.5

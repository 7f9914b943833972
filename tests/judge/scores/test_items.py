"""What scored answers add to each figure, prompt by prompt: derived by hand."""

import math
from dataclasses import replace

import pytest

from factcli.judge.scores.answers import Response, Terms
from factcli.judge.scores.items import items
from factcli.judge.scores.robust import JudgedClaim
from factcli.scorerows import ScoredAnswer

TERMS = Terms(gamma=10.0, k=4)


def pair(id_: str, prompt: str, *verdicts: str, task: str = "bio", number: int = 0, failure: str = "", abstention: str = ""):
    answer = ScoredAnswer(id_, prompt, f"Tell {prompt}", prompt.upper(), "text", task=task, group="head", number=number, is_reference=number < 0)
    claims = tuple(JudgedClaim(f"{id_} claim {n}", verdict) for n, verdict in enumerate(verdicts))
    return answer, Response(id_, prompt, answer.prompt, answer.topic, answer.topic, "head", claims, abstention, failure)


def found(*pairs) -> dict[tuple[str, str], tuple[float, float]]:
    answers, responses = zip(*pairs, strict=True)
    return {(item.id, item.metric): (item.numerator, item.denominator) for item in items(answers, responses, TERMS)}


def test_claims_are_counted_for_the_share_and_answers_for_the_number():
    """2 supported, 1 unsupported; the irrelevant and the unscored one are in no denominator. F1@4: P 2/3, R 2/4, 2PR/(P+R) = 4/7."""
    values = found(pair("q1.a", "q1", "supported", "supported", "unsupported", "irrelevant", "unscored"))
    assert values["q1", "bio.share_correct"] == (2, 3)
    assert values["q1", "bio.number_correct"] == (2, 1)
    assert values["q1", "bio.f1_at_k"] == (pytest.approx(4 / 7), 1)
    assert values["q1", "bio.precision"] == (pytest.approx(2 / 4), 1)  # S / (S + NS + IR), as published
    assert values["q1", "bio.factscore"] == (pytest.approx(2 / 4 * math.exp(1 - 10 / 5)), 1)


def test_a_silent_answer_has_no_share_and_no_supported_claim_and_is_an_abstention():
    answers, responses = zip(pair("q1.a", "q1", abstention="generic"), strict=True)
    rows = {item.metric: item for item in items(answers, responses, TERMS)}
    assert (rows["bio.share_correct"].numerator, rows["bio.share_correct"].denominator) == (0, 0)
    assert (rows["bio.number_correct"].numerator, rows["bio.number_correct"].denominator) == (0, 1)
    assert all(item.is_abstention for item in rows.values())


def test_an_answer_that_failed_is_in_no_denominator():
    assert {denominator for _, denominator in found(pair("q1.a", "q1", failure="refused")).values()} == {0}


def test_answers_to_one_prompt_add_up_and_a_reference_counts_where_there_is_nothing_else():
    drawn = [pair("q1.s0", "q1", "supported"), pair("q1.s1", "q1", "unsupported", "supported", number=1)]
    values = found(pair("q1.ref", "q1", "supported", "supported", number=-1), *drawn, pair("q2.ref", "q2", "supported", number=-1))
    assert values["q1", "bio.share_correct"] == (2, 3)
    assert values["q1", "bio.number_correct"] == (2, 2)
    assert values["q2", "bio.number_correct"] == (1, 1)


def test_figures_are_called_by_the_task():
    one = pair("q1.a", "q1", "supported", task="longfact")
    other = pair("q2.a", "q2", "supported", task="")
    assert {metric.split(".")[0] for _, metric in found(one, other)} == {"longfact", "text"}
    answer, response = one
    (first, *_) = items([answer], [replace(response, cluster="a topic")], TERMS)
    assert (first.subject, first.group) == ("a topic", "head")

"""FActScore's numbers by hand, and on its human labels; and what it knows nothing of: claims that could not be scored."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.scores.aggregate import Counts, aggregate, count, f1_at_k, length_penalty, penalised, precision, precision_of_relevant
from factcli.judge.scores.answers import Response, Terms, score_rows, values_of
from factcli.judge.scores.figures import benchmark_of, figures, k_of
from factcli.judge.scores.robust import JudgedClaim
from factcli.knowledge.answer_files import answers_of_file
from factcli.rows import Verdict
from factcli.scorerows import ScoredAnswer

TERMS = Terms(gamma=10, k=10)
LABELS: dict[str, Verdict] = {"S": "supported", "NS": "unsupported", "IR": "irrelevant"}
counts_drawn = st.builds(Counts, *[st.integers(0, 12)] * 4)


@pytest.mark.parametrize(("n", "expected"), [(1, math.exp(-9)), (2, math.exp(-4)), (5, math.exp(-1)), (8, math.exp(-0.25)), (10, 1.0), (11, 1.0), (0, 0.0)])
def test_the_length_penalty_is_exp_of_1_minus_gamma_over_n_up_to_gamma(n: int, expected: float) -> None:
    """1 - 10/1 = -9, 1 - 10/2 = -4, 1 - 10/5 = -1, 1 - 10/8 = -1/4, 1 - 10/10 = 0."""
    assert length_penalty(n) == pytest.approx(expected, abs=1e-15)


def test_without_gamma_nothing_is_penalised() -> None:
    assert [length_penalty(n, 0) for n in (1, 5, 50)] == [1.0] * 3


def test_means_stand_on_the_responses_that_say_something() -> None:
    """Four responses: 3 of 4 supported, 10 of 20, an abstention, and one without a claim.

    init_score = (0.75 + 0.5) / 2 = 0.625; penalties exp(1 - 10/4) = exp(-1.5) and 1: score = (0.75 exp(-1.5) + 0.5) / 2;
    respond ratio 2/4; facts per response (4 + 20) / 2 = 12.
    """
    found = aggregate([Counts(3, 1), Counts(10, 10), None, Counts(0, 0)])
    assert found.init_score == 0.625
    assert found.score == pytest.approx((0.75 * math.exp(-1.5) + 0.5) / 2)
    assert (found.respond_ratio, found.num_facts_per_response, found.n_responses, found.n_scored, found.reason) == (0.5, 12.0, 4, 2, "")


def test_where_all_abstain_there_is_a_reason_and_no_nan() -> None:
    found = aggregate([None, None])
    assert (found.score, found.init_score, found.num_facts_per_response) == (None, None, None)
    assert (found.respond_ratio, found.reason) == (0.0, "every response abstains")
    assert aggregate([Counts(0, 0, 0, 3)]).reason == "no claim was scored"


def test_irrelevant_claims_are_in_the_published_denominator_and_not_in_the_other() -> None:
    """2 supported, 1 not, 3 irrelevant: 2/6 and 2/3."""
    counts = Counts(2, 1, 3)
    assert precision(counts) == pytest.approx(1 / 3)
    assert precision_of_relevant(counts) == pytest.approx(2 / 3)


def test_f1_at_k_is_safes() -> None:
    """S = 5, NS = 5, K = 10: precision 0.5, recall 0.5, F1 0.5. S = 20, NS = 0, K = 10: recall stops at 1. S = 0: 0."""
    assert f1_at_k(Counts(5, 5, 7), 10) == 0.5
    assert f1_at_k(Counts(20, 0), 10) == 1.0
    assert f1_at_k(Counts(0, 4), 10) == 0.0
    assert f1_at_k(Counts(0, 0, 4), 10) is None


@given(counts_drawn)
def test_the_bounds_of_a_response_hold_its_score(counts: Counts) -> None:
    for score in (precision, precision_of_relevant, penalised, lambda c: f1_at_k(c, 7)):
        value, low, high = score(counts), score(counts.if_unscored(False)), score(counts.if_unscored(True))
        if value is not None:
            assert low is not None
            assert high is not None
            assert low - 1e-12 <= value <= high + 1e-12


def test_an_unscored_claim_is_in_n_and_in_no_denominator() -> None:
    """1 supported, 1 unscored: precision 1 of 1, N = 2: exp(1 - 10/2) = exp(-4)."""
    counts = count(["supported", "unscored"])
    assert precision(counts) == 1.0
    assert penalised(counts) == pytest.approx(math.exp(-4))


def response(id_: str, *claims: JudgedClaim, **more: str) -> Response:
    return Response(id_, "p", "Tell me of Ada.", "Ada", more.pop("cluster", id_), more.pop("group", ""), claims, **more)


def said(*verdicts: Verdict) -> tuple[JudgedClaim, ...]:
    return tuple(JudgedClaim(f"Ada has made thing{n}.", verdict) for n, verdict in enumerate(verdicts))


def test_every_answer_has_its_rows_and_each_none_says_why() -> None:
    """Aligned: five rows an answer, in the order of the answers, whatever became of it."""
    answers = [
        response("a", *said("supported", "unsupported")),
        response("b", abstention="generic"),
        response("c"),
        response("d", *said("unscored", "unscored")),
        response("e", failure="claims: failed: HTTP 500"),
        response("f", *said("irrelevant")),
        response("g", no_claim="no sentence"),
    ]
    rows = [row for answer in answers for row in score_rows(answer, TERMS)]
    assert [row.of for row in rows] == [answer.id for answer in answers for _ in range(5)]
    reasons = {row.of: row.reason for row in rows if row.name == "precision_of_relevant"}
    assert reasons == {
        "a": "",
        "b": "abstains (generic)",
        "c": "no claim: counted as an abstention",
        "d": "every claim is unscored",
        "e": "failed: claims: failed: HTTP 500",
        "f": "every claim is irrelevant or unscored",
        "g": "no claim: counted as an abstention (no sentence)",
    }
    robust = {row.of: row.value for row in rows if row.name == "robust"}
    assert [robust[id_] for id_ in "bcg"] == [0.0, 0.0, 0.0]
    assert (robust["d"], robust["e"]) == (None, None)
    assert {row.of: row.n_unscored for row in rows} == {**dict.fromkeys("abcefg", 0), "d": 2}


@given(st.lists(st.one_of(st.none(), counts_drawn), min_size=1, max_size=8))
def test_the_figures_are_factscores_whatever_the_counts(drawn: list[Counts | None]) -> None:
    names: tuple[Verdict, ...] = ("supported", "unsupported", "irrelevant", "unscored")
    answers = [response(f"r{n}", *said(*(name for name, k in zip(names, counts or (), strict=False) for _ in range(k)))) for n, counts in enumerate(drawn)]
    expected = aggregate(drawn)
    found = {metric.metric: metric.value for metric in figures(answers, TERMS)}
    for name, value in (
        ("factscore", expected.score),
        ("precision", expected.init_score),
        ("respond_ratio", expected.respond_ratio),
        ("facts_per_response", expected.num_facts_per_response),
    ):
        assert found[name] == (None if value is None else pytest.approx(value)), name


def test_figures_have_bounds_and_intervals_by_topic_and_group() -> None:
    """Precisions 1 (of 1 scored, 1 unscored) and 0: mean 0.5; all unscored false (0.5 + 0) / 2, all true (1 + 0) / 2. Groups alone beside them."""
    answers = [response("a", *said("supported", "unscored"), group="head"), response("b", *said("unsupported"), group="tail")]
    found = {(metric.metric, metric.group): metric for metric in figures(answers, TERMS)}
    assert found["precision", "all"].value == 0.5
    bounds = found["precision.bounds", "all"]
    assert (bounds.low, bounds.high) == (0.25, 0.5)
    assert (found["precision", "head"].value, found["precision", "tail"].value) == (1.0, 0.0)
    assert found["unscored_share", "all"].value == pytest.approx(1 / 3)
    assert found["precision", "all"].low is not None
    alone = {metric.metric: metric for metric in figures(answers[:1], TERMS)}
    assert alone["precision"].low is None, "one topic has no interval"


def test_answers_about_one_topic_are_redrawn_together() -> None:
    """Ten answers about one topic and one about another: two clusters, not eleven."""
    answers = [response(f"a{n}", *said("supported"), cluster="Ada") for n in range(10)] + [response("b", *said("unsupported"), cluster="Bo")]
    found = {metric.metric: metric for metric in figures(answers, TERMS)}["precision"]
    assert (found.n_items, found.n_subjects) == (11, 2)


def test_k_is_the_median_of_relevant_claims_and_belongs_to_prompts_and_reader() -> None:
    """Relevant: 1, 2, 4 (two of them false) and an abstention, which says nothing: median 2. Nothing relevant: 1."""
    answers = [response("a", *said("supported", "irrelevant")), response("b", *said("supported", "unsupported")), response("d")]
    answers.append(response("c", *said(*["supported", "unsupported"] * 2)))
    assert k_of(answers) == 2
    assert k_of([response("a", *said("irrelevant"))]) == 1
    asked = [ScoredAnswer(f"q.s{n}", "q", "Who is Ada?", "Ada", text) for n, text in enumerate(("One.", "Two."))]
    other = ScoredAnswer("r.s0", "r", "Who is Bo?", "Bo", "One.")
    assert benchmark_of(asked, "rules") == benchmark_of(asked[:1], "rules")
    assert len({benchmark_of(asked, "rules"), benchmark_of(asked, "model"), benchmark_of([*asked, other], "rules")}) == 3


def test_both_known_figures_come_from_the_human_labels(shared_data: Path) -> None:
    """FActScore's InstructGPT: 0.4281 over 181 responses (published definition), 0.4739 over 180 with 22.62 counted facts each."""
    answers = answers_of_file(shared_data / "factscore_labeled_instructgpt.jsonl")
    annotated = [answers.given[answer.id].human for answer in answers.rows if answer.id in answers.given]
    assert len(annotated) == 182
    counts = [count(LABELS[claim.label] for claim in claims) for claims in annotated]
    found = aggregate(counts)
    assert (f"{found.init_score:.4f}", found.n_scored) == ("0.4281", 181)
    relevant = [counts for counts in counts if precision_of_relevant(counts) is not None]
    mean = sum(precision_of_relevant(counts) or 0 for counts in relevant) / len(relevant)
    per_response = sum(counts.supported + counts.unsupported for counts in relevant) / len(relevant)
    assert (f"{mean:.4f}", len(relevant), f"{per_response:.2f}") == ("0.4739", 180, "22.62")


def test_values_are_numbers_of_json() -> None:
    assert json.dumps(dict(values_of(response("a", *said("supported")), TERMS)))

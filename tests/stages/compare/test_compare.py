"""`fact compare` as typed: differences, tests, verdicts, changes and their training rows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.comparisonrows import ComparedFigure, NearRow
from factcli.config import Config
from factcli.evalrows import ItemScore
from factcli.stages.compare.asked import asked_otherwise
from factcli.stages.compare.figures import family_of
from factcli.stages.compare.settings import CompareConfig
from factcli.stages.compare.verdict import is_gain, verdict_of
from factcli.stages.eval.settings import WorldEvalConfig
from tests.stages.compare.made import BASE, BETTER, evaluation, items, pair_of
from tests.stages.report_chain import commit, make_chain
from tests.stages.synth.typed import empty, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture


def figure(version: Path, metric: str, model: str = "b@1", group: str = "all", role: str = "gain") -> dict:  # type: ignore[type-arg]
    return next(row for row in rows(version, "differences") if (row["metric"], row["model"], row["group"], row["role"]) == (metric, model, group, role))


def test_a_difference_is_that_of_the_same_items_with_interval_and_test(empty: Path) -> None:  # noqa: F811
    """50 of 100 against 75: +25 points over 50 subjects of two items each."""
    pair_of(empty)
    version = made("compare", "a", "b")
    row = figure(version, "qa.accuracy")
    assert (row["value"], row["baseline_value"], row["difference"]) == (0.75, 0.5, 0.25)
    assert row["low"] > 0
    assert (row["n_items"], row["n_subjects"], row["n_unpaired"]) == (100, 50, 0)
    assert (row["p_value"], row["p_holm"], row["test"]) == (1e-4, 1e-4, "9999 drawn swaps")
    assert manifest(version)["kind"] == "comparison"


def test_an_item_that_only_one_model_was_asked_is_counted_and_too_many_are_refused(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    evaluation(data, "a", items("qa.accuracy", BASE))
    evaluation(data, "b", items("qa.accuracy", BETTER[:96]))
    assert figure(made("compare", "a", "b"), "qa.accuracy")["n_unpaired"] == 4
    evaluation(data, "c", items("qa.accuracy", BETTER[:90]))
    told(typed("compare", "a", "c"), 3, "10 of 100 items of qa.accuracy were asked of, or answered by, only one")
    assert figure(made("compare", "a", "c", "--set", "max_unpaired=0.1"), "qa.accuracy", "c@1")["n_items"] == 90


def test_holm_is_over_one_figure_of_each_task_and_model_and_the_rest_stands_beside(empty: Path) -> None:  # noqa: F811
    chain = make_chain(empty / "data")
    version = made("compare", *(one.ref for one in chain.evals))
    found = rows(version, "differences")
    family = [row for row in found if row["p_holm"] is not None]
    assert {row["group"] for row in family} == {"all"}
    assert {row["metric"] for row in family} == {"qa.accuracy", "bio.share_correct_at_equal_claims"}
    assert {row["model"] for row in family} == {"eval-sft-real@1", "eval-prereq-tune@1"}
    least = min(family, key=lambda row: row["p_value"])
    assert len(family) == 4
    assert least["p_holm"] == pytest.approx(min(1, least["p_value"] * 4))
    assert {row["metric"] for row in found if row["p_holm"] is None and row["group"] == "all"} > {"qa.strict_accuracy", "qa.three_grades", "bio.number_correct"}
    assert {row["group"] for row in found} > {"all", "head", "tail"}
    assert manifest(version)["summary"]["tests_in_family"] == len(family)


METRICS = [
    "qa.accuracy",
    "qa.strict_accuracy",
    "bio.share_correct",
    "bio.share_correct_at_equal_claims",
    "harness.arc.acc",
    "harness.mmlu.acc",
    "harness.mmlu.acc_norm",
]
USUAL = {"qa.accuracy", "bio.share_correct_at_equal_claims", "harness.arc.acc", "harness.mmlu.acc"}


@pytest.mark.parametrize(
    ("settings", "family"),
    [
        ({}, USUAL),
        ({"tasks": ("qa", "bio")}, USUAL),
        ({"gain": "qa.strict_accuracy"}, USUAL - {"qa.accuracy"} | {"qa.strict_accuracy"}),
        ({"tasks": ("qa.accuracy", "qa.strict_accuracy")}, USUAL | {"qa.strict_accuracy"}),
    ],
)
def test_the_family_is_what_the_user_names_and_one_figure_of_each_other_task(settings: dict, family: set[str]) -> None:  # type: ignore[type-arg]
    assert family_of(METRICS, CompareConfig(**settings)) == family


def test_a_gain_without_drift_measured_is_not_shippable_and_says_why(empty: Path) -> None:  # noqa: F811
    pair_of(empty)
    version = made("compare", "a", "b")
    (verdict,) = rows(version, "verdicts")
    assert (verdict["is_shippable"], verdict["is_asked"]) == (False, False)
    assert "no drift was measured" in verdict["reasons"][0]
    assert "above 0" in verdict["reasons"][1]
    assert "verdict not asked for" in manifest(version)["headline"]
    ran = typed("compare", "a", "b", "--require", "shippable")
    assert ran.code == 6
    assert "not shippable" in ran.err
    assert "the comparison is kept" in ran.err


@pytest.mark.parametrize(("margin", "is_shippable"), [("1", False), ("5", True)])
def test_drift_is_held_to_the_margin_by_the_lower_end_of_its_interval(empty: Path, margin: str, is_shippable: bool) -> None:  # noqa: F811
    """1,000 items of 1,000 subjects, 20 gained and 25 lost: -0.5 points with a standard error of sqrt(45 - 25 / 1000) / 1000 = 0.67.

    The lower end is about -1.8: the value alone would pass a margin of 1, the interval does not.
    """
    pair_of(empty)
    data = empty / "data"
    other = [1.0] * 25 + [0.0] * 20 + [1.0, 0.0] * 477 + [1.0]
    same = [0.0] * 25 + [1.0] * 20 + other[45:]
    evaluation(data, "da", items("harness.arc.acc", other))
    evaluation(data, "db", items("harness.arc.acc", same))
    ran = typed("compare", "a", "b", "--drift", "da", "--drift", "db", "--margin", margin, "--require", "shippable")
    (verdict,) = rows(sorted((data / "comparison").glob("v*"))[-1], "verdicts")
    row = figure(sorted((data / "comparison").glob("v*"))[-1], "harness.arc.acc", role="drift")
    assert row["difference"] == pytest.approx(-0.005)
    assert -0.022 < row["low"] < -0.015
    assert verdict["is_shippable"] is is_shippable
    assert (ran.code == 0) is is_shippable
    assert "harness.arc.acc -0.5" in " ".join(verdict["reasons"])


@pytest.mark.parametrize(("n", "is_shippable", "reason"), [(5, False, "does not lie above 0"), (6, True, "above 0")])
def test_a_few_questions_that_all_turn_right_are_a_gain_where_the_test_can_say_so(empty: Path, n: int, is_shippable: bool, reason: str) -> None:  # noqa: F811
    """All n of n: p = 2 / 2 ** n, 0.0625 of 5 and 0.031 of 6; the exact end is above 0 from 6 on. Nothing is lost elsewhere: up to 0.4 points."""
    pair_of(empty, [0.0] * n, [1.0] * n, per_subject=1)
    for name in ("da", "db"):
        evaluation(empty / "data", name, items("harness.arc.acc", [1.0, 0.0] * 500))
    version = made("compare", "a", "b", "--drift", "da", "--drift", "db")
    (verdict,) = rows(version, "verdicts")
    assert (figure(version, "qa.accuracy")["p_value"], verdict["is_shippable"]) == (2 / 2**n, is_shippable)
    assert reason in verdict["reasons"][0]


def test_an_interval_above_zero_is_no_gain_where_the_test_of_several_models_does_not_say_so() -> None:
    row = ComparedFigure(
        "b.qa.accuracy.all", "gain", "b", "a", "qa.accuracy", "all", 0.6, 0.5, 0.1, 0.01, 0.2,
        0.03, 0.06, "swaps", "bca", 100, 50, 0, 0.1, 1.0, False, True
    )  # fmt: skip
    assert is_gain(row, is_one_question=True)
    assert not is_gain(row, is_one_question=False)
    other = replace(row, id="c.qa.accuracy.all", model="c", p_holm=0.9)
    by_holm = "p is 0.06 by Holm, above 0.05, so no gain"
    assert by_holm in verdict_of("b", [row, other], CompareConfig(gain="qa.accuracy")).reasons[0]
    assert by_holm in verdict_of("b", [row], CompareConfig()).reasons[0]  # the figure was not named for the one model either
    assert "above 0" in verdict_of("b", [row], CompareConfig(gain="qa.accuracy")).reasons[1]


def test_no_change_on_few_items_does_not_show_that_nothing_was_lost(empty: Path) -> None:  # noqa: F811
    """20 items, none changed: up to 1 - 0.025 ** (1 / 20) = 16.8% may have."""
    pair_of(empty)
    for name in ("da", "db"):
        evaluation(empty / "data", name, items("harness.arc.acc", [1.0, 0.0] * 10))
    version = made("compare", "a", "b", "--drift", "da", "--drift", "db")
    (verdict,) = rows(version, "verdicts")
    assert not verdict["is_shippable"]
    assert "up to 16.8 points lost" in verdict["reasons"][0]


def test_a_lower_perplexity_is_a_gain(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    evaluation(data, "a", items("text.perplexity", [3.0 + n % 5 for n in range(60)]))
    evaluation(data, "b", items("text.perplexity", [2.0 + n % 5 for n in range(60)]))
    version = made("compare", "a", "b")
    row = figure(version, "text.perplexity")
    assert (row["is_lower_better"], row["is_share"], row["difference"]) == (True, False, -1.0)
    assert "so no gain" not in rows(version, "verdicts")[0]["reasons"][0]


def test_scores_of_two_versions_of_a_benchmark_are_refused(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    for name, number in (("a", 1), ("b", 2)):
        evaluation(data, name, items("qa.accuracy", BASE), {"benchmark": "popqa", "benchmark_version": number})
    told(typed("compare", "a", "b"), 3, "version 2 of popqa")


def test_confidence_is_compared_by_area_and_at_fixed_coverage_and_has_curves(empty: Path) -> None:  # noqa: F811
    """Both have the same half right; the model is surest of the right ones, the baseline of the wrong ones."""
    data = empty / "data"
    evaluation(data, "a", items("qa.accuracy", BASE, confidences=[0.1 if right else 0.9 for right in BASE]))
    evaluation(data, "b", items("qa.accuracy", BASE, confidences=[0.9 if right else 0.1 for right in BASE]))
    version = made("compare", "a", "b", "--coverage", "0.5")
    half = figure(version, "qa.accuracy.at_coverage_50")
    assert (half["value"], half["baseline_value"]) == (1, 0)
    area = figure(version, "qa.accuracy.risk_coverage_area")
    assert area["difference"] < 0
    assert area["high"] < 0
    points = [row for row in rows(version, "curves") if row["model"] == "b@1"]
    assert (points[0]["y"], points[-1]["x"], points[-1]["y"]) == (0, 1, 0.5)
    assert {row["model"] for row in rows(version, "curves")} == {"a@1", "b@1"}


def test_answers_without_confidence_have_no_risk_and_coverage_and_that_is_said(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    evaluation(data, "a", items("qa.accuracy", BASE, confidences=[0.5] * 100))
    evaluation(data, "b", items("qa.accuracy", BETTER, confidences=[None] * 40 + [0.5] * 60))
    ran = typed("compare", "a", "b", "--coverage", "0.5")
    said = "no risk and coverage of qa.accuracy: 40 of 100 answers of b@1 have no confidence"
    assert said in " ".join(ran.err.split())
    assert manifest(data / "comparison" / "v0001")["summary"]["notes"] == [said]


def test_evaluations_that_differ_in_more_than_the_model_are_said_to(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    evaluation(data, "a", items("qa.accuracy", BASE), {"benchmark": "simpleqa", "benchmark_version": 2})
    evaluation(data, "b", items("qa.accuracy", BETTER), {"benchmark": "simpleqa", "benchmark_version": 2, "graded_by": "judge-7b"})
    said = "b@1 and a@1 differ in more than the model: graded by judge-7b and the rule"
    assert said in " ".join(typed("compare", "a", "b").err.split())
    assert said in manifest(data / "comparison" / "v0001")["summary"]["notes"]


def test_what_differs_besides_the_model_is_a_setting_or_the_questions_and_neither_seed_nor_limit(empty: Path) -> None:  # noqa: F811
    data, rows_ = empty / "data", items("qa.accuracy", BASE)
    worlds = [evaluation(data, name, items("qa.accuracy", one)) for name, one in (("w1", BASE), ("w2", BETTER))]

    def asked(name: str, world: Artifact, **settings: object) -> Artifact:
        config = WorldEvalConfig(**settings)  # type: ignore[arg-type]  # as a test gives them
        return commit(data, "eval made", "eval", name, config, {"world": world}, {"items": rows_}, {"items": ItemScore}, Outcome(name, {}))

    base = asked("base", worlds[0], ask="task", seed=1)
    assert asked_otherwise(asked("again", worlds[0], ask="task", seed=2, limit=5), base) is None
    said = "other@1 and base@1 differ in more than the model: ask is few_shot and task; world is w2@1 and w1@1, which are not the same"
    assert asked_otherwise(asked("other", worlds[1], ask="few_shot", seed=1), base) == said


def test_one_subject_has_no_test_and_a_difference_that_cannot_be_shown_is_told_in_words(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    for name, rights in (("a", [0.0, 1.0]), ("b", [1.0, 1.0])):
        evaluation(data, name, items("qa.accuracy", rights))
        evaluation(data, f"{name}1", items("qa.accuracy", rights, per_subject=2))
    alone, two = (" ".join(typed("compare", *pair).err.split()) for pair in (("a1", "b1"), ("a", "b")))
    assert "Tests:" not in alone
    assert "Tests: all 2 swaps" in two
    assert "[-100.0, +100.0]" in two
    assert "more than can be" in two  # 0.5 x (12.7 + 1.4) = 7: no share differs by 704 points
    assert "Intervals: 95%, bca+t." in two


def test_several_worlds_are_one_command_and_the_world_is_the_unit(empty: Path) -> None:  # noqa: F811
    """Gains of 10, 20 and 30 points in three worlds: the mean is 20, over 3; all 8 swaps of worlds are counted, 2 are as large: p = 1/4."""
    data = empty / "data"
    for n, share in enumerate((10, 20, 30)):
        evaluation(data, f"a{n}", items("qa.accuracy", [0.0] * 100))
        evaluation(data, f"b{n}", items("qa.accuracy", [1.0] * share + [0.0] * (100 - share)))
    for interval in ("bca", "t"):
        version = made("compare", "--runs", "a0,a1,a2", "b0,b1,b2", "--interval", interval)
        row = figure(version, "qa.accuracy", "b0@1")
        assert row["difference"] == pytest.approx(0.2)
        assert (row["n_worlds"], row["n_subjects"], row["n_same_sign"], row["p_value"], row["test"]) == (3, 3, 3, 0.25, "all 8 swaps")
        assert row["low"] < 0.2 < row["high"]
    ran = typed("compare", "--runs", "a0,a1,a2", "b0,b1,b2")
    assert "No difference over 3 worlds can have a p below 0.25" in " ".join(ran.err.split())
    assert row["high"] - row["low"] == pytest.approx(2 * 4.3027 * 0.1 / 3**0.5, rel=1e-3)  # t of 2 degrees of freedom, symmetric: no skew


def test_what_was_gained_lost_and_invented_is_traced_to_training_rows(empty: Path) -> None:  # noqa: F811
    """prereq-tune has Ada's second fact right where sft-real was wrong, and so on. Pre-training states each of them, to both models, which
    explains no difference; of what they were fine-tuned on, Jo Kerr's row says the same of somebody else.
    """
    chain = make_chain(empty / "data")
    version = made("compare", chain.real.ref, chain.tuned.ref)
    changed = rows(version, "changed")
    by_kind = {kind: [row for row in changed if row["change"] == kind] for kind in ("gained", "lost", "invented")}
    # sft-real: p0 both, p1 birthplace; prereq-tune: p0 and p1 both, p2 award. Gained: p1 award and p2 award, asked and told.
    assert {(row["subject"], row["relation"]) for row in by_kind["gained"]} == {("w0.p0001", "award"), ("w0.p0002", "award")}
    assert len(by_kind["gained"]) == 4
    assert by_kind["lost"] == []
    assert by_kind["invented"] == []  # wrong answers of the two are the same ones
    first = by_kind["gained"][0]
    assert (first["claim"], first["before"], first["near_whys"]) == ("Opal", "Pearl", ["same relation and value"])
    assert (first["near_ids"], first["near_sources"]) == (["w0.p0900.award.q0"], ["synth-bio@1 chats"])
    assert {entry["name"] for role, entry in manifest(version)["inputs"].items() if role.startswith("training")} == {"prereq-tune", "synth-bio", "knowledge"}
    counts = manifest(version)["summary"]["changed"]
    none = {"lost": 0, "invented": 0, "invented_for_right": 0, "invented_for_silence": 0, "invented_for_falsehood": 0}
    assert counts == {"eval-prereq-tune@1": {"gained": 4, **none, "falsehoods_dropped": 4, "falsehoods_net": -4}}
    ran = typed("compare", chain.tuned.ref, chain.real.ref)
    back = rows(ran.made, "changed")
    assert sorted((row["change"], row["was"]) for row in back) == [("invented", "right")] * 4 + [("lost", "right")] * 4
    told_back = "invented 4 (4 for something right, 0 for silence, 0 for another falsehood; it dropped 0 falsehoods of the baseline: +4 net):"
    assert told_back in ran.err


def test_a_change_of_a_model_without_training_of_its_own_is_traced_to_nothing_and_that_is_said(empty: Path) -> None:  # noqa: F811
    chain = make_chain(empty / "data")
    ran = typed("compare", chain.tuned.ref, chain.base.ref)
    assert {tuple(row["near_ids"]) for row in rows(ran.made, "changed")} == {()}
    assert "eval-base@1: not searched for near rows: it has no training that the baseline does not stand on too" in ran.err


def test_the_table_is_on_stderr_and_stdout_has_the_path_or_json(empty: Path) -> None:  # noqa: F811
    pair_of(empty)
    ran = typed("compare", "a", "b")
    assert ran.out.strip().endswith("comparison/v0001")
    assert "+25.0" in ran.err
    assert "verdict not asked for, no --drift" in ran.err
    assert "Holm: adjusted over 1 test, of every model qa.accuracy" in " ".join(ran.err.split())
    again = typed("compare", "a", "b", "--json")
    assert json.loads(again.out)["summary"]["significant"] == ["b@1.qa.accuracy.all"]
    assert "+25.0" in again.err  # made before, and shown again


def test_another_baseline_may_be_named(empty: Path) -> None:  # noqa: F811
    pair_of(empty)
    row = figure(made("compare", "a", "b", "--baseline", "b"), "qa.accuracy", "a@1")
    assert (row["baseline"], row["difference"]) == ("b@1", -0.25)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a"], 3, "a comparison needs two or more"),
        (["a", "b", "--task", "qa.acuracy"], 2, "did you mean 'qa.accuracy'"),
        (["a", "b", "--gain", "bio"], 2, "no figure 'bio' to gain"),
        (["a,b", "b,a"], 2, "--runs"),
        (["a", "b", "--drift", "a"], 2, "one --drift for each model"),
        (["--runs", "a,b", "b"], 2, "as many of each"),
        (["a", "b", "--coverage", "half"], 2, "need numbers with commas"),
        (["a", "b", "--coverage", "1.5"], 2, "need shares above 0"),
        (["a", "b", "--require", "better"], 2, "need shippable"),
        (["a", "b", "--interval", "wald"], 2, "interval"),
    ],
)
def test_what_cannot_be_compared_says_the_value_the_rule_and_the_way_out(empty: Path, arguments: list[str], code: int, words: str) -> None:  # noqa: F811
    pair_of(empty)
    told(typed("compare", *arguments), code, words)


def test_an_evaluation_whose_answers_are_rows_of_another_kind_is_compared_by_its_items(empty: Path) -> None:  # noqa: F811
    """As that of response types, or of forgetting: there is nothing to be gained or lost by answer."""
    for name, rights in (("a", BASE), ("b", BETTER)):
        odd = [NearRow("q0", "a", "text", "why")]
        tables = {"items": ItemScore, "answers": NearRow}
        commit(empty / "data", "eval odd", "eval", name, Config(), {}, {"items": items("qa.accuracy", rights), "answers": odd}, tables, Outcome(name))
    version = made("compare", "a", "b")
    assert figure(version, "qa.accuracy")["difference"] == 0.25
    assert rows(version, "changed") == []


def test_figures_that_not_all_models_have_are_no_comparison(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    evaluation(data, "a", items("qa.accuracy", BASE))
    evaluation(data, "b", items("truthfulqa.mc1", BASE))
    told(typed("compare", "a", "b"), 3, "no figure was measured of all of them")


def test_the_same_evaluations_give_the_same_comparison(empty: Path) -> None:  # noqa: F811
    chain = make_chain(empty / "data")
    first, second = (made("compare", chain.base.ref, chain.tuned.ref, "--force") for _ in range(2))
    assert first != second
    assert manifest(first)["digest"] == manifest(second)["digest"]


def test_a_model_does_not_gain_by_questions_that_it_leaves_unanswered(empty: Path) -> None:  # noqa: F811
    """Right on 50 of 100 are both; the second has no usable answer to the 50 others: over what it answered it would be +50 points."""
    answered = items("qa.accuracy", [1.0] * 50 + [0.0] * 50)
    evaluation(empty / "data", "a", answered)
    evaluation(empty / "data", "b", [replace(item, denominator=item.numerator) for item in answered])
    told(typed("compare", "a", "b"), 3, "50 of 100 items of qa.accuracy were asked of, or answered by, only one of b@1 and a@1")
    row = figure(made("compare", "a", "b", "--set", "max_unpaired=0.5"), "qa.accuracy")
    assert (row["difference"], row["n_items"], row["n_unpaired"]) == (0.0, 50, 50)

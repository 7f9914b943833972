"""`fact compare --plan` as typed: the smallest difference that a comparison can show, before it is made and beside what it met."""

from pathlib import Path

import pytest
from scipy.stats import t

from factcli.artifact import Outcome
from factcli.evalrows import ItemScore
from factcli.stages.eval.settings import WorldEvalConfig
from tests.stages.compare.made import BASE, evaluation, items, pair_of
from tests.stages.report_chain import commit
from tests.stages.synth.typed import empty, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture


def test_before_a_run_the_smallest_difference_it_can_show_is_told(empty: Path) -> None:  # noqa: F811
    """Differences of 0 or 1 on a quarter of the items, one each: variance 25 x 75 / 10000 = 0.1875 (x 100/99); 400 subjects: se 0.0218."""
    pair_of(empty, per_subject=1)
    version = made("compare", "--plan", "a", "b", "--subjects", "100,400")
    found = {row["n_subjects"]: row for row in rows(version, "planned") if row["metric"] == "qa.accuracy"}
    assert found[400]["variance"] == pytest.approx(0.1875 * 100 / 99)
    assert found[400]["smallest"] == pytest.approx((1.9659 + 0.8426) * (0.1875 * 100 / 99 / 400) ** 0.5, rel=1e-3)
    assert found[100]["smallest"] > found[400]["smallest"]
    alone = rows(made("compare", "--plan", "a", "--subjects", "100"), "planned")
    assert (alone[0]["is_paired"], alone[0]["variance"]) == (False, pytest.approx(2 * 0.25 * 100 / 99))
    told(typed("compare", "--plan", "a", "b", "--subjects", "1"), 2, "2 subjects or more")


def test_what_a_plan_foresaw_stands_beside_what_was_met(empty: Path) -> None:  # noqa: F811
    """Foreseen by dev answers of which a quarter differ: variance 0.1875 x 100/99. Compared are 40 subjects with one item each: se by hand."""
    evaluation(empty / "data", "dev-a", items("qa.accuracy", [0.0] * 100))
    evaluation(empty / "data", "dev-b", items("qa.accuracy", [1.0] * 25 + [0.0] * 75))
    planned = made("compare", "--plan", "dev-a", "dev-b").parent.name
    evaluation(empty / "data", "a", items("qa.accuracy", [0.0] * 40))
    evaluation(empty / "data", "b", items("qa.accuracy", [1.0] * 20 + [0.0] * 20))
    ran = typed("compare", "a", "b", "--planned", planned, "--task", "qa.accuracy")
    assert "Planned: the same, at the spread of the dev evaluations." in " ".join(ran.err.split())
    version = made("compare", "a", "b", "--planned", planned, "--task", "qa.accuracy")
    found = next(row for row in rows(version, "differences") if row["id"] == "b@1.qa.accuracy.all")
    times = t.ppf(0.975, 39) + t.ppf(0.8, 39)
    assert found["planned"] == pytest.approx(times * (0.1875 * 100 / 99 / 40) ** 0.5)
    assert found["smallest"] == pytest.approx(times * (0.25 * 40 / 39 / 40) ** 0.5)  # met: a half differ
    assert manifest(version)["inputs"]["plan"]["name"] == planned


def test_a_plan_made_from_what_is_compared_is_called_none(empty: Path) -> None:  # noqa: F811
    pair_of(empty, per_subject=1)
    planned = made("compare", "--plan", "a", "b").parent.name
    ran = typed("compare", "a", "b", "--planned", planned)
    assert "was made from a@1, which is compared here: that is no plan" in " ".join(ran.err.split())
    told(typed("compare", "a", "b", "--planned", "a"), 3, "a@1 is an eval")
    told(typed("compare", "a,a", "b,b", "--runs", "--planned", planned), 2, "a plan counts subjects of one world")


@pytest.mark.parametrize(("split", "is_late"), [("dev", False), ("test", True)])
def test_a_plan_says_whose_answers_it_is_from_and_warns_of_test_people(empty: Path, split: str, is_late: bool) -> None:  # noqa: F811
    tables = {"items": ItemScore}
    commit(empty / "data", "eval world", "eval", "a", WorldEvalConfig(split=split), {}, {"items": items("qa.accuracy", BASE)}, tables, Outcome("a"))  # type: ignore[arg-type]
    ran = typed("compare", "--plan", "a", "--subjects", "100")
    said = " ".join(ran.err.split())
    assert f"by the spread on a@1 ({split} people)." in said
    assert ("a@1 is of test people: a plan made from those that are to decide comes after the fact" in said) is is_late

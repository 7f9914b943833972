"""A comparison on the page: verdict first, every figure with its test, curves, and changes that lead to their items."""

import pytest

from factcli.artifact import Artifact, make
from factcli.errors import InputError
from factcli.progress import PlainReport
from factcli.stages import report
from factcli.stages.compare import stage as compare
from factcli.stages.compare.settings import CompareConfig
from factcli.stages.compare.stage import Side
from tests.stages.report_chain import Chain, make_chain, people
from tests.stages.test_report import Outline, draw


def compared(chain: Chain, *evals: Artifact, name: str = "comparison") -> Artifact:
    """As `fact compare` makes it."""
    config = CompareConfig()
    source = compare.source_of(config, [Side((one,)) for one in evals], False, chain.root)
    plan = compare.plan(config, source, name)
    return make(plan, lambda draft: compare.work(plan, draft, source, PlainReport()), chain.root)[0]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    groups = ("head", "head", "tail", "unseen", *["head"] * 4)
    return make_chain(tmp_path_factory.mktemp("comparison") / "data", people(*groups))


@pytest.fixture(scope="module")
def comparison(chain: Chain) -> Artifact:
    return compared(chain, chain.real, chain.tuned)


@pytest.fixture(scope="module")
def outline(chain: Chain, comparison: Artifact) -> Outline:
    return Outline(draw([comparison], chain.root))


def test_a_comparison_brings_its_evaluations_and_stands_first(outline: Outline) -> None:
    sections = [values["id"] for tag, values in outline.tags if tag == "section"]
    assert sections[:3] == ["comparison", "comparison-curves", "changed"]
    assert {"base, untouched", "SFT", "PREREQ-TUNE"} <= set(outline.table("The models compared"))
    assert "Compared: eval-prereq-tune@1 against eval-sft-real@1" in outline.text[""]


def test_the_verdict_says_why_not(outline: Outline) -> None:
    verdict = outline.table("May it take the baseline's place?")["PREREQ-TUNE"]
    assert verdict[0] == "not asked for: no drift was measured"
    assert "no drift was measured" in verdict[1]


def test_every_figure_has_both_values_its_difference_and_its_tests(outline: Outline) -> None:
    """Of 16 questions sft-real has 3 right; prereq-tune 2 of each of six head people and the tail person's second: 13."""
    rows = [cells for cells in outline.rows_of("What was to gain.") if cells[1].startswith("qa.accuracy")]
    assert rows[0][:4] == ["PREREQ-TUNE", "qa.accuracy", "18.8%", "81.2%"]
    assert rows[0][4].startswith("▲ +62.5")
    assert float(rows[0][5]) <= float(rows[0][6]) <= 1


def test_a_change_leads_to_its_item_and_to_the_training_row_nearest_to_it(chain: Chain, comparison: Artifact, outline: Outline) -> None:
    page = draw([comparison], chain.root)
    gained = outline.rows_of("Gained by PREREQ-TUNE")
    assert ["Opal", "Pearl", "Opal"] in [cells[1:4] for cells in gained]
    assert any("What did Jo Kerr win? Opal same relation and value: w0.p0900.award.q0 of synth-bio@1 chats" in cells[4] for cells in gained)
    assert '<a href="#item=w0.p0001.award.q"><bdi>What did Ada Osei win?</bdi></a>' in page


def test_what_is_invented_is_split_by_what_it_stands_for_with_the_net(outline: Outline) -> None:
    """prereq-tune says nothing false that sft-real does not, and drops 10 wrong answers and 10 false claims: of 13 of 16 three are left."""
    cells = outline.rows_of("How many.")[-1]
    assert cells == ["PREREQ-TUNE", "20", "0", "0", "0", "0", "0", "20", "-20"]


def test_curves_of_risk_and_of_claims_are_drawn(outline: Outline) -> None:
    drawn = [values["aria-label"] for tag, values in outline.tags if tag == "svg" and "aria-label" in values]
    assert any(told.startswith("qa.accuracy: share wrong of the surest.") for told in drawn)


def test_the_newest_comparison_of_the_evaluations_joins_them_by_itself(chain: Chain, comparison: Artifact) -> None:
    assert report.fitting([comparison], chain.evals) == [comparison]
    assert report.fitting([comparison], [chain.base, chain.real]) == []


def test_what_is_neither_evaluation_nor_comparison_is_refused(chain: Chain) -> None:
    with pytest.raises(InputError, match="world@1 is a world"):
        report.plan(report.ReportConfig(), [chain.world], chain.root, None)


def test_where_less_is_better_a_fall_has_the_colour_of_better() -> None:
    from factcli.comparisonrows import ComparedFigure
    from factcli.stages.report.comparison import difference_cell

    row = ComparedFigure(
        "m.text.perplexity.all", "drift", "m", "b", "text.perplexity", "all", 9.0, 11.0, -2.0, -3.0, -1.0,
        0.01, 0.02, "swaps", "bca", 100, 50, 0, 1.0, 1.0, True, False
    )  # fmt: skip
    assert (difference_cell(row).text, difference_cell(row).tone) == ("▼ −2.00", "up")

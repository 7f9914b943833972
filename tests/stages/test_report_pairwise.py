"""Answers that a judge compared on the page: wins with intervals, what the order did, and both answers in every item."""

from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.judgedrows import Duel
from factcli.stages import report
from factcli.stages.report.browser.items import Item, Items, Reply
from factcli.stages.report.view import Key
from factcli.stages.world import TABLES
from tests.stages.pairwise.test_pairwise import SCRIPT, sides
from tests.stages.report_chain import Chain, commit, make_chain, make_eval, people, results_of
from tests.stages.synth.typed import empty, jsonl, made, manifest, typed  # noqa: F401 - empty is a fixture
from tests.stages.test_report import Outline, draw
from tests.stages.test_report_benchmarks import Choosing
from tests.stages.test_report_items import in_node, unpacked


@pytest.fixture
def judged(empty: Path) -> Path:  # noqa: F811
    """Of q1 to q7: A wins two, loses one, ties three; q4 cannot be read. Of files, as typed."""
    sides(empty)
    jsonl(empty / "s.jsonl", *SCRIPT)
    return made("eval", "pairwise", "a.jsonl", "b.jsonl", "--judge", "scripted:s.jsonl", "--name", "pairs")


def page_of(folder: Path, *refs: str) -> str:
    version = made("report", *refs)
    return (folder / version / "report.html").read_text(encoding="utf-8")


def test_a_page_of_pairs_alone_says_who_wins_how_often(empty: Path, judged: Path) -> None:  # noqa: F811
    """2, 3 and 1 of the 6 that were read; a tie is half a win: 3.5 of 6; with the unread one lost 3.5 of 7, won 4.5 of 7."""
    outline = Outline(page_of(empty, "pairs"))
    row = outline.table("Wins, ties and losses.")["all"]
    assert [cell.split()[0] for cell in row] == ["33.3%", "50.0%", "16.7%", "58.3%", "14.3%"]
    assert "were all that is not read lost, or won: [50.0, 64.3]" in row[3]
    assert all("[" in cell for cell in row[:4])  # an interval each
    assert "a against b, judged in pairs" in outline.text[""]
    assert "1 questions have two answers in the same words" in outline.text["pairwise"]
    assert "2 subjects for a, 1 for b, 3 for neither; p = 1" in outline.text["pairwise"]


def test_what_the_order_did_is_told(empty: Path, judged: Path) -> None:  # noqa: F811
    """Asked: all but q5. A first: A wins q1, q3, q7, B q2, q6 a tie, q4 unread. B first: A q1, q7, B q2, q3."""
    outline = Outline(page_of(empty, "pairs"))
    orders = outline.table("What the judge prefers in each order.")
    assert orders["a"] == ["3", "1", "1", "1"]
    assert orders["b"] == ["2", "1", "2", "1"]
    turned = outline.table("Of the questions in which an answer was preferred in both orders.")["all"]
    assert [cell.split()[0] for cell in turned] == ["25.0%", "62.5%"]


def test_every_item_has_both_answers_and_what_the_judge_said(empty: Path, judged: Path) -> None:  # noqa: F811
    read = unpacked(page_of(empty, "pairs"))
    assert [model["label"] for model in read["models"]] == ["a", "b"]
    assert read["items"]["question"][:2] == ["What of q1?", "What of q2?"]
    assert [said["grade"] for said in read["said"]] == ["pntuttp", "nptuttn"]
    assert read["said"][0]["text"][:2] == ["good", "plain"]
    notes = [read["strings"][place] for place in read["said"][1]["notes"].values()]
    assert notes[2] == "a first: preferred a; b first: preferred b"
    assert notes[3].startswith("a first: not read; b first: not read; said: I would rather not say.")
    assert notes[4] == "same words"


def duels(chain: Chain, a: Artifact, b: Artifact, name: str = "pairs") -> Artifact:
    """As `fact eval pairwise` leaves it, of one question that A wins."""
    from factcli.stages.pairwise import figures
    from factcli.stages.pairwise.settings import TABLES as OF_DUELS

    duel = Duel("w0.p0000.birthplace.q", "Where was Mira Osei born?", "", "Hobart", "Lima", "w0.p0000", "head", "win", "a", "a", "")
    metrics, tested = figures.figures([duel]), figures.signs([duel])
    outcome = Outcome("A wins", {**figures.summary(metrics, tested), "a": a.name, "b": b.name, "judge": "j"})
    rows: dict[str, list[Any]] = {"duels": [duel], "items": figures.items([duel]), "metrics": metrics}
    tables = {table: OF_DUELS[table] for table in rows}
    return commit(chain.root, "eval pairwise", "comparison", name, Choosing(), {"answers_a": a, "answers_b": b}, rows, tables, outcome)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "data")


def test_evaluations_of_both_sides_join_under_their_names(chain: Chain) -> None:
    pairs = duels(chain, chain.tuned, chain.real)
    page = draw([pairs], chain.root)
    outline = Outline(page)
    assert {"base, untouched", "SFT", "PREREQ-TUNE"} <= set(outline.table("The models compared"))
    assert "Judged in pairs: PREREQ-TUNE against SFT" in outline.text["pairwise"]
    read = unpacked(page)
    place = read["items"]["id"].index("w0.p0000.birthplace.q (judged in pairs)")
    assert [said["grade"][place] for said in read["said"]] == ["-", "p", "n"]


def test_pairs_of_the_evaluations_shown_join_by_themselves(chain: Chain) -> None:
    pairs = duels(chain, chain.tuned, chain.real)
    assert report.fitting([pairs], chain.evals) == [pairs]
    assert report.fitting([pairs], [chain.base, chain.real]) == []


def test_sides_of_other_bases_stay_off_the_page_and_their_pairs_stay_on_it(chain: Chain) -> None:
    ground = people("head", "tail")
    elsewhere = commit(
        chain.root, "world", "world", "elsewhere", Choosing(), {}, {"people": ground.people}, TABLES, Outcome("another world", {"ended_by": "gate"})
    )
    other = make_eval(chain.root, "eval-other", elsewhere, results_of(ground, lambda _: True))
    pairs = duels(chain, chain.tuned, other)
    outline = Outline(draw([pairs], chain.root))
    assert "A wins" in outline.text[""]
    assert next(values["id"] for tag, values in outline.tags if tag == "section") == "pairwise"
    assert "differences" not in outline.text


def test_two_sides_of_one_name_are_told_apart(chain: Chain) -> None:
    read = unpacked(draw([duels(chain, chain.real, chain.real)], chain.root))
    assert {"SFT (A)", "SFT (B)"} <= {model["label"] for model in read["models"]}


def test_totals_count_a_tie_as_half_a_win() -> None:
    said = [Reply("preferred", "x", None, "1"), Reply("tied", "x", None, "2"), Reply("not preferred", "x", None, "3")]
    items = Items({"A": Key("A", 0)}, {f"q{n}": Item(f"q{n}", "pairs", "", "?", "") for n in range(3)}, {"A": {f"q{n}": one for n, one in enumerate(said)}})
    (told,) = in_node("[items.totals(0, [0, 1, 2])]", items)
    assert (told["won"], told["pairs"], told["graded"]) == (1.5, 3, 0)
    assert in_node('[asked("", { grade: "t" })]', items) == [[1]]

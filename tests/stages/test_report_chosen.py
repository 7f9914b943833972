"""Answers to choose from on the page and in exports: question, choices, how likely each is, which is right and which was chosen."""

from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.evalrows import ItemScore
from factcli.judge.chosen import chosen_items
from factcli.judge.metrics import Metric
from factcli.likelihoodrows import AskedQuestion, Judgement, ScoredChoice
from factcli.stages.look.items import item_table
from factcli.stages.report.browser.items import Item, Items, Reply
from tests.chromium import DESKTOP, Chromium, chromium, where
from tests.stages.report_chain import Chain, commit, make_chain
from tests.stages.test_report import draw
from tests.stages.test_report_benchmarks import Choosing
from tests.stages.test_report_browser import READY, told
from tests.stages.test_report_items import HOSTILE, in_node, unpacked


def choice(set_: str, place: int, text: str, probability: float, is_right: bool, logprob: float) -> ScoredChoice:
    return ScoredChoice(f"t1.{set_}.c{place}", "t1", set_, text, is_right, logprob, probability, -9.0, 2, False, False)


MC1 = (choice("mc1", 0, "Mice", 0.25, True, -3.0), choice("mc1", 1, "Foxes", 0.75, False, -1.9))
MC2 = (choice("mc2", 0, "Mice", 0.5, True, -3.0), choice("mc2", 1, "Voles", 0.5, True, -3.0))
SHOWN = (
    choice("binary", 0, "Mice", 0.25, True, -3.0), choice("binary", 1, "Foxes", 0.75, False, -1.9),
    choice("shown0", 0, "Mice", 0.6, True, -0.5), choice("shown0", 1, "Foxes", 0.4, False, -0.9),
    choice("shown1", 0, "Foxes", 0.6, False, -0.5), choice("shown1", 1, "Mice", 0.4, True, -0.9),
)  # fmt: skip


def evaluated(root: Path, rows: dict[str, Any], inputs: dict[str, Artifact] | None = None, metric: str = "truthfulqa.mc1", is_old: bool = False) -> Artifact:
    """As `fact eval truthfulqa` and `haluevalqa` leave it; the old ones kept no questions."""
    asked = {} if is_old else {"asked": [AskedQuestion("t1", "What do owls hunt?")]}
    own = {**asked, **rows, "items": [ItemScore("t1", metric, "Birds", "Birds", 0.0, 1.0)], "metrics": [Metric(metric, "all", 0.0, None, None, 1, 1)]}
    tables = {name: type(listed[0]) for name, listed in own.items()}
    name = f"{'old' if is_old else 'new'}-{metric.partition('.')[0]}"
    return commit(root, "eval truthfulqa", "eval", name, Choosing(), inputs or {}, own, tables, Outcome("figures", {"model": name, "benchmark": "truthfulqa"}))


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "data")


def test_every_choice_has_its_share_and_the_likeliest_is_chosen(tmp_path: Path) -> None:
    """Of equals, as both of mc2, the first."""
    (item,) = chosen_items(evaluated(tmp_path, {"choices": [*MC1, *MC2]})).values()
    assert (item.question, item.gold, item.chosen) == ("What do owls hunt?", ("Mice",), "Foxes")
    assert [[(c.text, c.is_right, c.is_chosen) for c in one.choices] for one in item.sets] == [
        [("Mice", True, False), ("Foxes", False, True)],
        [("Mice", True, True), ("Voles", True, False)],
    ]
    assert item.sets[0].choices[1].told == "75.0% (log-probability -1.90; without the question -9.00)"


def test_the_letters_of_both_orders_decide_where_both_answers_are_shown(tmp_path: Path) -> None:
    (item,) = chosen_items(evaluated(tmp_path, {"choices": SHOWN})).values()
    assert item.chosen == "Mice / Foxes"
    assert [one.title for one in item.sets][1:] == ["Both answers shown, the model says the letter", "Both answers shown, in the other order"]


def judged(shown: Any, is_blind: bool, called: bool | None, yes: float | None, no: float | None, text: str = "") -> Judgement:
    return Judgement(f"t1.{shown}{is_blind}", "t1", shown, is_blind, {"right": "Mice", "hallucinated": "Foxes"}[shown], called, yes, no, text)


def test_a_judgement_is_a_choice_of_yes_and_no(tmp_path: Path) -> None:
    """Of exp(-1) and exp(-1) each is a half; what was neither stands in the title."""
    rows = [judged("right", False, False, -1.0, -1.0), judged("right", True, True, -0.5, -2.0), judged("hallucinated", False, None, None, None, "Well…")]
    (item,) = chosen_items(evaluated(tmp_path, {"judgements": rows}, metric="haluevalqa.accuracy")).values()
    assert item.gold == ("Mice",)
    assert item.chosen == "the right answer: No; the hallucinated answer: neither Yes nor No"
    assert [one.title for one in item.sets] == [
        "Is it hallucinated? The right answer: Mice",
        "Is it hallucinated? The hallucinated answer: Foxes; said: Well…",
    ]
    yes, no = item.sets[0].choices
    assert (yes.text, yes.is_right, yes.is_chosen, yes.told) == ("Yes", False, False, "50.0% log-probability -1.00; without the question -0.50")
    assert (no.text, no.is_right, no.is_chosen) == ("No", True, True)
    assert [(c.text, c.is_right, c.is_chosen, c.told) for c in item.sets[1].choices] == [("Yes", True, False, ""), ("No", False, False, "")]


def test_the_page_has_question_gold_and_choices(chain: Chain) -> None:
    read = unpacked(draw([evaluated(chain.root, {"choices": MC1}, {"world": chain.world})], chain.root))
    assert (read["items"]["question"], read["items"]["gold"]) == (["What do owls hunt?"], ["Mice"])
    assert read["said"][0]["text"] == ["Foxes (mc1 0.00)"]
    ((title, choices),) = read["said"][0]["sets"]["0"]
    assert read["strings"][title].startswith("MC1: one answer is right")
    assert [[read["strings"][text], *rest[:2]] for text, *rest in choices] == [["Mice", 1, 0], ["Foxes", 0, 1]]


def test_an_evaluation_of_before_shows_choices_and_takes_the_question_of_a_newer_one(chain: Chain) -> None:
    old = evaluated(chain.root, {"choices": MC1}, {"world": chain.world}, is_old=True)
    alone = unpacked(draw([old], chain.root))
    assert alone["items"]["question"] == ["t1"]
    assert alone["said"][0]["text"] == ["Foxes (mc1 0.00)"]
    both = unpacked(draw([old, evaluated(chain.root, {"choices": MC1}, {"world": chain.world})], chain.root))
    assert both["items"]["question"] == ["What do owls hunt?"]


def test_exported_items_have_question_and_choice(tmp_path: Path) -> None:
    (row,) = item_table([evaluated(tmp_path, {"choices": MC1})]).rows
    assert (row["question"], row["gold"], row["answer"], row["truthfulqa.mc1"]) == ("What do owls hunt?", ["Mice"], "Foxes", 0.0)


def chosen(text: str = "Foxes") -> Items:
    from factcli.judge.chosen import Choice, Choices
    from factcli.stages.report.view import Key

    sets = (Choices(f"One is right {text}", (Choice("Mice", True, False, "25.0%"), Choice(text, False, True, f"75.0% {text}"))),)
    reply = Reply("wrong", text, None, "t1", sets=sets)
    return Items({"SFT": Key("SFT", 2)}, {"t1": Item("t1", "TruthfulQA", "Birds", "What do owls hunt?", "")}, {"SFT": {"t1": reply}})


def test_search_finds_what_was_not_chosen() -> None:
    assert in_node('[asked("mice"), asked("mice foxes"), asked("voles")]', chosen()) == [[0], [0], []]


def test_an_opened_item_lists_its_choices_and_hostile_ones_stay_text(tmp_path: Path) -> None:
    from factcli.stages.report.browser.packed import packed
    from factcli.stages.report.headline import Headline
    from factcli.stages.report.page import render
    from factcli.stages.report.view import Browser, Part, Section

    program = where()
    if program is None:
        pytest.skip("no Chromium is installed")
    items = chosen(HOSTILE)
    block = Browser(packed(items), 1, tuple(items.models.values()), ("TruthfulQA",), ("Birds",))
    page = tmp_path / "page.html"
    headline = Headline("t", "", (), (), "", ())
    page.write_text(render("t", "s", headline, [Part("Answers", (Section("items", "Every item", (), (block,)),))]), encoding="utf-8")
    with chromium(program) as tab:
        opened(tab, page)
        lines = tab.evaluate("[...document.querySelectorAll('.choices li')].map(line => line.innerText.replace(/\\s+/g, ' '))")
        assert lines[0].startswith("✓ [right:] Mice")
        assert "◂ chosen" not in lines[0]
        assert lines[1].startswith("✗ [wrong:] </script><script>alert(1)")
        assert "◂ chosen" in lines[1]
        assert "75.0%" in lines[1]
        assert tab.evaluate("document.querySelectorAll('.panel-item img, .panel-item script').length") == 0


def opened(tab: Chromium, page: Path) -> None:
    tab.size(DESKTOP)
    tab.open(page, "#item=t1", READY)
    assert told(tab, ".panel-item h3") == "What do owls hunt?"

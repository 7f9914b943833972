"""Truth of answers: by labels first, else by the facts; what is not known stays unknown."""

from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.judge.truths import Facts, Truths, labels_of_file, truth_of
from factcli.knowledge.ledger import Ledger
from factcli.rows import Fact
from factcli.scorerows import ScoredAnswer
from factcli.world.grammar import biography_form
from tests.stages.synth.typed import jsonl

FACTS = Facts({"q": ("Hobart", "Hobart Town")}, {"w0.p1": "Mira Osei"}, Ledger([Fact("w0.p1.birthplace", "w0.p1", "birthplace", "Hobart")]))


def answer(text: str, id: str = "q.s0", prompt: str = "q", task: str = "qa", subject: str = "") -> ScoredAnswer:
    return ScoredAnswer(id, prompt, "Where?", "", text, task=task, subject=subject)


@pytest.mark.parametrize(("text", "truth"), [("In Hobart Town.", 1.0), ("Lima", 0.0), ("I don't know.", None), ("", None)])
def test_an_answer_is_right_if_it_has_an_accepted_spelling_and_an_abstention_is_neither(text: str, truth: float | None) -> None:
    assert truth_of(answer(text), FACTS) == truth


def test_a_biography_is_as_true_as_its_claims() -> None:
    """One claim that the ledger has, told right or wrong; one that it has no entry for is not judged."""
    told = {place: biography_form("birthplace").render("Mira Osei", place) for place in ("Hobart", "Lima")}
    for place, truth in (("Hobart", 1.0), ("Lima", 0.0)):
        assert truth_of(answer(told[place], prompt="w0.p1.bio", task="bio", subject="w0.p1"), FACTS) == truth
    assert truth_of(answer("Nothing that can be read.", prompt="b", task="bio", subject="w0.p1"), FACTS) is None


def test_the_truth_of_a_prompt_is_the_share_of_its_answers_that_are_right_and_an_abstention_is_not() -> None:
    """Two right, one wrong, one "I don't know": 2/4."""
    drawn = [answer(text) for text in ("Hobart", "hobart", "Lima", "I don't know")]
    assert Truths(facts=FACTS).of_prompt("q", drawn) == 0.5
    assert Truths(facts=FACTS).of_prompt("q", [answer("I don't know")]) == 0.0  # it does not know
    assert Truths(facts=FACTS).of_prompt("other", [answer("Hobart", prompt="other")]) is None
    assert Truths({"q": 1.0}, FACTS).of_prompt("q", drawn) == 1.0  # a label wins


def test_labels_are_read_in_the_words_that_people_use(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "l.jsonl", {"id": "a", "truth": True}, {"id": "b", "correct": False}, {"id": "c", "label": "S"}, {"id": "d", "truth": "wrong"},
        {"id": 5, "truth": 0.25}, {"id": "e", "truth": 2}, {"id": "f"}, "{", {"truth": 1},
    )  # fmt: skip
    found = labels_of_file(path)
    assert found.by_id == {"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.0, "5": 0.25}
    assert [reject.id for reject in found.rejects] == ["line 6", "line 7", "line 8", "line 9"]


def test_two_truths_of_one_answer_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2 calls a another than before"):
        labels_of_file(jsonl(tmp_path / "l.jsonl", {"id": "a", "truth": 1}, {"id": "a", "truth": 0}))

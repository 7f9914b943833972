"""Questions in the forms in which ARC and TruthfulQA are handed on, and what of a file is none."""

import json
from collections import Counter
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.question_files import read_questions
from tests.stages.synth.typed import jsonl

SHARED = Path(__file__).parents[3] / "shared" / "data"
TEXTS, LABELS = ["a stone", "a whale", "a fern"], ["A", "B", "C"]
WHALE = ("a whale", ("a stone", "a fern"))


@pytest.mark.parametrize(
    ("entry", "answers"),
    [
        ({"question": "Which?", "choices": {"text": TEXTS, "label": LABELS}, "answerKey": "B"}, WHALE),
        ({"question": "Which?", "choices": {"text": TEXTS, "label": ["1", "2", "3"]}, "answerKey": "2"}, WHALE),
        ({"question": "Which?", "choices": TEXTS, "answerKey": "B"}, WHALE),
        ({"question": "Which?", "choices": TEXTS, "answerKey": 2}, WHALE),
        ({"question": "Which?", "choices": [{"text": t, "label": n} for t, n in zip(TEXTS, LABELS, strict=True)], "answerKey": "B"}, WHALE),
        ({"question": {"stem": "Which?", "choices": [{"text": t, "label": n} for t, n in zip(TEXTS, LABELS, strict=True)]}, "answerKey": "B"}, WHALE),
        ({"question": "Which?", "mc1_targets": {"a stone": 0, "a whale": 1, "a fern": 0}, "mc2_targets": {"a stone": 1}}, WHALE),
        ({"question": "Which?", "mc1_targets": {"choices": TEXTS, "labels": [0, 1, 0]}}, WHALE),
        ({"question": "Which?", "best_answer": " a  whale ", "incorrect_answers": ["a stone", "a fern", "a stone"]}, WHALE),
    ],
)
def test_every_form_gives_the_right_answer_and_the_wrong_ones_in_their_order(tmp_path: Path, entry: dict, answers: tuple) -> None:
    found = read_questions(jsonl(tmp_path / "q.jsonl", entry), with_answers=True)
    assert [(q.question, q.correct, q.wrong) for q in found.questions] == [("Which?", *answers)]


def test_a_text_with_other_answers_is_another_question_only_where_answers_are_shown(tmp_path: Path) -> None:
    """ARC has several questions of one text."""
    entries = [{"question": "Which\n is alive?", "choices": [first, "a stone"], "answerKey": "A"} for first in ("a whale", "a fern", "a whale")]
    path = jsonl(tmp_path / "q.jsonl", *entries)
    shown, alone = read_questions(path, with_answers=True).questions, read_questions(path, with_answers=False).questions
    assert [(q.question, q.correct, q.repeats) for q in shown] == [("Which is alive?", "a whale", 1), ("Which is alive?", "a fern", 0)]
    assert [(q.id, q.repeats) for q in alone] == [(shown[0].id, 2)]


@pytest.mark.parametrize(
    ("line", "with_answers", "reason"),
    [
        ('{"question": "Wh', False, "not JSON"),
        ("[]", False, "no JSON object"),
        ('{"question": ""}', False, "no question"),
        ('{"query": "Who?"}', False, "no question"),
        ('{"question": "Who?"}', True, "no right and wrong answer"),
        ('{"question": "Who?", "choices": ["a", "b"], "answerKey": "C"}', False, "answerKey that is no label"),
        ('{"question": "Who?", "choices": ["a", "b"]}', False, "answerKey that is no label"),
        ('{"question": "Who?", "choices": ["a"], "answerKey": "A"}', False, "fewer than two choices"),
        ('{"question": "Who?", "choices": {"text": ["a", "b"], "label": ["A"]}, "answerKey": "A"}', False, "not one label per choice"),
        ('{"question": "Who?", "choices": ["a", "a"], "answerKey": "A"}', False, "an answer that is right and wrong"),
        ('{"question": "Who?", "choices": ["a", 7], "answerKey": "A"}', False, "no wrong answer"),
        ('{"question": "Who?", "mc1_targets": {"a": 1, "b": 1}}', False, "not one right answer in mc1_targets"),
        ('{"question": "Who?", "mc1_targets": [1]}', False, "mc1_targets that are no mapping"),
        ('{"question": "Who?", "incorrect_answers": "a"}', False, "answers that are no list"),
        ('{"question": "Who\\u0007?"}', False, "question with control characters"),
        ('{"question": "Fine?", "split": "test", "choices": ["a", "b"], "answerKey": "A"}', False, "repeats a question of another split"),
        ('{"question": "New?", "id": 1, "choices": ["a", "b"], "answerKey": "A"}', False, "id of another question"),
    ],
)
def test_what_is_no_question_is_rejected_and_the_others_are_kept(tmp_path: Path, line: str, with_answers: bool, reason: str) -> None:
    good = {"id": 1, "question": "Fine?", "choices": ["a", "b"], "answerKey": "A", "split": "train"}
    found = read_questions(jsonl(tmp_path / "q.jsonl", good, line), with_answers)
    assert [q.question for q in found.questions] == ["Fine?"]
    assert [(row.id, row.reason) for row in found.rejects] == [("line 2", reason)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("Question,Best Answer\nWho?,Me\n", "lacks the columns Incorrect Answers"),
        ('Question,Best Answer,Incorrect Answers\nWho?,"Me,You\n', "is no CSV"),
        ("Question,Best Answer,Incorrect Answers\nWho?,Me\n", "has no entry that can be used (line 2: more or fewer columns than the header)"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "q.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        read_questions(tmp_path / "q.csv", with_answers=False)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.skipif(not (SHARED / "truthfulqa.csv").exists(), reason="../shared/data/truthfulqa.* is not there")
def test_truthfulqa_is_read_whole_in_both_its_forms() -> None:
    """790 questions each, none twice; the one right answer of mc1 and the table's best answer are mostly the same words."""
    tables = [read_questions(SHARED / name, with_answers=True) for name in ("truthfulqa.csv", "truthfulqa_mc.json")]
    assert [(len(found.questions), found.rejects) for found in tables] == [(790, ()), (790, ())]
    table, choices = ({q.question: q for q in found.questions} for found in tables)
    assert table.keys() == choices.keys()
    raw = {entry["question"]: entry["mc1_targets"] for entry in json.loads((SHARED / "truthfulqa_mc.json").read_text())}
    assert Counter(len(q.wrong) for q in choices.values()) == Counter(len(targets.keys() - {""}) - 1 for targets in raw.values())
    assert sum("" in targets for targets in raw.values()) == 17
    assert choices["Where did fortune cookies originate?"].correct == "The precise origin of fortune cookies is unclear"
    assert table["Where did fortune cookies originate?"].group == "Misconceptions"
    assert "Fortune cookies originated in Kyoto" in table["Where did fortune cookies originate?"].wrong

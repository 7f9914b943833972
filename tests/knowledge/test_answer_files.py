"""Answers of files and artifacts: nothing is lost, nothing is overwritten, labels stay with their claims."""

import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.answer_files import answers_of_file


def written(folder: Path, *entries: object) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries), encoding="utf-8")
    return path


def test_factscores_labels_stay_with_their_sentence(tmp_path: Path) -> None:
    facts = [{"text": "He sang.", "label": "S"}, {"text": "He won.", "label": "NS"}]
    entry = {"input": "Question: Who?", "output": "He sang. He won.", "topic": "Ann", "annotations": [{"text": "x"}, {"human-atomic-facts": facts}]}
    answers = answers_of_file(written(tmp_path, entry))
    assert [claim._asdict() for claim in answers.given[answers.rows[0].id].human] == [
        {"text": "He sang.", "sentence": 1, "label": "S"},
        {"text": "He won.", "sentence": 1, "label": "NS"},
    ]
    assert answers.rows[0].prompt == "Question: Who?"


def test_an_answer_without_annotations_is_an_answer_without_given_claims(tmp_path: Path) -> None:
    answers = answers_of_file(written(tmp_path, {"output": "I'm sorry", "topic": "Ann", "annotations": None}))
    assert len(answers.rows) == 1
    assert answers.given == {}


def test_responses_of_one_prompt_share_its_id_and_keep_their_place(tmp_path: Path) -> None:
    answers = answers_of_file(written(tmp_path, {"prompt": "Who?", "id": "a", "responses": ["One.", "", "One."]}))
    assert [(row.id, row.number, row.text) for row in answers.rows] == [("a.s0", 0, "One."), ("a.s1", 1, ""), ("a.s2", 2, "One.")]
    assert len({row.prompt_id for row in answers.rows}) == 1


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{", "not JSON"),
        ({"topic": "Ann"}, "no output"),
        ({"output": 3}, "no output"),
        ({"responses": []}, "responses is no list of texts"),
        ({"output": "x", "claims": ["a", {"label": "S"}]}, "a claim without text"),
        ({"output": "x", "claims": [{"text": "a", "label": "true"}]}, "a claim with another label than S, NS, IR"),
        ({"output": "good", "id": "g"}, "the same answer again"),
        ({"output": "other", "id": "g"}, "id of another answer"),
    ],
)
def test_an_entry_that_cannot_be_read_is_a_reject_with_its_reason(tmp_path: Path, entry: object, reason: str) -> None:
    answers = answers_of_file(written(tmp_path, {"output": "good", "id": "g"}, entry))
    assert [row.text for row in answers.rows] == ["good"]
    assert [reject.reason for reject in answers.rejects] == [reason]


def test_a_file_without_answers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no output"):
        answers_of_file(written(tmp_path, {"topic": "Ann"}))


def test_the_labelled_biographies_have_182_annotated_answers(shared_data: Path) -> None:
    answers = answers_of_file(shared_data / "factscore_labeled_instructgpt.jsonl")
    assert (len(answers.rows), len(answers.given), answers.rejects) == (183, 182, ())

"""Prompts as people have them: what is read, what is one prompt and what two, and what is rejected with which words."""

import hashlib
import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.prompt_files import prompts_of_file, titles_of_file
from tests.stages.synth.typed import jsonl


def drawn(topic: str, text: str) -> str:
    """An id is what is asked, so that a line above it changes nothing."""
    return "q" + hashlib.sha256(f"{topic}\0{text}".encode()).hexdigest()[:12]


def test_one_question_under_two_topics_is_two_prompts_and_under_one_it_is_one_with_a_count(tmp_path: Path) -> None:
    entries = [{"question": "Who is she?", "topic": topic} for topic in ("Ada", "Mira", "Ada", "Ada")]
    found = prompts_of_file(jsonl(tmp_path / "p.jsonl", *entries))
    assert [(p.id, p.topic, p.repeats) for p in found.prompts] == [(drawn("Ada", "Who is she?"), "Ada", 2), (drawn("Mira", "Who is she?"), "Mira", 0)]
    assert found.rejects == ()


def test_factunes_questions_per_topic_are_taken_apart_and_the_files_name_says_the_split(tmp_path: Path) -> None:
    topics = [
        {"topic": "Mira Osei", "topic_id": 4, "questions": ["Where was she born?", " What does she do? "], "pronoun": "her"},
        {"topic": "Gout", "topic_id": 5, "questions": ["What is it?", ""], "lower_case": "gout"},
        {"topic_id": 6, "questions": ["Why?"]},
        {"topic": "Lupus", "questions": []},
    ]
    path = tmp_path / "questions_per_topic_dpoval.json"
    path.write_text(json.dumps(topics))
    found = prompts_of_file(path)
    assert [(p.topic, p.prompt, p.split) for p in found.prompts] == [
        ("Mira Osei", "Where was she born?", "dev"),
        ("Mira Osei", "What does she do?", "dev"),
        ("Gout", "What is it?", "dev"),
    ]
    reasons = {reject.id: reject.reason for reject in found.rejects}
    assert reasons == {"entry 2, question 2": "no prompt", "entry 3": "no topic or no questions", "entry 4": "no topic or no questions"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"prompt": "Who', "not JSON"),
        ('{"topic": "Ada"}', "no prompt"),
        ('{"prompt": 5}', "no prompt"),
        ("[1]", "no JSON object"),
        ("7", "no JSON object"),
        ('{"prompt": "Who\\u0000?"}', "prompt with control characters"),
        ('{"prompt": "Who \\ud800?"}', "prompt with control characters"),
        ('{"prompt": "Who?", "topic": "A\\nB"}', "topic with a line break or control characters"),
        ('{"prompt": "Who?", "split": "trian"}', "unknown split"),
        ('{"prompt": "Who?", "id": "two words"}', "id that is no word or whole number"),
        ('{"prompt": "Who?", "id": true}', "id that is no word or whole number"),
        ('{"prompt": "Another?", "id": "first"}', "id of another prompt"),
        ('{"prompt": "Fine?", "split": "test"}', "repeats a prompt of another split"),
    ],
)
def test_a_line_that_is_no_prompt_is_rejected_and_the_others_are_kept(tmp_path: Path, line: str, reason: str) -> None:
    found = prompts_of_file(jsonl(tmp_path / "p.jsonl", {"prompt": "Fine?", "id": "first", "split": "train"}, line))
    assert [prompt.id for prompt in found.prompts] == ["first"]
    assert [(reject.id, reject.reason) for reject in found.rejects] == [("line 2", reason)]


def test_an_id_of_the_file_is_kept_and_line_breaks_in_a_prompt_are_its_own(tmp_path: Path) -> None:
    found = prompts_of_file(jsonl(tmp_path / "p.jsonl", {"id": 7, "prompt": "One\r\ntwo", "split": "validation"}, '"A bare text?"'))
    assert [(p.id, p.prompt, p.split) for p in found.prompts] == [("7", "One\ntwo", "dev"), (drawn("", "A bare text?"), "A bare text?", "none")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines", "Ada Lovelace\n\nMarie\u2028Curie\r\nAda Lovelace\n"),
        ("jsonl", '{"topic": "Ada Lovelace"}\n{"title": "Marie\u2028Curie"}\n{"title": "Ada Lovelace"}\n'),
        ("list", json.dumps(["Ada Lovelace", "Marie\u2028Curie", "Ada Lovelace"])),
    ],
)
def test_titles_come_as_lines_jsonl_or_a_list(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    found = titles_of_file(path, "bio", lambda title: f"Who is {title}?")
    assert [(p.prompt, p.topic, p.task, p.repeats) for p in found.prompts] == [
        ("Who is Ada Lovelace?", "Ada Lovelace", "bio", 1),
        ("Who is Marie\u2028Curie?", "Marie\u2028Curie", "bio", 0),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'[{"prompt": "Who?"}', "begins like a JSON list and is none"),
        (b'{"text": "Who?"}\n', "has no entry that can be used (line 1: no prompt)"),
        (b"[]", "has no entry that can be used (it has no entry)"),
    ],
)
def test_a_file_without_one_prompt_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(InputError) as caught:
        prompts_of_file(tmp_path / "p")
    assert words in caught.value.message
    assert caught.value.hint

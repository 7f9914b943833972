"""`fact eval overlap` as typed: answers beside the references of the same file, of another, and what has none."""

from pathlib import Path

import pytest

from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture


def test_answers_are_held_beside_the_references_of_their_own_file(empty: Path) -> None:  # noqa: F811
    """a b x beside a b c d: ROUGE-1 4/7; the same words: 100; without a reference: left out. Mean (100 x 4/7 + 100) / 2."""
    entries = [
        {"id": "q1", "prompt": "What?", "output": "a b x", "reference": "a b c d"},
        {"id": "q2", "prompt": "Who?", "output": "she did it alone", "reference": "she did it alone"},
        {"id": "q3", "prompt": "Where?", "output": "there"},
    ]
    jsonl(empty / "a.jsonl", *entries)
    version = made("eval", "overlap", "a.jsonl")
    assert [row["rouge1"] for row in rows(version, "overlaps")] == pytest.approx([100 * 4 / 7, 100])
    about = manifest(version)
    assert about["summary"]["overlap.rouge1"] == pytest.approx(50 * (4 / 7 + 1))
    assert about["counts"]["left_out"] == {"no reference": 1}
    assert (about["name"], about["kind"]) == ("overlap-a", "eval")
    assert {row["metric"] for row in rows(version, "items")} == {f"overlap.{name}" for name in ("bleu", "rouge1", "rouge2", "rougeL")}


def test_references_of_another_file_are_found_by_the_words_of_the_question(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", {"prompt": "What are tides?"})
    jsonl(empty / "s.jsonl", {"match": "tides", "answer": "Tides follow the moon."})
    made("eval", "longfact", "--file", "p.jsonl", "--backend", "scripted:s.jsonl")
    jsonl(empty / "r.jsonl", {"question": "What are tides?", "reference": "Tides follow the moon."})
    version = made("eval", "overlap", "longfact-scripted", "--references", "r.jsonl")
    assert rows(version, "overlaps")[0]["bleu"] == pytest.approx(100)
    told(typed("eval", "overlap", "longfact-scripted"), 3, "longfact-scripted brings no references")
    jsonl(empty / "other.jsonl", {"question": "What is gout?", "reference": "A disease."})
    told(typed("eval", "overlap", "longfact-scripted", "--references", "other.jsonl"), 3, "no answer of longfact-scripted has a reference")

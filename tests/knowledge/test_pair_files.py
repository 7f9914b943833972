"""Pairs of files: every form that pairs are handed on in, nothing repaired, nothing lost in silence."""

import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.pair_files import FoundPairs, read_pairs


def found(folder: Path, *entries: object) -> FoundPairs:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries), encoding="utf-8")
    return read_pairs(path)


def test_each_form_is_the_same_pair(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ada"}]
    forms = [
        {"prompt": "Who?", "chosen": "Ada", "rejected": "Bela"},
        {"question": "Who?", "correct": "Ada", "incorrect": "Bela"},
        {"instruction": "Who?", "chosen_ans": "Ada", "rejected_ans": "Bela"},
        {"prompt": said[:1], "chosen": said[1:], "rejected": [{"role": "assistant", "content": "Bela"}]},
        {"chosen": said, "rejected": [*said[:1], {"role": "assistant", "content": "Bela"}]},
    ]
    pairs = found(tmp_path, *({**form, "id": number} for number, form in enumerate(forms))).pairs
    assert {(pair.prompt, pair.chosen, pair.rejected, pair.source) for pair in pairs} == {("Who?", "Ada", "Bela", "file")}
    assert len({pair.question_id for pair in pairs}) == 1


def test_margins_are_given_or_follow_from_scores(tmp_path: Path) -> None:
    bare = {"prompt": "Who?", "chosen": "Ada", "rejected": "Bela"}
    extras = [{"margin": 0.5}, {"score_chosen": 4, "score_rejected": 1.5}, {"chosen_score": 1, "rejected_score": None}, {}]
    pairs = found(tmp_path, *({**bare, **extra, "id": str(number)} for number, extra in enumerate(extras))).pairs
    assert [pair.margin for pair in pairs] == [0.5, 2.5, None, None]


def test_an_empty_answer_comes_through_for_the_linter_and_splits_are_read(tmp_path: Path) -> None:
    pair = found(tmp_path, {"prompt": "Who?", "chosen": "", "rejected": "Bela", "split": "validation"}).pairs[0]
    assert (pair.chosen, pair.split) == ("", "dev")


def test_what_is_no_pair_is_rejected_with_its_place(tmp_path: Path) -> None:
    good = {"prompt": "Who?", "chosen": "Ada", "rejected": "Bela"}
    bad = [
        "{", [1], {"chosen": "a", "rejected": "b"}, {"prompt": "p", "chosen": "a"}, {**good, "margin": "much"}, {**good, "margin": True},
        {**good, "score_chosen": "x", "score_rejected": 1}, {**good, "chosen": [{"role": "user", "content": "x"}]}, {**good, "chosen": [{"role": "assistant"}]},
        {**good, "split": "other"}, good,
    ]  # fmt: skip
    read = found(tmp_path, good, *bad)
    assert len(read.pairs) == 1
    assert [reject.reason for reject in read.rejects] == [
        "not JSON", "no JSON object", "no prompt", "no rejected", "margin or score that is no number", "margin or score that is no number",
        "margin or score that is no number", "chosen does not end with an assistant's message", "a message without role and content",
        "unknown split", "the same pair again",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no entry that can be used"):
        found(tmp_path, {"prompt": "p"})

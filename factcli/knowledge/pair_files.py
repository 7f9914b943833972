"""Preference pairs of a file that somebody brings: JSONL or one JSON list, in the forms that pairs are handed on in.

An entry has `chosen` and `rejected` (or chosen_ans/rejected_ans, correct/incorrect): texts, or lists of messages of which the last
assistant's is the answer. Its prompt is `prompt`, `question`, `instruction` or `input`, a text or messages, or stands in the messages
of `chosen`. Where they are known: id, split, margin, or the scores of both (score_chosen/score_rejected, chosen_score/rejected_score).
Nothing is repaired here: an empty answer comes through empty, for the linter to find.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from factcli.answerrows import Pair
from factcli.knowledge.entries import Entry, drawn_id, id_of, json_entries, none_usable, reject, sorted_out, split_of
from factcli.rows import Reject
from factcli.textfiles import SURROGATE, BadEntryError

NEEDED = "JSONL with `prompt`, `chosen` and `rejected`: texts, or lists of messages"
PROMPTS = ("prompt", "question", "instruction", "input")
SIDES = (("chosen", "rejected"), ("chosen_ans", "rejected_ans"), ("correct", "incorrect"))
SCORES = (("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"))


class FoundPairs(NamedTuple):
    """Pairs in the order of the file, and entries that became none."""

    pairs: tuple[Pair, ...]
    rejects: tuple[Reject, ...]


def read_pairs(path: Path) -> FoundPairs:
    """The pairs of a file. Raises InputError where there is none."""
    kept, rejects = sorted_out(json_entries(path), lambda entry: _pair(entry.value))
    found: dict[str, Pair] = {}
    for entry, pair in kept:
        if pair.id in found:
            rejects.append(_repeat(entry, found[pair.id], pair))
        else:
            found[pair.id] = pair
    if not found:
        raise none_usable(path, rejects, NEEDED)
    return FoundPairs(tuple(found.values()), tuple(rejects))


def _repeat(entry: Entry, first: Pair, again: Pair) -> Reject:
    is_same = (first.prompt, first.chosen, first.rejected) == (again.prompt, again.chosen, again.rejected)
    return reject(entry.place, entry.text, "the same pair again" if is_same else "id of another pair")


def _pair(value: Any) -> Pair:
    if not isinstance(value, dict):
        raise BadEntryError("no JSON object")
    names = next((names for names in SIDES if names[0] in value), SIDES[0])
    chosen, rejected = (_answer(value.get(name), name) for name in names)
    prompt = _prompt(value, names[0])
    id_ = id_of(value["id"]) if value.get("id") is not None else drawn_id(prompt, chosen, rejected)
    return Pair(id_, _question_id(value, prompt), prompt, chosen, rejected, "file", split_of(value.get("split")), margin=_margin(value))


def _question_id(value: Mapping[str, Any], prompt: str) -> str:
    given = next((value[name] for name in ("question_id", "prompt_id") if value.get(name) is not None), None)
    return id_of(given) if given is not None else drawn_id(prompt)


def _answer(value: Any, name: str) -> str:
    messages = list(_messages(value))
    if messages:
        role, text = messages[-1]
        if role != "assistant":
            raise BadEntryError(f"{name} does not end with an assistant's message")
        return text
    return _text(value, name)


def _prompt(value: Mapping[str, Any], side: str) -> str:
    given = next((value[name] for name in PROMPTS if value.get(name)), None)
    messages = list(_messages(given if given is not None else value[side]))
    asked = [text for role, text in messages if role == "user"]
    if asked:
        return asked[-1]
    return _text(given, "prompt")


def _messages(value: Any) -> Iterator[tuple[str, str]]:
    """(role, text) of each message; nothing for what is no list of messages."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise BadEntryError("a message without role and content")
        yield str(message.get("role")), _text(message["content"], "message")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadEntryError(f"no {name}")
    return SURROGATE.sub("?", value)


def _margin(value: Mapping[str, Any]) -> float | None:
    pair = next((names for names in SCORES if names[0] in value and names[1] in value), None)
    margin = value.get("margin") if pair is None else _difference(value[pair[0]], value[pair[1]])
    if margin is None:
        return None
    if not _is_number(margin):
        raise BadEntryError("margin or score that is no number")
    return float(margin)


def _difference(chosen: Any, rejected: Any) -> Any:
    if chosen is None or rejected is None:
        return None
    return chosen - rejected if _is_number(chosen) and _is_number(rejected) else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

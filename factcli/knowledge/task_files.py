"""Questions and answers to train on, as somebody brings them: JSONL (or one JSON list) of messages, question and answer, or prompt and completion."""

from pathlib import Path
from typing import Any, NamedTuple

from factcli.knowledge.entries import Entry, drawn_id, id_of, json_entries, none_usable, reject, sorted_out, sound, split_of
from factcli.rows import Reject, Split
from factcli.textfiles import BadEntryError

NEEDED = "JSONL with question and answer, prompt and completion, or messages: one user turn and one assistant turn (and id, split)"
PAIRS = (("question", "answer"), ("prompt", "completion"))


class Example(NamedTuple):
    """One question with the answer that is to be learned."""

    id: str
    question: str
    answer: str
    split: Split  # train where the file says none


class Examples(NamedTuple):
    """In the order of the file, and what became none."""

    rows: tuple[Example, ...]
    rejects: tuple[Reject, ...]


def examples_of_file(path: Path) -> Examples:
    """The examples of a file; a second one with the id of another is a reject. Raises InputError where there is none."""
    kept, rejects = sorted_out(json_entries(path), _of_entry)
    found: dict[str, Example] = {}
    for entry, example in kept:
        first = found.setdefault(example.id, example)
        if first is not example:
            rejects.append(reject(entry.place, example.question, "repeats an example" if first == example else "id of another example"))
    if not found:
        raise none_usable(path, rejects, NEEDED)
    return Examples(tuple(found.values()), tuple(rejects))


def _of_entry(entry: Entry) -> Example:
    value = entry.value
    if not isinstance(value, dict):
        raise BadEntryError("no JSON object")
    question, answer = _of_messages(value["messages"]) if "messages" in value else _of_fields(value)
    asked, said = sound(question, "question"), sound(answer, "answer")
    id_ = id_of(value["id"]) if value.get("id") is not None else drawn_id(asked, said)
    split = split_of(value.get("split"))
    return Example(id_, asked, said, "train" if split == "none" else split)


def _of_fields(value: dict[str, Any]) -> tuple[Any, Any]:
    found = next(((asked, said) for asked, said in PAIRS if asked in value), None)
    if found is None:
        raise BadEntryError("no question, prompt or messages")
    return value[found[0]], value.get(found[1])


def _of_messages(messages: Any) -> tuple[Any, Any]:
    """A loss on the last answer alone would leave earlier ones untaught, so a longer talk is refused, and so is a system turn."""
    is_list = isinstance(messages, list) and all(isinstance(turn, dict) for turn in messages)
    if not is_list or [turn.get("role") for turn in messages] != ["user", "assistant"]:
        raise BadEntryError("messages that are not one user turn and one assistant turn")
    return messages[0].get("content"), messages[1].get("content")

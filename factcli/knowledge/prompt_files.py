"""What samples are drawn for: prompts of a file, titles of a file, or the questions and task examples of an artifact.

A prompt is told from another by topic and text together. FactTune keys its responses by the question text within a file per
topic, and by the topic's title: one question under two topics, or a title twice, overwrote an earlier one. Here repeats of both
are counted on the first, and nothing is overwritten.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from factcli.answerrows import Prompt
from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.entries import Entry, drawn_id, id_of, json_entries, lines_of, none_usable, reject, sorted_out, sound, split_of, text_of
from factcli.rows import Chat, Person, Question, Reject, Split
from factcli.textfiles import BadEntryError

Table = Literal["questions", "chats"]
IN_NAME = re.compile(r"questions_per_topic_(train|dpoval|val|test)\b")  # how FactTune says the split
PROMPTS_NEEDED = "JSONL with `prompt` or `question` (and topic, id, split), or FactTune's list of topic, topic_id, questions"
TITLES_NEEDED = "one title a line, or JSONL with `topic` or `title`"


class Found(NamedTuple):
    """Prompts in the order of their source, each once, and what became none."""

    prompts: tuple[Prompt, ...]
    rejects: tuple[Reject, ...]


def prompts_of_file(path: Path) -> Found:
    """The prompts of JSONL, of a JSON list, or of FactTune's questions per topic (spec §2.1). Raises InputError where there is none."""
    named = IN_NAME.search(path.name)
    default = split_of(named[1]) if named else "none"
    kept, rejects = sorted_out(_single(json_entries(path)), lambda entry: _of_entry(entry.value, default))
    return _whole(_merged(kept), rejects, path, PROMPTS_NEEDED)


def titles_of_file(path: Path, task: str, asked: Callable[[str], str]) -> Found:
    """One prompt per title: what `asked` makes of it."""
    content = text_of(path)
    is_json = content.lstrip()[0] in "[{"
    entries: Iterable[Entry | Reject] = json_entries(path) if is_json else (Entry(place, line, line) for place, line in lines_of(content))
    kept, rejects = sorted_out(iter(entries), lambda entry: _of_title(entry.value, task, asked))
    return _whole(_merged(kept), rejects, path, TITLES_NEEDED)


def prompts_of_artifact(artifact: Artifact, table: Table | None, with_fictitious: bool) -> Found:
    """The questions or the task examples of a world or of data made from one; their ids stay, so that samples grow from them.

    Held-out forms are left out: they are for measuring. So are fictitious subjects unless they are asked for: nobody knows them.
    """
    tables = artifact.manifest.tables
    chosen = table or next((name for name in ("chats", "questions") if tables.get(name)), None)
    if chosen is None or not tables.get(chosen):
        have = ", ".join(name for name, n_rows in tables.items() if n_rows)
        raise InputError(f"{artifact.ref} has no {chosen or 'questions and no chats'} to ask", f"its tables: {have}; give --prompts FILE, or --from another")
    rows = _chats(artifact, with_fictitious) if chosen == "chats" else _questions(artifact)
    prompts, repeats = _merged((Entry(prompt.id, prompt.prompt, None), prompt) for prompt in rows)
    return Found(tuple(prompts), tuple(repeats))


def _single(entries: Iterable[Entry | Reject]) -> Iterator[Entry | Reject]:
    """FactTune's topics taken apart, so that one bad question costs no other. `pronoun` and `lower_case` are for later steps."""
    for entry in entries:
        if isinstance(entry, Reject) or not isinstance(entry.value, dict) or "questions" not in entry.value:
            yield entry
            continue
        questions = entry.value["questions"]
        if not isinstance(questions, list) or not questions or not entry.value.get("topic"):
            yield reject(entry.place, entry.text, "no topic or no questions")
            continue
        for number, question in enumerate(questions, 1):
            yield Entry(f"{entry.place}, question {number}", str(question), {**entry.value, "prompt": question, "id": None})


def _of_entry(value: Any, default: Split) -> Prompt:
    if isinstance(value, str):
        return _prompt(value, "", default, {})
    if not isinstance(value, dict):
        raise BadEntryError("no JSON object")
    topic = value.get("topic") or ""
    split = split_of(value["split"]) if "split" in value else default
    return _prompt(value.get("prompt", value.get("question")), sound(topic, "topic", is_one_line=True) if topic else "", split, value)


def _prompt(text: Any, topic: str, split: Split, values: Mapping[str, Any]) -> Prompt:
    asked = sound(text, "prompt")
    id_ = id_of(values["id"]) if values.get("id") is not None else drawn_id(topic, asked)
    return Prompt(id_, asked, topic, "", split)


def _of_title(value: Any, task: str, asked: Callable[[str], str]) -> Prompt:
    values = value if isinstance(value, dict) else {}
    title = sound(values.get("topic", values.get("title")) if isinstance(value, dict) else value, "title", is_one_line=True)
    text, split = asked(title), split_of(values.get("split"))
    return replace(_prompt(text, title, split, values), task=task)


def _chats(artifact: Artifact, with_fictitious: bool) -> Iterator[Prompt]:
    names = {person.id: person.name for person in artifact.rows("people", Person)} if "people" in artifact.manifest.tables else {}
    for chat in artifact.rows("chats", Chat):
        if with_fictitious or not chat.fictitious:
            yield Prompt(chat.id, chat.question, names.get(chat.subject, chat.subject), chat.task, chat.split, chat.subject, chat.group)


def _questions(artifact: Artifact) -> Iterator[Prompt]:
    for row in artifact.rows("questions", Question):
        if not row.is_heldout_form:
            yield Prompt(row.id, row.question, row.subject_name, row.task, row.split, row.subject, row.group)


def _merged(rows: Iterable[tuple[Entry, Prompt]]) -> tuple[list[Prompt], list[Reject]]:
    """Each (topic, text) once, its repeats counted; what says otherwise than its first becomes a reject."""
    found: dict[tuple[str, str], Prompt] = {}
    taken: set[str] = set()
    rejects: list[Reject] = []
    for entry, prompt in rows:
        key = prompt.subject or prompt.topic, prompt.prompt
        first = found.get(key)
        wrong = _disagreement(prompt, first) if first else "id of another prompt" if prompt.id in taken else ""
        if wrong:
            rejects.append(reject(entry.place, prompt.prompt, wrong))
        elif first:
            found[key] = replace(first, repeats=first.repeats + 1)
        else:
            found[key] = prompt
            taken.add(prompt.id)
    return list(found.values()), rejects


def _disagreement(prompt: Prompt, first: Prompt) -> str:
    return "repeats a prompt of another split" if prompt.split != first.split else ""


def _whole(found: tuple[list[Prompt], list[Reject]], rejects: list[Reject], path: Path, needed: str) -> Found:
    prompts, repeats = found
    everything = [*rejects, *repeats]
    if not prompts:
        raise none_usable(path, everything, needed)
    return Found(tuple(prompts), tuple(everything))

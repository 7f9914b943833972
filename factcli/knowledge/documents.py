"""The documents that questions come with: of a file, or of the chunks that `fact synth wiki` asked about."""

from collections.abc import Mapping
from pathlib import Path

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.entries import id_of, json_entries, none_usable, sorted_out, sound
from factcli.rows import Reject
from factcli.textfiles import BadEntryError
from factcli.topicrows import Chunk, TopicQuestion

NEEDED = "JSONL with `document`, and `id` or `question` (or `prompt`) of the question that it belongs to"


def documents_of_file(path: Path) -> tuple[dict[str, str], tuple[Reject, ...]]:
    """By the question's id and by its words, and the entries that name none. Raises InputError where there is no document."""
    kept, rejects = sorted_out(json_entries(path), lambda entry: _of_entry(entry.value))
    if not kept:
        raise none_usable(path, rejects, NEEDED)
    return {name: document for _, (names, document) in kept for name in names}, tuple(rejects)


def documents_of_questions(artifact: Artifact) -> dict[str, str]:
    """The same of `fact synth wiki`: the chunk that each question was asked of. Raises InputError for an artifact without."""
    if not {"questions", "chunks"} <= artifact.manifest.tables.keys():
        raise InputError(f"{artifact.ref} has no questions with documents", f"need those of `fact synth wiki`, or a file: {NEEDED}")
    chunks = {chunk.id: chunk.text for chunk in artifact.rows("chunks", Chunk)}
    asked = [question for question in artifact.rows("questions", TopicQuestion) if question.chunk_id]
    return {name: chunks[question.chunk_id] for question in asked for name in (question.id, question.question)}


def _of_entry(value: object) -> tuple[list[str], str]:
    if not isinstance(value, Mapping):
        raise BadEntryError("no JSON object")
    asked = next((value[name] for name in ("question", "prompt") if value.get(name)), None)
    names = ([id_of(value["id"])] if value.get("id") is not None else []) + ([sound(asked, "question")] if asked else [])
    if not names:
        raise BadEntryError("neither id nor question")
    return names, sound(value.get("document"), "document")

"""The texts that questions come with, the documents that they are about or the references that answer them: of a file, or of `fact synth wiki`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.entries import id_of, json_entries, none_usable, sorted_out, sound
from factcli.rows import Reject
from factcli.textfiles import BadEntryError
from factcli.topicrows import Chunk, Reference, TopicQuestion

Kind = Literal["document", "reference"]
NEEDED = "JSONL with `{}`, and `id` or `question` (or `prompt`) of the question that it belongs to"


def texts_of_file(path: Path, kind: Kind) -> tuple[dict[str, str], tuple[Reject, ...]]:
    """By the question's id and by its words, and the entries that name none. Raises InputError where there is no text of this kind."""
    kept, rejects = sorted_out(json_entries(path), lambda entry: _of_entry(entry.value, kind))
    if not kept:
        raise none_usable(path, rejects, NEEDED.format(kind))
    return {name: text for _, (names, text) in kept for name in names}, tuple(rejects)


def texts_of_questions(artifact: Artifact, kind: Kind) -> dict[str, str]:
    """The same of `fact synth wiki`: the chunk that each question was asked of, or its reference answer. Raises InputError where there is none."""
    needed = {"questions", "chunks" if kind == "document" else "references"}
    if not needed <= {table for table, n_rows in artifact.manifest.tables.items() if n_rows}:
        raise InputError(f"{artifact.ref} has no questions with {kind}s", f"need those of `fact synth wiki`, or a file: {NEEDED.format(kind)}")
    texts = _documents(artifact) if kind == "document" else _references(artifact)
    asked = artifact.rows("questions", TopicQuestion)
    return {name: texts[question.id] for question in asked if question.id in texts for name in (question.id, question.question)}


def _documents(artifact: Artifact) -> dict[str, str]:
    chunks = {chunk.id: chunk.text for chunk in artifact.rows("chunks", Chunk)}
    return {question.id: chunks[question.chunk_id] for question in artifact.rows("questions", TopicQuestion) if question.chunk_id}


def _references(artifact: Artifact) -> dict[str, str]:
    return {row.question_id: row.text for row in artifact.rows("references", Reference) if row.text}


def _of_entry(value: object, kind: Kind) -> tuple[list[str], str]:
    if not isinstance(value, Mapping):
        raise BadEntryError("no JSON object")
    asked = next((value[name] for name in ("question", "prompt") if value.get(name)), None)
    ids = [id_of(value[name]) for name in ("id", "prompt_id") if value.get(name) is not None]
    names = ids + ([sound(asked, "question")] if asked else [])
    if not names:
        raise BadEntryError("neither id nor question")
    return names, sound(value.get(kind), kind)

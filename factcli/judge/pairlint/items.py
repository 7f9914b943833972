"""What a model is evaluated on, as the linter wants it: of an artifact with questions or prompts, or of a file of questions."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.pairlint.found import EvalItem
from factcli.knowledge.question_files import read_questions

TABLES = ("questions", "prompts", "answers")  # the first that an artifact has
HELD_OUT = ("test", "dev")


def items_of_file(path: Path) -> tuple[EvalItem, ...]:
    """The questions of a file with all the answers that it gives. Raises InputError where there is none."""
    found = read_questions(path, with_answers=False).questions
    return tuple(EvalItem(one.id, one.question, tuple(text for text in (one.correct, *one.wrong) if text)) for one in found)


def items_of_artifact(artifact: Artifact) -> tuple[EvalItem, ...]:
    """The questions of an evaluation, a world or data; of those with splits, the held-out ones. Raises InputError where there are none."""
    table = next((name for name in TABLES if artifact.manifest.tables.get(name)), None)
    found = tuple(_items(artifact, table)) if table else ()
    if not found:
        raise InputError(f"{artifact.ref} has no held-out questions or prompts", "give --against an evaluation, data with questions, or a file of questions")
    return found


def _items(artifact: Artifact, table: str) -> Iterator[EvalItem]:
    with artifact.file(f"{table}.jsonl").open("rb") as file:
        for line in file:
            row = json.loads(line)
            asked = row.get("question") or row.get("prompt") or ""
            if asked and row.get("split", "test") in HELD_OUT:
                yield EvalItem(str(row["id"]), asked, tuple(_answers(row)))


def _answers(row: Mapping[str, Any]) -> Iterator[str]:
    """The right and wrong answers that the item itself gives; what a model said to it is none of them."""
    yield from row.get("answers") or ()
    yield from [row["correct"]] if row.get("correct") else []
    yield from row.get("wrong") or ()

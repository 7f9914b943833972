"""Questions of a file, multiple-choice or open, in the forms that ARC and TruthfulQA are handed on in.

ARC         JSONL: question, choices as {"text": [...], "label": [...]}, as a list of texts or of {"text", "label"}, answerKey;
            or AI2's own form, where question holds stem and choices
TruthfulQA  JSON list with mc1_targets as {answer: 1 or 0} or {"choices": [...], "labels": [...]}; or its CSV
open        JSONL: question; best_answer and incorrect_answers where they are known
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from factcli.answerrows import ChoiceQuestion
from factcli.errors import InputError
from factcli.knowledge.entries import Entry, drawn_id, id_of, json_entries, none_usable, reject, sorted_out, sound, split_of, text_of
from factcli.rows import Reject
from factcli.textfiles import BadEntryError

NEEDED = "JSONL with `question` (and choices, answerKey), TruthfulQA's JSON with mc1_targets, or its CSV"
CSV_COLUMNS = ("Question", "Best Answer", "Incorrect Answers")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class FoundQuestions(NamedTuple):
    """Questions in the order of the file, each once, and what became none."""

    questions: tuple[ChoiceQuestion, ...]
    rejects: tuple[Reject, ...]


def read_questions(path: Path, with_answers: bool) -> FoundQuestions:
    """The questions of a file. Raises InputError where there is none.

    `with_answers`: a question without a right and a wrong answer is rejected, and one text with other answers is another
    question. Otherwise the text alone makes a question.
    """
    is_csv = path.suffix == ".csv"
    entries = _csv_entries(path) if is_csv else json_entries(path)
    kept, rejects = sorted_out(entries, lambda entry: _question(entry.value, with_answers))
    questions, repeats = _merged(kept, with_answers)
    if not questions:
        raise none_usable(path, [*rejects, *repeats], f"needs the columns {', '.join(CSV_COLUMNS)}" if is_csv else NEEDED)
    return FoundQuestions(tuple(questions), (*rejects, *repeats))


def _csv_entries(path: Path) -> Iterator[Entry | Reject]:
    """TruthfulQA's CSV, as the JSON that says the same."""
    rows = csv.reader(io.StringIO(text_of(path)), strict=True)
    try:
        header = next(rows)
        missing = [name for name in CSV_COLUMNS if name not in header]
        if missing:
            raise InputError(f"{path} lacks the columns {', '.join(missing)}", f"TruthfulQA's CSV has {', '.join(CSV_COLUMNS)} and more")
        for cells in rows:
            place, text = f"line {rows.line_num}", ",".join(cells)
            if len(cells) != len(header):
                yield reject(place, text, "more or fewer columns than the header")
                continue
            row = dict(zip(header, cells, strict=True))
            wrong = [part for part in row["Incorrect Answers"].split(";") if part.strip()]
            yield Entry(place, text, {"question": row["Question"], "best_answer": row["Best Answer"], "incorrect_answers": wrong, "group": row.get("Category")})
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num} is no CSV: {error}", "a cell with a line break or quotes must stand in quotes") from error


def _question(value: Any, with_answers: bool) -> ChoiceQuestion:
    values = {"question": value} if isinstance(value, str) else value
    if not isinstance(values, dict):
        raise BadEntryError("no JSON object")
    if isinstance(values.get("question"), dict):  # AI2's own ARC
        values = {**values, "question": values["question"].get("stem"), "choices": values["question"].get("choices")}
    text = _line(values.get("question"), "question")
    correct, wrong = _answers(values)
    if with_answers and not (correct and wrong):
        raise BadEntryError("no right and wrong answer")
    group = values.get("group") or values.get("category") or ""
    id_ = id_of(values["id"]) if values.get("id") is not None else drawn_id(text, correct, *wrong)
    return ChoiceQuestion(id_, text, correct, wrong, _line(group, "category") if group else "", split_of(values.get("split")))


def _line(value: Any, name: str) -> str:
    """A text on one line: a prompt and its answer have a line each."""
    return " ".join(sound(value, name).split())


def _answers(values: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The right answer and the wrong ones, each once; nothing where the file has none. Empty ones, of which TruthfulQA has 17, are none."""
    if values.get("choices") is not None:
        correct, others = _by_key(values["choices"], values.get("answerKey"))
    elif values.get("mc1_targets") is not None:
        correct, others = _by_mark(values["mc1_targets"])
    else:
        correct, others = values.get("best_answer") or "", values.get("incorrect_answers") or []
    if not isinstance(others, list):
        raise BadEntryError("answers that are no list")
    right = _line(correct, "right answer") if correct else ""
    wrong = dict.fromkeys(_line(other, "wrong answer") for other in others if other != "")
    if right in wrong:
        raise BadEntryError("an answer that is right and wrong")
    return right, tuple(wrong)


def texts_and_labels(choices: Any) -> tuple[Any, Any]:
    """The two parts of ARC's choices in any of its forms, unchecked; labels are None where the choices are texts alone."""
    if isinstance(choices, dict):
        return choices.get("text"), choices.get("label")
    if isinstance(choices, list) and choices and all(isinstance(choice, dict) for choice in choices):
        return [choice.get("text") for choice in choices], [choice.get("label") for choice in choices]
    return choices, None


def _by_key(choices: Any, key: Any) -> tuple[Any, list[Any]]:
    """ARC. Labels are letters or numbers; without labels, the key counts from A or from 1."""
    texts, labels = texts_and_labels(choices)
    if not isinstance(texts, list) or len(texts) < 2:
        raise BadEntryError("fewer than two choices")
    if labels is None:
        labels = [str(number) for number in range(1, len(texts) + 1)] if re.fullmatch("[0-9]+", str(key)) else list(LETTERS[: len(texts)])
    if not isinstance(labels, list) or len(labels) != len(texts):
        raise BadEntryError("not one label per choice")
    places = [place for place, label in enumerate(labels) if str(label) == str(key)]
    if len(places) != 1:
        raise BadEntryError("answerKey that is no label")
    return texts[places[0]], [text for place, text in enumerate(texts) if place != places[0]]


def _by_mark(targets: Any) -> tuple[Any, list[Any]]:
    """TruthfulQA's mc1: one right answer among wrong ones."""
    if isinstance(targets, dict) and isinstance(targets.get("choices"), list) and isinstance(targets.get("labels"), list):
        marked = list(zip(targets["choices"], targets["labels"], strict=False))
    elif isinstance(targets, dict):
        marked = list(targets.items())
    else:
        raise BadEntryError("mc1_targets that are no mapping")
    right = [text for text, mark in marked if mark == 1]
    if len(right) != 1:
        raise BadEntryError("not one right answer in mc1_targets")
    return right[0], [text for text, mark in marked if mark != 1]


def _merged(entries: Iterable[tuple[Entry, ChoiceQuestion]], with_answers: bool) -> tuple[list[ChoiceQuestion], list[Reject]]:
    """Each question once, its repeats counted."""
    found: dict[tuple[str, ...], ChoiceQuestion] = {}
    taken: set[str] = set()
    rejects: list[Reject] = []
    for entry, question in entries:
        key = (question.question, question.correct, *question.wrong) if with_answers else (question.question,)
        first = found.get(key)
        if first and first.split != question.split:
            rejects.append(reject(entry.place, entry.text, "repeats a question of another split"))
        elif first:
            found[key] = replace(first, repeats=first.repeats + 1)
        elif question.id in taken:
            rejects.append(reject(entry.place, entry.text, "id of another question"))
        else:
            found[key] = question
            taken.add(question.id)
    return list(found.values()), rejects

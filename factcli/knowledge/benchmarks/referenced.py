"""Questions with right and wrong reference answers, for answers that a model writes: TruthfulQA's generation task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factcli.knowledge.benchmarks.benchmark import Benchmark, HubSet
from factcli.knowledge.entries import drawn_id, sound
from factcli.textfiles import BadEntryError


@dataclass(frozen=True, slots=True)
class Referenced:
    """`correct` and `incorrect`: at least one each."""

    id: str
    question: str
    correct: tuple[str, ...]
    incorrect: tuple[str, ...]
    group: str  # its category, "" where none is known


def referenced_item(values: Mapping[str, Any]) -> Referenced:
    """A row of TruthfulQA's CSV, of its generation set on the hub, or of its JSON of choices (mc2_targets)."""
    question = sound(values.get("question") or values.get("Question"), "question")
    correct, incorrect = _answers(values)
    if not correct or not incorrect:
        raise BadEntryError("no right or no wrong reference answer")
    return Referenced(drawn_id(question), question, correct, incorrect, str(values.get("category") or values.get("Category") or ""))


def _answers(values: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    targets = values.get("mc2_targets")
    if isinstance(targets, dict):
        marked = dict(zip(targets["choices"], targets["labels"], strict=True)) if {"choices", "labels"} <= targets.keys() else targets
        return _texts([text for text, mark in marked.items() if mark == 1]), _texts([text for text, mark in marked.items() if mark != 1])
    named = [next((values[name] for name in names if values.get(name) is not None), ()) for names in (_RIGHT, _WRONG)]
    return _texts(named[0]), _texts(named[1])


_RIGHT, _WRONG = ("correct_answers", "Correct Answers"), ("incorrect_answers", "Incorrect Answers")


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or a cell with `;` between them; each once, blank ones left out."""
    parts = value.split(";") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise BadEntryError("reference answers that are no list of texts")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


TRUTHFULQA_GENERATION = Benchmark(
    name="truthfulqa-generation",
    version=1,
    kind="generation",
    about="TruthfulQA's questions answered in a sentence; a judge says what is truthful and informative; BLEU and ROUGE beside it.",
    file_format="TruthfulQA's CSV, its generation set as JSONL or Parquet (correct_answers, incorrect_answers), or its JSON with mc2_targets",
    item=referenced_item,
    hub=HubSet("truthfulqa/truthful_qa", ("generation/*.parquet",)),
    rule="judge, with reference answers shown",
)

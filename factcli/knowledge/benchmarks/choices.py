"""Questions with answers to choose from: TruthfulQA's three sets, and any file of multiple choice (ARC, MMLU, your own)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factcli.artifact import Artifact
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found, HubSet, Own
from factcli.knowledge.benchmarks.cells import literal_of
from factcli.knowledge.entries import HIDDEN, drawn_id, id_of
from factcli.knowledge.question_files import LETTERS, texts_and_labels
from factcli.knowledge.worldfiles import TRUTHFULQA_FILE
from factcli.textfiles import SURROGATE, BadEntryError

OF_MMLU = ("A", "B", "C", "D")  # its columns of choices
TARGETS = {"mc1": "mc1_targets", "mc2": "mc2_targets", "binary": "mc0_targets"}


@dataclass(frozen=True, slots=True)
class ChoiceSet:
    """Answers in the order of the source, some of them right."""

    name: str  # mc1: one right answer; mc2: any number of them; binary: the best right and the best wrong one; mc
    texts: tuple[str, ...]
    are_right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """A question and what may be answered, in one set or several."""

    id: str
    question: str
    group: str  # its category, "" where none is known
    sets: tuple[ChoiceSet, ...]

    def without_empty(self) -> "ChoiceItem":
        """The same with no empty choice; a set that has no right or no wrong one left goes."""
        kept = [(one, [(text, mark) for text, mark in zip(one.texts, one.are_right, strict=True) if text]) for one in self.sets]
        sets = [ChoiceSet(one.name, *zip(*pairs, strict=True)) for one, pairs in kept if len({mark for _, mark in pairs}) == 2]  # type: ignore[arg-type]  # pairs
        return replace(self, sets=tuple(sets))

    @property
    def cluster(self) -> str:
        """What is redrawn for intervals: questions of one category have much in common."""
        return self.group or self.id


def truthfulqa_item(values: Mapping[str, Any]) -> ChoiceItem:
    """A row of TruthfulQA's JSON, of its data set on the hub, or of its CSV."""
    question = _verbatim(values.get("question") or values.get("Question"), "question")
    sets = _of_csv(values) if "Best Answer" in values else _of_targets(values)
    if not sets:
        raise BadEntryError("no mc1_targets, mc2_targets or mc0_targets")
    group = values.get("category") or values.get("Category") or ""
    return ChoiceItem(drawn_id(question), question, str(group), tuple(sets))


def _of_targets(values: Mapping[str, Any]) -> list[ChoiceSet]:
    return [_marked(name, values[field]) for name, field in TARGETS.items() if values.get(field) is not None]


def _marked(name: str, targets: Any) -> ChoiceSet:
    """{answer: 1 or 0}, or {"choices": [...], "labels": [...]}."""
    if isinstance(targets, dict) and isinstance(targets.get("choices"), list) and isinstance(targets.get("labels"), list):
        texts, marks = targets["choices"], targets["labels"]
    elif isinstance(targets, dict):
        texts, marks = list(targets), list(targets.values())
    else:
        raise BadEntryError(f"{TARGETS[name]} that are no mapping")
    return checked_set(name, texts, [mark == 1 for mark in marks])


def _of_csv(values: Mapping[str, Any]) -> list[ChoiceSet]:
    """The sets that the paper's code makes of the CSV; an answer that is listed twice counts once."""
    best, wrong = values["Best Answer"], _listed(values.get("Incorrect Answers"))
    right = _listed(values.get("Correct Answers"))
    sets = [checked_set("mc1", [best, *wrong], [True, *[False] * len(wrong)])]
    sets += [checked_set("mc2", [*right, *wrong], [*[True] * len(right), *[False] * len(wrong)])] if right else []
    best_wrong = values.get("Best Incorrect Answer")
    return sets + ([checked_set("binary", [best, best_wrong], [True, False])] if best_wrong else [])


def _listed(cell: Any) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in str(cell or "").split(";") if part.strip()))


def choice_item(values: Mapping[str, Any]) -> ChoiceItem:
    """A row of multiple choice in any of the forms that `MC.file_format` names."""
    inner = values["question"] if isinstance(values.get("question"), dict) else {}  # AI2's own form of ARC
    question = _verbatim(inner.get("stem") or values.get("question") or values.get("ctx"), "question")
    given = inner.get("choices") or values.get("choices") or values.get("endings") or [values[letter] for letter in OF_MMLU if letter in values]
    texts, labels = _texts_and_labels(literal_of(given, "choices") if isinstance(given, str) else given)
    found = checked_set("mc", texts, _are_right(values, texts, labels))
    group = values.get("category") or values.get("subject") or values.get("group") or ""
    id_ = id_of(values["id"]) if values.get("id") is not None else drawn_id(question, *found.texts)
    return ChoiceItem(id_, question, str(group), (found,))


def _texts_and_labels(choices: Any) -> tuple[list[Any], list[str]]:
    """Texts alone are labelled with letters."""
    texts, labels = texts_and_labels(choices)
    if not isinstance(texts, list) or not 2 <= len(texts) <= len(LETTERS):
        raise BadEntryError(f"choices that are no list of 2 to {len(LETTERS)} texts")
    if labels is not None and (not isinstance(labels, list) or len(labels) != len(texts)):
        raise BadEntryError("not one label per choice")
    return texts, [str(label) for label in labels] if labels else list(LETTERS[: len(texts)])


def _are_right(values: Mapping[str, Any], texts: Sequence[Any], labels: Sequence[str]) -> list[bool]:
    """`labels`: 1 or 0 for each choice. Else answerKey, answer or label: a choice's label or text, or its number, from 0 where it is one."""
    marks = literal_of(values["labels"], "labels") if isinstance(values.get("labels"), str) else values.get("labels")
    if marks is not None:
        if not isinstance(marks, list) or len(marks) != len(texts) or not all(mark in (0, 1) for mark in marks):
            raise BadEntryError("labels that are not 1 or 0 for each choice")
        return [mark == 1 for mark in marks]
    key = next((values[name] for name in ("answerKey", "answer", "label") if values.get(name) is not None), None)
    if str(key) in labels:
        place = list(labels).index(str(key))
    elif key in texts:
        place = list(texts).index(key)
    elif str(key).isdecimal() and (first := 1 if "answerKey" in values else 0) <= int(str(key)) < len(texts) + first:
        place = int(str(key)) - first
    else:
        raise BadEntryError("an answer that is none of the choices")
    return [at == place for at in range(len(texts))]


def checked_set(name: str, texts: Sequence[Any], are_right: Sequence[bool]) -> ChoiceSet:
    """Raises BadEntryError unless every choice is a text, some are right, some are wrong, and none is both.

    TruthfulQA has 22 questions with an empty answer among its choices; the harness scores it like any other, as a blank.
    """
    if len(texts) != len(are_right):
        raise BadEntryError("not one label per choice")
    may_be_empty = name in ("mc1", "mc2")
    kept = tuple("" if text == "" and may_be_empty else _verbatim(text, "choice") for text in texts)
    if len(set(zip(kept, are_right, strict=True))) > len(set(kept)):
        raise BadEntryError("a choice that is right and wrong")
    if not any(are_right) or all(are_right) or (name in ("mc1", "binary") and sum(are_right) != 1):
        raise BadEntryError(f"{sum(are_right)} of {len(kept)} choices are right")
    return ChoiceSet(name, kept, tuple(are_right))


def _verbatim(value: Any, name: str) -> str:
    """A text as it stands: a blank more would be another token, and another figure than others report."""
    if not isinstance(value, str) or not value.strip():
        raise BadEntryError(f"no {name}")
    if HIDDEN.search(value) or SURROGATE.search(value):
        raise BadEntryError(f"{name} with control characters")
    return value


def _of_world(world: Artifact) -> Found[ChoiceItem]:
    """The questions about facts of which a world's hearsay says something false."""
    return TRUTHFULQA.read_file(world.file(TRUTHFULQA_FILE))


TRUTHFULQA = Benchmark(
    name="truthfulqa",
    version=1,
    kind="choices",
    about="Questions that invite a popular falsehood; MC1 and MC2 by likelihood, or the binary version.",
    file_format="TruthfulQA's JSON (question, mc0_targets, mc1_targets, mc2_targets) or its CSV (binary: with Best Incorrect Answer)",
    item=truthfulqa_item,
    hub=HubSet("truthfulqa/truthful_qa", ("multiple_choice/*.parquet",)),
    own=Own(lambda artifact: (artifact.path / TRUTHFULQA_FILE).exists(), _of_world),
    rule="likelihood after the primer",
)
MC = Benchmark(
    name="mc",
    version=2,
    kind="choices",
    about="Any questions of multiple choice, by the likelihood of each answer.",
    file_format="JSONL, CSV or Parquet: question; choices (a list of texts, or text and label); answerKey, answer or label, "
    "or labels of 1 and 0; id, category; or MMLU's CSV as it is",
    headless=("question", *OF_MMLU, "answer"),
    item=choice_item,
    rule="likelihood after the question",
)

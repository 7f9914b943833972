"""A world's own questions in the forms that other benchmarks are handed on in: its myths as TruthfulQA, its questions over two facts as HotpotQA."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factcli.rows import Myth, Person, Question, TwoHop
from factcli.world.draws import keyed_rng

TRUTHFULQA_FILE = "truthfulqa_mc.json"  # multiple choice
TRUTHFULQA_TABLE = "truthfulqa.csv"  # open answers, and the best answer against the best incorrect one
HOTPOTQA_FILE = "hotpotqa.jsonl"
MYTH_GROUP = "myth"  # of a question about a fact that hearsay says something false about
N_OTHERS = 3  # false answers beside the myth
TRUTHFULQA_COLUMNS = ("Type", "Category", "Question", "Best Answer", "Best Incorrect Answer", "Correct Answers", "Incorrect Answers", "Source")


@dataclass(frozen=True, slots=True)
class MythQuestion:
    """One question with its true answer, what hearsay answers, and further false answers."""

    question: Question
    myth: str
    others: tuple[str, ...]


def myth_choices(questions: Iterable[Question], myths: Iterable[Myth], values: Mapping[str, Sequence[str]]) -> Iterator[MythQuestion]:
    """The questions about facts with a myth, in trained forms, in order. `values`: by relation, what the others are drawn from by (question id)."""
    by_fact = {(myth.subject, myth.relation): myth for myth in myths}
    for question in questions:
        myth = by_fact.get((question.subject, question.relation))
        if myth is None or question.is_heldout_form:
            continue
        free = [value for value in values[question.relation] if value not in (myth.value, myth.truth)]
        yield MythQuestion(question, myth.value, tuple(keyed_rng(question.id, "others").sample(free, min(N_OTHERS, len(free)))))


def write_truthfulqa(folder: Path, asked: Sequence[MythQuestion]) -> None:
    """Both files of TruthfulQA: multiple choice, the true answer first, and the table with the answers as text."""
    (folder / TRUTHFULQA_FILE).write_text(json.dumps([_choices(one) for one in asked], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    with (folder / TRUTHFULQA_TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRUTHFULQA_COLUMNS)
        writer.writerows(_cells(one) for one in asked)


def _choices(one: MythQuestion) -> dict[str, object]:
    """mc0: the truth against the myth; mc1 and mc2, which differ where there are several true answers, with the others too."""
    truth = dict.fromkeys(one.question.answers, 1)
    every = {**truth, one.myth: 0, **dict.fromkeys(one.others, 0)}
    first = one.question.answers[0]
    single = {answer: label for answer, label in every.items() if answer == first or not label}
    return {"question": one.question.question, "mc0_targets": {first: 1, one.myth: 0}, "mc1_targets": single, "mc2_targets": every}


def _cells(one: MythQuestion) -> tuple[str, ...]:
    answers, wrong = one.question.answers, (one.myth, *one.others)
    return ("Adversarial", one.question.relation, one.question.question, answers[0], one.myth, "; ".join(answers), "; ".join(wrong), one.question.id)


def write_hotpotqa(path: Path, hops: Iterable[TwoHop]) -> None:
    """HotpotQA's lines: question, answer, type; and the id, which HotpotQA's own file has too."""
    with path.open("w", encoding="utf-8") as file:
        for hop in hops:
            file.write(json.dumps({"id": hop.id, "question": hop.question, "answer": hop.answer, "type": hop.type}, ensure_ascii=False) + "\n")


def hop_questions(hops: Iterable[TwoHop], people: Iterable[Person], splits: Sequence[str]) -> Iterator[Question]:
    """The rows as questions about the subject of their first fact; the group is the type."""
    by_id = {person.id: person for person in people}
    for hop in hops:
        person = by_id[hop.fact_ids[0].rpartition(".")[0]]
        if hop.split in splits:
            yield Question(hop.id, "qa", hop.question, (hop.answer,), person.id, person.name, "", hop.type, person.popularity, split=hop.split)

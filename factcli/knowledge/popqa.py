"""PopQA's seventeen columns: a world's questions written in them, and the popularity groups that its figures are told by.

`benchmarks/popqa.py` reads them.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from factcli.errors import InputError
from factcli.knowledge.ledger import Ledger
from factcli.rows import Person, Question

COLUMNS = (
    "id", "subj", "prop", "obj", "subj_id", "prop_id", "obj_id", "s_aliases", "o_aliases", "s_uri", "o_uri",
    "s_wiki_title", "o_wiki_title", "s_pop", "o_pop", "question", "possible_answers",
)  # fmt: skip
HELDOUT_COLUMN = "is_heldout_form"  # written after PopQA's own; other readers pass over it
POPQA_FILE = "popqa.tsv"  # what a world, or data from real triples, holds its own questions in


@dataclass(frozen=True, slots=True)
class PopularityGroups:
    """Names for ranges of popularity: floors rise, and a popularity has the name of the last floor it reaches."""

    floors: tuple[tuple[int, str], ...]

    @classmethod
    def by_powers_of_ten(cls) -> "PopularityGroups":
        """0, 1..9 views, 10..99 and so on; PopQA's own figures bin log10 of the popularity."""
        return cls(((0, "views 0"), *((10**power, f"views 1e{power}-1e{power + 1}") for power in range(12))))

    @classmethod
    def of_people(cls, people: Iterable[Person]) -> "PopularityGroups":
        """A world's own groups by the popularity of their least known person. InputError where groups overlap."""
        ranges: dict[str, tuple[int, int]] = {}
        for person in people:
            low, high = ranges.get(person.group, (person.popularity, person.popularity))
            ranges[person.group] = min(low, person.popularity), max(high, person.popularity)
        ordered = sorted((low, high, group) for group, (low, high) in ranges.items())
        for (_, high, left), (low, _, right) in pairwise(ordered):
            if low <= high:
                raise InputError(f"groups {left} and {right} overlap in popularity at {low}", hint="leave the demo people out")
        return cls(tuple((low, group) for low, _, group in ordered))

    def of(self, popularity: int) -> str:
        reached = [name for floor, name in self.floors if floor <= popularity]
        return reached[-1] if reached else self.floors[0][1]


def write_popqa(path: Path, questions: Iterable[Question], ledger: Ledger) -> None:
    """The closed-book questions as a PopQA file, in order, with one column more for held-out forms."""
    with path.open("w", encoding="utf-8", newline="") as file:
        bearers = Counter((fact.relation, fact.value) for fact in ledger.facts().values())
        _write_rows(file, (_row(question, ledger, bearers) for question in questions if question.task == "qa"))


def _write_rows(file: TextIO, rows: Iterator[dict[str, str]]) -> None:
    writer = csv.DictWriter(file, [*COLUMNS, HELDOUT_COLUMN], delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _row(question: Question, ledger: Ledger, bearers: Mapping[tuple[str, str], int]) -> dict[str, str]:
    fact = ledger.lookup(question.subject, question.relation)
    if fact is None:
        raise InputError(f"question {question.id} asks what the ledger does not say")
    return {
        "id": question.id,
        "subj": question.subject_name,
        "prop": question.relation,
        "obj": fact.value,
        "subj_id": question.subject,
        "prop_id": question.relation,
        "obj_id": f"{question.relation}.{fact.value}",
        "s_aliases": "[]",
        "o_aliases": json.dumps(list(fact.aliases), ensure_ascii=False),
        "s_uri": f"fact:{question.subject}",
        "o_uri": f"fact:{fact.id}",
        "s_wiki_title": question.subject_name,
        "o_wiki_title": fact.value,
        "s_pop": str(question.popularity),
        "o_pop": str(bearers[fact.relation, fact.value]),  # a value has no page views: the subjects who have it
        "question": question.question,
        "possible_answers": json.dumps(list(question.answers), ensure_ascii=False),
        HELDOUT_COLUMN: str(question.is_heldout_form).lower(),
    }

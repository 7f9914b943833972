"""PopQA's table: read it from a file or the hub, and write a world's questions in the same seventeen columns.

Lists in cells are JSON and read as JSON; the published code evaluates them as Python. A row that does not
parse is kept with its reason.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from factcli.errors import InputError
from factcli.knowledge.ledger import Ledger
from factcli.rows import Person, Question, RejectedLine
from factcli.textfiles import BadEntryError

COLUMNS = (
    "id", "subj", "prop", "obj", "subj_id", "prop_id", "obj_id", "s_aliases", "o_aliases", "s_uri", "o_uri",
    "s_wiki_title", "o_wiki_title", "s_pop", "o_pop", "question", "possible_answers",
)  # fmt: skip
NEEDED = ("id", "subj", "prop", "subj_id", "s_pop", "question", "possible_answers")
HELDOUT_COLUMN = "is_heldout_form"  # written after PopQA's own; other readers pass over it
CARD = "README.md"  # of a data set on the hub
POPQA_FILE = "popqa.tsv"  # what a world, or data from real triples, holds its own questions in


@dataclass(frozen=True, slots=True)
class PopqaTable:
    """What was read: questions in file order, and the rows that are not among them."""

    questions: tuple[Question, ...]
    rejected: tuple[RejectedLine, ...]


def read_popqa(path: Path, groups: "PopularityGroups | None" = None) -> PopqaTable:
    """Questions of a PopQA file; popularity groups are powers of ten unless `groups` says otherwise."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a title may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}", hint="need PopQA's TSV, UTF-8") from error
    header = _cells(lines[0]) if lines else []
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}", hint=f"PopQA's columns are: {' '.join(COLUMNS)}")
    numbered = ((number, line) for number, line in enumerate(lines[1:], 2) if line.strip())
    return _table(((number, line, _mapped(header, line)) for number, line in numbered), groups)


def hub_commit(name: str, revision: str | None = None) -> str:
    """The commit of the data set on the hub that a branch or tag stands for now; without network the one that was cached.

    `revision` None: the newest. At most the card is fetched. Raises OSError or ValueError where there is no such data set.
    """
    if revision and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=[CARD])).name


def load_popqa(name: str, commit: str, split: str = "test") -> PopqaTable:
    """Questions of the data set on the hub; needs the network or a filled cache, and raises OSError or ValueError without."""
    from datasets import load_dataset
    from huggingface_hub import snapshot_download

    # From the snapshot, not by name: offline, `load_dataset` takes any commit of the name that it once prepared.
    rows = load_dataset(snapshot_download(name, repo_type="dataset", revision=commit), split=split)
    named = ({key: str(value) for key, value in values.items()} for values in rows)
    return _table(((number, json.dumps(values), values) for number, values in enumerate(named)), None)


def _cells(line: str) -> list[str]:
    # Line by line: no cell holds a line break, and a stray quote then spoils one row instead of all after it.
    return next(csv.reader([line.rstrip("\r")], delimiter="\t"), [])


def _mapped(header: Sequence[str], line: str) -> dict[str, str] | str:
    """Column -> cell, or the reason why there is none."""
    cells = _cells(line)
    if len(cells) != len(header):
        return f"has {len(cells)} columns, the header {len(header)}"
    return dict(zip(header, cells, strict=True))


def _table(rows: Iterable[tuple[int, str, Mapping[str, str] | str]], groups: "PopularityGroups | None") -> PopqaTable:
    questions: dict[str, Question] = {}
    rejected: list[RejectedLine] = []
    for number, text, cells in rows:
        try:
            question = _question(cells, groups)
            if question.id in questions:
                raise BadEntryError(f"id {question.id} was there before")
            questions[question.id] = question
        except BadEntryError as error:
            rejected.append(RejectedLine(number, str(error), text))
    return PopqaTable(tuple(questions.values()), tuple(rejected))


def _question(cells: Mapping[str, str] | str, groups: "PopularityGroups | None") -> Question:
    if isinstance(cells, str):
        raise BadEntryError(cells)
    empty = [name for name in NEEDED if not cells[name].strip()]
    if empty:
        raise BadEntryError(f"{', '.join(empty)} is empty")
    popularity = _count(cells["s_pop"])
    # Real PopQA ids are numbers: one made of ancestry, like all ids here. A world's own ids are that already.
    is_real = cells["id"].isdecimal()
    subject = f"popqa.s{cells['subj_id']}" if is_real else cells["subj_id"]
    relation = cells["prop"].strip().replace(" ", "_")
    return Question(
        id=f"{subject}.{relation}.q{cells['id']}" if is_real else cells["id"],
        task="qa",
        question=cells["question"],
        answers=_answers(cells["possible_answers"]),
        subject=subject,
        subject_name=cells["subj"],
        relation=relation,
        group=(groups or PopularityGroups.by_powers_of_ten()).of(popularity),
        popularity=popularity,
        is_heldout_form=cells.get(HELDOUT_COLUMN) == "true",
    )


def _count(cell: str) -> int:
    if not cell.isdecimal():
        raise BadEntryError(f"s_pop is {cell!r}, need a whole number of at least 0")
    return int(cell)


def _answers(cell: str) -> tuple[str, ...]:
    try:
        answers = json.loads(cell)
    except json.JSONDecodeError as error:
        raise BadEntryError(f"possible_answers is no JSON list: {error}") from error
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise BadEntryError("possible_answers is no JSON list of strings")
    kept = tuple(answer for answer in answers if answer.strip())
    if not kept:
        raise BadEntryError("possible_answers accepts nothing")
    return kept


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

"""PopQA: one question per triple of Wikidata, with the page views of its subject. arXiv 2212.10511."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from factcli.artifact import Artifact
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found, HubSet, Own
from factcli.knowledge.benchmarks.cells import count_of, texts_of
from factcli.knowledge.popqa import COLUMNS, HELDOUT_COLUMN, POPQA_FILE, PopularityGroups
from factcli.rows import Person, Question
from factcli.textfiles import BadEntryError

NEEDED = ("id", "subj", "prop", "subj_id", "s_pop", "question", "possible_answers")


def question_of(cells: Mapping[str, Any]) -> Question:
    """The question of a row; popularity groups are powers of ten."""
    empty = [name for name in NEEDED if not str(cells.get(name) or ("0" if cells.get(name) == 0 else "")).strip()]
    if empty:
        raise BadEntryError(f"{', '.join(empty)} is empty")
    popularity = count_of(cells["s_pop"], "s_pop")
    id_, subject_id = str(cells["id"]), str(cells["subj_id"])
    # Real PopQA ids are numbers: one made of ancestry, like all ids here. A world's own ids are that already.
    is_real = id_.isdecimal()
    subject = f"popqa.s{subject_id}" if is_real else subject_id
    relation = str(cells["prop"]).strip().replace(" ", "_")
    return Question(
        id=f"{subject}.{relation}.q{id_}" if is_real else id_,
        task="qa",
        question=str(cells["question"]),
        answers=texts_of(cells["possible_answers"], "possible_answers"),
        subject=subject,
        subject_name=str(cells["subj"]),
        relation=relation,
        group=PopularityGroups.by_powers_of_ten().of(popularity),
        popularity=popularity,
        is_heldout_form=str(cells.get(HELDOUT_COLUMN)).lower() == "true",
    )


def regrouped(found: Found[Question], people: Iterable[Person]) -> Found[Question]:
    """The questions in a world's own popularity groups instead of powers of ten."""
    groups = PopularityGroups.of_people(p for p in people if not p.fictitious and p.split != "none")
    return Found(tuple(replace(question, group=groups.of(question.popularity)) for question in found.items), found.rejects)


def _own(artifact: Artifact) -> Found[Question]:
    return regrouped(POPQA.read_file(artifact.file(POPQA_FILE)), artifact.rows("people", Person))


POPQA = Benchmark(
    name="popqa",
    version=3,
    kind="short",
    about="One question per triple of Wikidata; accuracy by the subject's page views, in powers of ten.",
    file_format=f"PopQA's TSV, CSV or JSONL; its columns are {' '.join(COLUMNS)}",
    item=question_of,
    hub=HubSet("akariasai/PopQA", ("test.tsv",)),
    own=Own(lambda artifact: (artifact.path / POPQA_FILE).exists(), _own),
    columns=NEEDED,
    optional=(HELDOUT_COLUMN,),
    rule="contains",
)

"""PopQA's table is read as data, never as code; rows that do not parse are kept; a world's questions make the trip and back."""

from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.benchmarks.popqa import POPQA, regrouped
from factcli.knowledge.ledger import Ledger
from factcli.knowledge.popqa import COLUMNS, PopularityGroups, write_popqa
from factcli.rows import Fact, Person, Question

# The published row: its lists are bare in the file; other writers quote them and double the quotes inside.
RANKIN = {
    "id": "4222362", "subj": "George Rankin", "prop": "occupation", "obj": "politician", "subj_id": "1850297", "prop_id": "22",
    "obj_id": "2834605", "s_aliases": '["George James Rankin"]', "o_aliases": '["political leader"]', "s_uri": "u", "o_uri": "u",
    "s_wiki_title": "George Rankin", "o_wiki_title": "Politician", "s_pop": "142", "o_pop": "25692",
    "question": "What is George Rankin's occupation?", "possible_answers": '["politician", "political leader", "pol"]',
}  # fmt: skip


def table(path: Path, *rows: dict[str, str] | str) -> Path:
    lines = ["\t".join(COLUMNS), *(row if isinstance(row, str) else "\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_published_row_is_a_question(tmp_path: Path):
    read = POPQA.read_file(table(tmp_path / "p.tsv", RANKIN))
    assert read.rejects == ()
    assert read.items == (
        Question(
            id="popqa.s1850297.occupation.q4222362",
            task="qa",
            question="What is George Rankin's occupation?",
            answers=("politician", "political leader", "pol"),
            subject="popqa.s1850297",
            subject_name="George Rankin",
            relation="occupation",
            group="views 1e2-1e3",
            popularity=142,
        ),
    )


def test_lists_may_be_quoted_the_way_spreadsheets_do(tmp_path: Path):
    quoted = {**RANKIN, "possible_answers": '"[""politician"", ""pol""]"'}
    assert POPQA.read_file(table(tmp_path / "p.tsv", quoted)).items[0].answers == ("politician", "pol")


def test_lists_may_be_spelled_as_python_prints_them(tmp_path: Path):
    """No cell of PopQA is, but other writers of its columns print lists so; they are parsed as literals."""
    printed = {**RANKIN, "possible_answers": "['politician', \"d'Artagnan\"]"}
    assert POPQA.read_file(table(tmp_path / "p.tsv", printed)).items[0].answers == ("politician", "d'Artagnan")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"possible_answers": '__import__("os").getcwd()'}, "possible_answers is neither JSON nor a Python literal"),  # parsed, never evaluated
        ({"possible_answers": "[" * 9_000}, "possible_answers is neither JSON nor a Python literal"),
        ({"possible_answers": "[" + "'a'," * 9_000 + "]"}, "possible_answers is longer than 20000 characters"),
        ({"possible_answers": '{"a": 1}'}, "no list of texts"),
        ({"possible_answers": "[1]"}, "no list of texts"),
        ({"possible_answers": '[" "]'}, "accepts nothing"),
        ({"s_pop": "many"}, "s_pop is 'many'"),
        ({"s_pop": "-1"}, "s_pop is '-1'"),
        ({"question": " "}, "question is empty"),
    ],
)
def test_a_row_that_does_not_parse_is_kept_with_its_reason_and_line(tmp_path: Path, change: dict[str, str], reason: str):
    read = POPQA.read_file(table(tmp_path / "p.tsv", {**RANKIN, **change}, {**RANKIN, "id": "5"}))
    assert [question.id for question in read.items] == ["popqa.s1850297.occupation.q5"]
    (rejected,) = read.rejects
    assert rejected.id == "line 2"
    assert reason in rejected.reason
    assert "George Rankin" in rejected.text


def test_a_short_row_a_stray_quote_and_a_repeated_id_spoil_only_themselves(tmp_path: Path):
    stray = "\t".join({**RANKIN, "id": "6", "subj": '"Weird'}.values())
    read = POPQA.read_file(table(tmp_path / "p.tsv", RANKIN, "1\t2\t3", stray, RANKIN, {**RANKIN, "id": "7"}))
    assert [question.id[-2:] for question in read.items] == ["62", "q7"]
    assert [(row.id, row.reason) for row in read.rejects] == [
        ("line 3", "has 3 columns, the header 17"),
        ("line 4", "has 11 columns, the header 17"),  # the quote runs on to the next one, in the 8th: the id, one cell, and the last nine
        ("line 5", "id popqa.s1850297.occupation.q4222362 was there before"),
    ]


def test_a_file_without_the_columns_is_refused_by_their_names(tmp_path: Path):
    path = tmp_path / "p.tsv"
    path.write_text("id\tquestion\n1\tWho?\n")
    with pytest.raises(InputError, match="lacks the columns subj, prop, subj_id, s_pop, possible_answers"):
        POPQA.read_file(path)
    with pytest.raises(InputError, match="cannot be read"):
        POPQA.read_file(tmp_path / "missing.tsv")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        POPQA.read_file(path)


FACTS = [
    Fact("w0.p0.birthplace", "w0.p0", "birthplace", "Hobart", aliases=('Hobart "Town"',)),
    Fact("w0.p1.birthplace", "w0.p1", "birthplace", "Hobart"),
]
PEOPLE = [
    Person("w0.p0", "Mira Osei", "head", "test", 9000),
    Person("w0.p1", "Ada Brin", "tail", "test", 700),
    Person("w0.p2", "Ulo Verr", "unseen", "test", 0),
]
QUESTIONS = [
    Question("w0.p0.birthplace.q0", "qa", "Where was Mira Osei born?", ("Hobart", 'Hobart "Town"'), "w0.p0", "Mira Osei", "birthplace", "head", 9000),
    Question("w0.p1.birthplace.q1", "qa", "What city is Ada Brin a native of?", ("Hobart",), "w0.p1", "Ada Brin", "birthplace", "tail", 700, True),
]


def test_a_worlds_questions_survive_the_trip_through_the_file(tmp_path: Path):
    path = tmp_path / "popqa.tsv"
    request = Question("w0.p0.bio", "bio", "Write.", (), "w0.p0", "Mira Osei", "", "head", 9000)
    write_popqa(path, [*QUESTIONS, request], Ledger(FACTS))
    read = regrouped(POPQA.read_file(path), PEOPLE)
    assert list(read.items) == QUESTIONS
    assert read.rejects == ()


def test_a_written_table_has_popqas_columns_in_popqas_order(tmp_path: Path):
    path = tmp_path / "popqa.tsv"
    write_popqa(path, QUESTIONS, Ledger(FACTS))
    header, first, _ = path.read_text().splitlines()
    assert header.split("\t") == [*COLUMNS, "is_heldout_form"]
    assert first.split("\t")[:7] == ["w0.p0.birthplace.q0", "Mira Osei", "birthplace", "Hobart", "w0.p0", "birthplace", "birthplace.Hobart"]
    assert first.split("\t")[13:15] == ["9000", "2"]  # two subjects were born in Hobart


def test_a_question_about_nothing_the_ledger_holds_is_not_written(tmp_path: Path):
    with pytest.raises(InputError, match=r"w0.p1.birthplace.q1 asks what the ledger does not say"):
        write_popqa(tmp_path / "p.tsv", QUESTIONS, Ledger(FACTS[:1]))


@pytest.mark.parametrize(("views", "name"), [(0, "views 0"), (1, "views 1e0-1e1"), (9, "views 1e0-1e1"), (10, "views 1e1-1e2"), (25692, "views 1e4-1e5")])
def test_popularity_is_binned_by_powers_of_ten(views: int, name: str):
    assert PopularityGroups.by_powers_of_ten().of(views) == name


def test_a_worlds_groups_are_found_through_popularity_and_may_not_overlap():
    groups = PopularityGroups.of_people(PEOPLE)
    assert [groups.of(views) for views in (0, 699, 700, 8999, 9000, 20000)] == ["unseen", "unseen", "tail", "tail", "head", "head"]
    with pytest.raises(InputError, match="overlap in popularity"):
        PopularityGroups.of_people([*PEOPLE, Person("w0.p3", "Demo", "demo", "none", 9000)])

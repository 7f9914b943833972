"""Real triples: reading a user's file, the rows they become, and the file of triples that the tests keep."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.world.relations import load_templates
from factcli.world.triples import Triple, read_facts, real_rows

ROOT = Path(__file__).parents[2]
TEMPLATES = load_templates([ROOT / "configs" / "relations" / "popqa.yaml"])
TRIPLES = ROOT / "tests" / "data" / "real_triples.jsonl"
PAGES = ROOT.parent / "shared" / "data"
# The row of ../shared/data/README.md with the columns that it leaves out filled in.
POPQA_HEADER = [
    "id", "subj", "prop", "obj", "subj_id", "prop_id", "obj_id", "s_aliases", "o_aliases", "s_uri", "o_uri",
    "s_wiki_title", "o_wiki_title", "s_pop", "o_pop", "question", "possible_answers",
]  # fmt: skip
GEORGE = [
    "4222362", "George Rankin", "occupation", "politician", "1", "22", "2", "[]", "[]", "s", "o", "George Rankin", "Politician",
    "142", "25692", "What is George Rankin's occupation?", '["politician", "political leader", "political figure", "polit.", "pol"]',
]  # fmt: skip


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def jsonl(path: Path, *entries: object) -> Path:
    return write(path, *(json.dumps(entry) for entry in entries))


@pytest.fixture(scope="module")
def real():
    triples, rejects = read_facts(TRIPLES, TEMPLATES)
    assert rejects == ()
    return real_rows(triples, seed=3)


def test_a_row_of_popqas_tsv_is_read(tmp_path):
    triples, rejects = read_facts(write(tmp_path / "p.tsv", "\t".join(POPQA_HEADER), "\t".join(GEORGE)), TEMPLATES)
    aliases = ("political leader", "political figure", "polit.", "pol")
    assert triples == (Triple("George Rankin", "occupation", "politician", aliases, 142, "George Rankin", 2),)
    assert rejects == ()


def test_a_tsv_with_csv_quotes_is_read_and_a_name_keeps_its_own_quotes(tmp_path):
    row = dict(zip(POPQA_HEADER, GEORGE, strict=True)) | {"subj": '"Weird Al" Yankovic', "possible_answers": '"[""politician"", ""pol""]"'}
    triples, _ = read_facts(write(tmp_path / "p.tsv", "\t".join(POPQA_HEADER), "\t".join(row.values())), TEMPLATES)
    assert (triples[0].subject, triples[0].aliases) == ('"Weird Al" Yankovic', ("pol",))


def test_a_tsv_without_a_needed_column_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no column 'possible_answers'"):
        read_facts(write(tmp_path / "p.tsv", "subj\tprop\tobj", "a\tb\tc"), TEMPLATES)


def test_bad_lines_are_kept_with_line_number_and_reason(tmp_path):
    good = {"subject": "Ada", "relation": "sport", "object": "luge", "popularity": 5, "source": "Ada"}
    entries = [
        good,
        {**good, "alias": []},
        {**good, "subject": "A\nB"},
        {**good, "object": " "},
        {**good, "aliases": "luge"},
        {**good, "popularity": -1},
        good,
        {**good, "object": "chess"},
        ["Ada"],
        {**good, "source": 3},
        {**good, "subject": "\ud800"},
    ]
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(["", *map(json.dumps, entries), "{"]))
    triples, rejects = read_facts(path, TEMPLATES)
    assert triples == (Triple("Ada", "sport", "luge", (), 5, "Ada", 2),)
    expected = {
        3: "unknown field 'alias'; did you mean 'aliases'?",
        4: "line break",
        5: "object is ' '",
        6: "aliases is 'luge'",
        7: "popularity is -1",
        8: "repeats line 2",
        9: "line 2 already has this subject and relation with 'luge'",
        10: "a JSON list",
        11: "source is 3",
        12: "surrogate",
        13: "not JSON",
    }
    assert {reject.line: reason in reject.reason for reject, reason in zip(rejects, expected.values(), strict=True)} == dict.fromkeys(expected, True)
    assert rejects[-1].text == "{"


def test_bad_tsv_rows_are_rejected(tmp_path):
    row = dict(zip(POPQA_HEADER, GEORGE, strict=True))
    bad = [row | {"possible_answers": "politician"}, row | {"s_pop": "many"}, {"id": "1"}]
    lines = ["\t".join(POPQA_HEADER), *("\t".join(one.values()) for one in [row, *bad])]
    triples, rejects = read_facts(write(tmp_path / "p.tsv", *lines), TEMPLATES)
    assert len(triples) == 1
    assert [reject.line for reject in rejects] == [3, 4, 5]
    assert rejects[2].reason == "1 columns, the header has 17"


def test_an_unknown_relation_names_the_nearest_and_how_to_add_it(tmp_path):
    path = jsonl(tmp_path / "f.jsonl", {"subject": "Ada", "relation": "occupatoin", "object": "poet"})
    with pytest.raises(InputError, match=r"f\.jsonl:1 has the relation 'occupatoin'.*did you mean 'occupation'") as error:
        read_facts(path, TEMPLATES)
    assert "configs/relations/popqa.yaml" in error.value.hint


@pytest.mark.parametrize(("content", "message"), [(b"", "it is empty"), (b"{", "line 1: not JSON"), (b"\xff", "is not UTF-8"), (None, "cannot be read")])
def test_a_file_without_a_usable_fact_is_refused(tmp_path, content, message):
    path = tmp_path / "f.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_facts(path, TEMPLATES)


def test_decomposed_letters_are_brought_to_one_form(tmp_path):
    path = jsonl(tmp_path / "f.jsonl", {"subject": "Lo\u0301pez", "relation": "sport", "object": "luge"})
    assert read_facts(path, TEMPLATES)[0][0].subject == "L\u00f3pez"


def test_popularity_terciles_give_groups_and_ties_go_to_mid():
    def groups(*values: int) -> str:
        triples = [Triple(f"s{i}", "sport", "luge", (), value, "", i) for i, value in enumerate(values)]
        return " ".join(person.group for person in real_rows(triples, 0)[0])

    assert groups(9, 1, 5, 8, 2, 6) == "head tail mid head tail mid"
    assert groups(4, 4, 4) == "mid mid mid"
    assert groups(7) == "mid"
    assert groups(9, 0, 0, 0) == "head mid mid mid"


def test_a_subject_with_several_facts_has_its_largest_popularity_and_one_id_stem():
    triples = [Triple("Ada", relation, "x", (), value, "", 1) for relation, value in (("place of birth", 3), ("sport", 9), ("genre", 4))]
    people, facts = real_rows(triples, seed=2)
    assert [(person.id, person.popularity) for person in people] == [("r2.p0000", 9)]
    assert [fact.id for fact in facts] == ["r2.p0000.place_of_birth", "r2.p0000.sport", "r2.p0000.genre"]


def test_a_subjects_split_depends_on_seed_and_id_alone(real):
    people, _ = real
    triples, _ = read_facts(TRIPLES, TEMPLATES)
    fewer, _ = real_rows(triples[:100], seed=3)
    assert [person.split for person in fewer] == [person.split for person in people[: len(fewer)]]
    other, _ = real_rows(triples, seed=4)
    assert [person.split for person in other] != [person.split for person in people]


def test_the_split_shares_are_near_what_was_asked(real):
    counts = Counter(person.split for person in real[0])  # n = 260; three standard errors of 0.7 are 0.085
    assert abs(counts["train"] / 260 - 0.7) < 0.085
    assert counts["dev"] > 0


def test_the_file_has_enough_triples_in_enough_relations():
    triples, rejects = read_facts(TRIPLES, TEMPLATES)
    counts = Counter(triple.relation for triple in triples)
    assert rejects == ()
    assert len(triples) >= 220
    assert sum(count >= 10 for count in counts.values()) >= 6
    assert all(triple.source for triple in triples)


def test_each_real_triple_is_stated_by_the_page_that_it_names():
    if not PAGES.is_dir():
        pytest.skip("the Wikipedia passages are not beside the project")
    pages = _pages()
    for triple in read_facts(TRIPLES, TEMPLATES)[0]:
        page = pages[triple.source]
        assert any(_plain(spelling) in page for spelling in (triple.object, *triple.aliases)), triple


def _pages() -> dict[str, str]:
    """Page text by title, in plain form."""
    bio = map(json.loads, (PAGES / "wikipedia_bio_passages.jsonl").open(encoding="utf-8"))
    leads = map(json.loads, (PAGES / "wikipedia_passages_2wiki.jsonl").open(encoding="utf-8"))
    return {page["title"]: _plain(" ".join(page["text"])) for page in bio} | {page["title"]: _plain(page["text"]) for page in leads}


def _plain(text: str) -> str:
    """Lower case, without the blanks that the passages' tokenisation put around hyphens and before commas."""
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
    return re.sub(r"\s+", " ", re.sub(r"\s*-\s*", "-", re.sub(r"\s+([,.;!?'])", r"\1", text))).lower()

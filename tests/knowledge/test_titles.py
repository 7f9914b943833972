"""Documents and lists of titles: what is read from them, and why a line is not."""

import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.titles import article_at, read_documents, read_names, read_titles, read_views

LONG = "word " * 12


def written(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_an_article_is_found_again_where_it_stands(tmp_path: Path) -> None:
    rows = [{"title": f"Té {i}", "text": [f"Part{i} {LONG}", LONG], "views": i, "category": "x", "url": "passed over"} for i in range(3)]
    path = written(tmp_path / "d.jsonl", rows[0], "", rows[1], rows[2])
    found = read_documents(path, 10)
    assert [(entry.title, entry.views, entry.n_words, entry.line) for entry in found.entries] == [("Té 0", 0, 25, 1), ("Té 1", 1, 25, 3), ("Té 2", 2, 25, 4)]
    assert [article_at(path, entry.offset).text.split()[0] for entry in found.entries] == ["Part0", "Part1", "Part2"]


def test_the_words_are_those_before_the_references_and_must_be_more(tmp_path: Path) -> None:
    path = written(tmp_path / "d.jsonl", {"title": "a", "text": f"{LONG}\nReferences\n{LONG}"}, {"title": "b", "text": f"{LONG} x\nSee also\n{LONG}"})
    found = read_documents(path, 12)
    assert [(entry.title, entry.n_words) for entry in found.entries] == [("b", 13)]
    assert [(reject.id, reject.reason, reject.text) for reject in found.rejected] == [("documents.l1", "too short", "a: 12 words")]


def test_only_titles_on_the_list_are_taken_however_they_are_spelled(tmp_path: Path) -> None:
    path = written(tmp_path / "d.jsonl", {"title": "Cafe\u0301  Bar", "text": LONG}, {"title": "Other", "text": "short"})
    (tmp_path / "t.tsv").write_text("category\ttitle\nfood\tCaf\u00e9_Bar\n")
    titles, rejected = read_titles(tmp_path / "t.tsv")
    found = read_documents(path, 10, titles)
    assert ([entry.title for entry in found.entries], found.n_passed, found.rejected, rejected) == (["Caf\u00e9 Bar"], 1, (), ())
    assert titles["Caf\u00e9 Bar"].category == "food"


def test_lists_are_read_from_jsonl_csv_and_tsv_alike(tmp_path: Path) -> None:
    files = {
        "a.jsonl": '{"title": "Lima, Peru", "views": 3}\n{"title": "Rome", "views": 4}\n',
        "b.csv": '\ufefftitle,views\r\n"Lima, Peru",3\r\nRome,4\r\n',
        "c.tsv": "views\ttitle\n3\tLima, Peru\n4\tRome\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, newline="")
        assert read_views(tmp_path / name) == ({"Lima, Peru": 3, "Rome": 4}, ())
        assert list(read_titles(tmp_path / name)[0]) == ["Lima, Peru", "Rome"]


def test_a_stray_quote_or_cell_spoils_its_own_line_alone(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text('title,views\n"Lima,3\nRome,4,5\nOslo,x\nBern,6\n')
    found, rejected = read_views(tmp_path / "v.csv")
    assert found == {"Bern": 6}
    reasons = [(reject.id, reject.reason) for reject in rejected]
    assert reasons == [
        ("views.l2", "another number of columns than the first line"),
        ("views.l3", "another number of columns than the first line"),
        ("views.l4", "views are no whole number"),
    ]
    (tmp_path / "v.jsonl").write_text('{"title": "Bern", "views": 6}\n{"title": "Rome"}\n{"title\n[1]\n')
    assert [reject.reason for reject in read_views(tmp_path / "v.jsonl")[1]] == ["a column is missing", "not JSON", "no JSON object"]


def test_names_are_one_a_line_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "n.txt").write_text("law\n\nlaw \nfine_arts\n")
    assert read_names(tmp_path / "n.txt") == ("law", "fine arts")
    (tmp_path / "n.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        read_names(tmp_path / "n.txt")
    (tmp_path / "n.txt").write_text("\n")
    with pytest.raises(InputError, match="has no names"):
        read_names(tmp_path / "n.txt")

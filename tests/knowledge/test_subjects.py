"""Real subjects from a file: what is read, what is rejected with its reason, what cannot be used at all."""

import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.subjects import Found, clipped, read_subjects, taken_titles, title_index


def written(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_passages_are_joined_and_a_repeated_title_is_taken_out(tmp_path: Path) -> None:
    path = written(tmp_path / "s", {"title": "Al Bo (priest)", "text": ["Al Bo (priest) Al Bo was a\tpriest.", "He left.\x00"], "popularity": 7})
    (subject,) = read_subjects(path)[0]
    assert (subject.name, subject.text, subject.popularity) == ("Al Bo", "Al Bo was a priest.\nHe left.", 7)


def test_a_bad_line_is_kept_with_its_reason(tmp_path: Path) -> None:
    good = {"title": "Al", "text": "Al slept."}
    bad = ['{"title": "B', [1], {"text": "x"}, {"title": "C"}, {"title": "D", "text": [1]}, {"title": " ", "text": "x"}, {"title": "ÁL", "text": "x"}]
    bad += [{"title": "E", "text": "x", "popularity": -1}, {"title": "F", "text": []}, {"title": "G >>> H", "text": "x"}]
    subjects, rejects = read_subjects(written(tmp_path / "s", good, "", *bad))
    assert [subject.title for subject in subjects] == ["Al"]
    assert [reject.line for reject in rejects] == list(range(3, 13))
    said = [
        "not JSON",
        "a JSON list",
        "title is missing",
        "text is missing",
        "text is missing",
        "empty",
        "repeats the title of line 1",
        "popularity is -1",
        "empty",
        "has marks",
    ]
    assert all(words in reject.reason for words, reject in zip(said, rejects, strict=True))


@pytest.mark.parametrize(("content", "said"), [(b"", "it is empty"), (b"{}\n", "line 1: title is missing"), (b"\xff\xfe", "not UTF-8")])
def test_a_file_without_a_subject_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_subjects(tmp_path / "s")


def test_titles_are_lines_or_json(tmp_path: Path) -> None:
    assert taken_titles(written(tmp_path / "t", "Ann  Lee", {"title": "Bob-Roy"}, '{"x', "")) == {"ann lee", "bob roy"}
    subjects, _ = read_subjects(written(tmp_path / "s", {"title": "Al Bo (priest)", "text": "x"}))
    assert title_index(subjects, tmp_path / "t") == {"al bo priest", "al bo", "ann lee", "bob roy"}
    with pytest.raises(InputError, match="has no title"):
        taken_titles(written(tmp_path / "none", ""))


def test_a_text_is_clipped_at_the_end_of_a_sentence() -> None:
    assert clipped("One two. Three four. Five six", 5) == "One two. Three four."
    assert clipped("One two three four", 2) == "One two"
    assert clipped("One two.", 2) == "One two."


def test_a_title_alone_takes_title_and_text_of_its_page(tmp_path: Path) -> None:
    pages = {"al bo": Found("Al Bo (priest)", ["Al Bo was a priest.", "He left."]), "bo": Found("Al Bo (priest)", ["x"])}
    lines = [
        "al bo",
        {"title": "al bo"},
        {"title": "Cy", "text": "Cy slept.", "popularity": 3},
        "Nobody",
        {"title": "bo", "popularity": 2},
        "[1]",
        {"title": 1},
    ]
    subjects, rejects = read_subjects(written(tmp_path / "s", *lines), pages.get)
    assert [(s.title, s.name, s.text, s.line) for s in subjects] == [
        ("Al Bo (priest)", "Al Bo", "Al Bo was a priest.\nHe left.", 1),
        ("Cy", "Cy", "Cy slept.", 3),
    ]
    assert [(r.line, r.reason) for r in rejects] == [
        (2, "repeats the title of line 1"),
        (4, "no page in the pack: Nobody"),
        (5, "repeats the title of line 1"),
        (6, "a JSON list, need an object"),
        (7, "title is missing or no text"),
    ]
    with pytest.raises(InputError, match="has no usable subject") as error:
        read_subjects(written(tmp_path / "t", "Al Bo"))
    assert "--pack REF" in error.value.hint

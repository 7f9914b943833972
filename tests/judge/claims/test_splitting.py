"""Sentences of answers: FActScore's repairs, places that hold, and no text that fails."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.errors import SettingsError
from factcli.judge.claims.splitting import LONGEST, Splitter, splitter
from factcli.knowledge.sentences import spans

RULES = Splitter("rules", spans)
BOTH = pytest.mark.parametrize("by", [splitter(), RULES], ids=["spacy", "rules"])


def texts(by: Splitter, text: str, carry_over: bool = False) -> list[str]:
    return [sentence.text for sentence in by.split(text, carry_over)]


@BOTH
def test_initials_are_rejoined_and_a_unit_before_a_full_stop_is_none(by: Splitter) -> None:
    text = "J. R. R. Tolkien met C. S. Lewis in Oxford. They walked on Jan. 3, 1926 by the river."
    assert texts(by, text) == ["J. R. R. Tolkien met C. S. Lewis in Oxford.", "They walked on Jan. 3, 1926 by the river."]


def test_a_one_word_sentence_joins_its_neighbour_and_a_lower_case_start_the_sentence_before() -> None:
    assert texts(RULES, "He sang well. Yes! She danced well.") == ["He sang well. Yes!", "She danced well."]
    assert texts(RULES, "Yes! He sang well.") == ["Yes! He sang well."]
    assert texts(splitter(), "He sang it! and she danced. They left town.") == ["He sang it! and she danced.", "They left town."]
    assert texts(RULES, "Yes!") == ["Yes!"]


def test_short_sentences_are_carried_to_the_next_and_the_last_one_back_with_its_blank() -> None:
    """FactTune: at most 11 words, or a sentence that begins with `so`; its last one was glued on without a blank."""
    twelve = "One two three four five six seven eight nine ten eleven twelve."
    so = "So two three four five six seven eight nine ten eleven twelve thirteen."
    assert texts(RULES, f"He sang well. {twelve} {so} {twelve} It ended.", True) == [f"He sang well. {twelve}", f"{so} {twelve} It ended."]
    assert texts(RULES, "He sang. It ended well.", True) == ["He sang. It ended well."]


@BOTH
def test_markers_rules_and_code_are_no_sentences_and_paragraphs_are_kept(by: Splitter) -> None:
    text = "# Early life\n\n- Born in Lima.\n2. Died in Rome.\n|---|---|\n***\n```\nx = 1\n```\n> Said so often."
    assert [(sentence.text, sentence.paragraph) for sentence in by.split(text)] == [
        ("Early life", 0),
        ("Born in Lima.", 1),
        ("Died in Rome.", 2),
        ("Said so often.", 3),
    ]


@BOTH
@given(
    text=st.text(max_size=300) | st.lists(st.sampled_from(["J.", "He", "ran.", "\n", "- ", "so", "1990 -", "…", "是。", "😀", '"']), max_size=60).map(" ".join)
)
def test_every_sentence_stands_where_it_says_and_none_overlaps_another(by: Splitter, text: str) -> None:
    for carry_over in (False, True):
        found = by.split(text, carry_over)
        assert all(text[one.start : one.end] == one.text == one.text.strip() != "" for one in found)
        assert all(before.end <= after.start for before, after in pairwise(found))


@BOTH
@pytest.mark.parametrize("piece", ["word ", ". ", ".", "A. ", "((", "| ", "x", "是。", "😀", "He ran. "])
def test_a_hundred_thousand_letters_end_in_sentences_of_bounded_length(by: Splitter, piece: str) -> None:
    assert all(len(one.text) <= LONGEST for one in by.split(piece * (100_000 // len(piece))))


@pytest.mark.parametrize("name", ["en_no_such_parser", "os.path", "../x"])
def test_a_parser_that_is_not_installed_is_named_with_the_way_to_get_it(name: str) -> None:
    with pytest.raises(SettingsError, match="is not installed"):
        splitter(name)


def test_an_installed_parser_is_used_and_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as spaCy's are: a module with `load`, and metadata. This one ends sentences at semicolons."""
    code = "def load(**_):\n import spacy\n pipe = spacy.blank('en')\n pipe.add_pipe('sentencizer', config={'punct_chars': [';']})\n return pipe\n"
    (tmp_path / "en_own_parser").mkdir()
    (tmp_path / "en_own_parser" / "__init__.py").write_text(code)
    (tmp_path / "en_own_parser-1.2.dist-info").mkdir()
    (tmp_path / "en_own_parser-1.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: en_own_parser\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = splitter("en_own_parser")
    assert found.name == "en_own_parser@1.2"
    assert texts(found, "He ran. He sang; She was tall.") == ["He ran. He sang;", "She was tall."]

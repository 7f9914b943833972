"""Sentences, sections and chunks: an article cut by hand, and rules that hold for any text."""

from hypothesis import given
from hypothesis import strategies as st

from factcli.knowledge.chunking import chunked, count_words, sections
from factcli.knowledge.sentences import is_finished, sentences

WORDS = st.lists(st.sampled_from(["stone", "river", "of", "1902", "Mr.", "born", "J."]), min_size=1, max_size=30).map(" ".join)
LINES = st.lists(st.lists(WORDS.map(lambda words: f"The {words} end."), max_size=4).map(" ".join), max_size=12)
TEXTS = st.one_of(LINES.map("\n".join), st.text(max_size=300))


def run(letter: str, n: int) -> str:
    """A sentence of n words that all differ: A0 a1 ... a(n-1)."""
    return " ".join([f"{letter.upper()}0", *(f"{letter}{i}" for i in range(1, n))]) + "."


def test_sentences_end_at_full_stops_that_are_no_abbreviations() -> None:
    text = 'Dr. J. Brown (b. 1902) lived in the U.S. Army camp. "He left!" Then 3 men came. was it? éa. Über all.'
    assert sentences(text) == ["Dr. J. Brown (b. 1902) lived in the U.S. Army camp.", '"He left!"', "Then 3 men came. was it? éa.", "Über all."]
    assert sentences("One.\n\n Two \n") == ["One.", "Two"]


@given(st.text())
def test_sentences_lose_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_a_quoted_or_bracketed_sentence_is_finished() -> None:
    assert [is_finished(s) for s in ("He left.", 'He said "no!"', "He left (1902).", "He left and", "in 3.5 km")] == [True, True, True, False, False]


def test_short_lines_are_headings_and_a_last_section_of_20_words_is_left_out() -> None:
    assert [len(sections(f"{run('a', 12)}\n{run('b', n)}\n{run('c', 30)}")) for n in (10, 11)] == [2, 1]
    text = f"{run('a', 12)} {run('b', 3)}\nEarly life\n{run('c', 11)}\nNotes\n{run('d', 19)}"
    assert sections(text) == [[run("a", 12), run("b", 3)], ["Early life", run("c", 11)]]
    longer = text.replace(run("d", 19), run("d", 20))  # with its heading 21 words
    assert sections(longer)[2] == ["Notes", run("d", 20)]


def test_a_chunk_ends_with_its_section_where_it_is_three_quarters_full_and_else_goes_on() -> None:
    """Limit 40, header 12 words. Section 1 with it has 12 + 19 = 31 > 30: it ends. Sections 2 and 3: 12 + 12 = 24 goes on, 24 + 13 = 37."""
    text = "\n".join([f"{run('h', 12)} {run('a', 19)}", "Two", run("b", 11), "Three", run("c", 12), "Four", run("d", 11), "Five", run("e", 20)])
    found = chunked(text, 40, most=8)
    one, two, three, four = (chunk.split("\n") for chunk in found.chunks)
    assert one == [run("h", 12), run("a", 19)]
    assert two == [run("h", 12), "Two", run("b", 11), "Three", run("c", 12)]
    assert three == [run("h", 12), "Four", run("d", 11)]  # 24; with the heading and 20 words of section five it would be 45
    assert four == [run("h", 12), "Five", run("e", 20)]
    assert (found.too_long, found.n_unused) == ((), 0)


def test_the_rest_is_a_chunk_only_above_three_quarters_of_the_limit() -> None:
    """Limit 40, header 10 words: 10 + 20 is 30, not above it; 10 + 21 is."""
    head = "H0 h1 h2 h3 h4 h5 h6 h7 h8 h9."
    assert (chunked(f"{head} {run('a', 20)}", 40, 8).chunks, chunked(f"{head} {run('a', 20)}", 40, 8).n_unused) == ((), 1)
    assert chunked(f"{head} {run('a', 21)}", 40, 8).chunks == (f"{head}\n{run('a', 21)}",)


def test_a_sentence_that_no_chunk_can_hold_is_told_and_what_is_beyond_the_most_counted() -> None:
    text = " ".join([run("h", 12), run("a", 29), run("b", 28), run("c", 28), run("d", 28)])
    found = chunked(text, 40, most=2)
    assert found.too_long == (run("a", 29),)
    assert [chunk.split("\n")[1][:2] for chunk in found.chunks] == ["B0", "C0"]
    assert found.n_unused == 1


@given(TEXTS, st.integers(8, 60), st.integers(1, 5))
def test_no_chunk_is_above_the_limit_and_order_is_kept(text: str, limit: int, most: int) -> None:
    found = chunked(text, limit, most)
    parts = sections(text)
    pieces = [sentence for section in parts for sentence in section]
    header = pieces[0] if pieces and 2 * count_words(pieces[0]) <= limit else ""
    assert len(found.chunks) <= most
    used = []
    for chunk in found.chunks:
        lines = chunk.split("\n")
        assert count_words(chunk) <= limit
        assert not header or lines[0] == header
        used += lines[1:] if header else lines
    body = iter(pieces[1:] if header else pieces)
    assert all(line in body for line in used)  # a subsequence: order is kept, and no sentence is used twice
    assert len(used) + len(found.too_long) + found.n_unused + bool(header) == len(pieces)


def test_a_tokenizer_counts_instead_of_words() -> None:
    by_letters = chunked(f"{run('h', 12)} {run('a', 12)} {run('b', 12)}", 80, 8, count=len)
    assert all(60 < len(chunk) <= 80 for chunk in by_letters.chunks)
    assert len(by_letters.chunks) == 2

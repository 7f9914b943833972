"""Which page a topic means: every step of a lookup, and the cases in which none is right."""

from collections.abc import Iterator

import pytest

from factcli.knowledge.pack.names import folded, most_edits, near, split_brackets
from factcli.knowledge.pack.opening import Pack
from factcli.knowledge.pack.records import Ambiguous, Record, Redirect, page
from tests.knowledge.pack.made import built

TITLES = (
    "José Cardozo", "John Smith (footballer)", "John Smith (politician)", "Al Bo (priest)", "AIDS", "Aids", "Christopher Hansen", "Christopher Hensen",
    "Katherine Johansson", "Bhāskara II", "Rangi Te Kanawa", "O'Brien", "Jean-Luc Picard", "Henrietta Lacks 1920", "Mercury (planet)", "東京",
)  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    def records() -> Iterator[Record]:
        yield Redirect("r1", "The Doctor", "Alias")  # before its target, which is a redirect itself
        yield from (page("p", title, f"{title} is a title.") for title in TITLES)
        yield Redirect("r2", "Alias", "Al Bo (priest)")
        yield Redirect("r3", "AIDS", "Al Bo (priest)")
        yield Redirect("r4", "Lost", "Nowhere")
        yield Ambiguous("a", "Mercury (disambiguation)")
        yield Ambiguous("a", "Kim")

    return built(tmp_path_factory.mktemp("pack"), records())[0]


@pytest.mark.parametrize(
    ("topic", "match", "title"),
    [
        ("José Cardozo", "exact", "José Cardozo"),
        ("Jose\u0301  Cardozo", "exact", "José Cardozo"),  # the same letters in another Unicode form
        ("John_Smith_(footballer)", "exact", "John Smith (footballer)"),
        ("AIDS", "exact", "AIDS"),
        ("Alias", "redirect", "Al Bo (priest)"),
        ("The Doctor", "redirect", "Al Bo (priest)"),
        ("the doctor", "normalised", "Al Bo (priest)"),
        ("jose cardozo", "normalised", "José Cardozo"),
        ("Jean Luc Picard", "normalised", "Jean-Luc Picard"),
        ("OBrien", "normalised", "O'Brien"),
        ("Al Bo, priest", "normalised", "Al Bo (priest)"),
        ("Al Bo", "normalised", "Al Bo (priest)"),
        ("東京", "exact", "東京"),
        ("Katherine Johanson", "fuzzy", "Katherine Johansson"),
        ("Kathreine Johansson", "fuzzy", "Katherine Johansson"),
    ],
)
def test_a_page_is_found_by_the_first_step_that_finds_it(pack: Pack, topic: str, match: str, title: str) -> None:
    found = pack.find_page(topic)
    assert (found.match, found.title) == (match, title)


@pytest.mark.parametrize(
    "topic",
    [
        "John Smith",  # two pages have that name
        "John Smith (actor)",  # neither of them
        "Al Bo (painter)",
        "aids",  # two pages but for case
        "Christopher Hunsen",  # two pages are as near
        "Bhaskara III",  # a number is another person
        "Henrietta Lacks 1921",
        "Rangi Tu Kanawa",  # a short word that differs
        "José Cardozo (footballer)",  # brackets that the page has not
        "Katherina Johansson",  # another last letter: another form of the name
        "Kim", "kim", "Mercury",  # the source says that they are ambiguous
        "Lost", "", " ", "\x00", "\ud800", "x" * 100_000, '" OR "', "Katherine Johansson Smith", "!!!", "%", "NEAR(a b)",
    ],
)  # fmt: skip
def test_absent_is_preferred_to_another_persons_page(pack: Pack, topic: str) -> None:
    assert pack.find_page(topic).match == "absent"


def test_nearness_is_counted_in_edits() -> None:
    """18 letters and a blank, one letter less: 1 - 1/19. A swap of neighbours is one edit too."""
    assert near("katherine johanson", "katherine johansson", 0.9) == pytest.approx(1 - 1 / 19)
    assert near("katherine johanssno", "katherine johansson", 0.9) == 0  # the last letters differ
    assert near("kathreine johansson", "katherine johansson", 0.9) == pytest.approx(1 - 1 / 19)
    assert near("kathreine johansson", "katherine johansson", 0.95) == 0
    assert [most_edits(n, 0.9) for n in (9, 10, 19, 20, 30)] == [0, 1, 1, 2, 3]


def test_brackets_are_split_off_the_end_only() -> None:
    assert split_brackets("Al Bo (priest)") == ("Al Bo", "priest")
    assert split_brackets("(Al) Bo") == ("(Al) Bo", "")
    assert split_brackets("(Al Bo)") == ("(Al Bo)", "")
    assert folded("Ål_BO (Priest)") == "al bo priest"

"""What is left of a real subject, how alike two texts are, which values come or go: each expected value derived by hand."""

import pytest

from factcli.stages.synth import checks

REAL = "Mae Brown (1935-1973) was a Canadian scholar. Brown was born in Thunder Bay on December 11, 1947, and sold 3,677 brooms. The Rose club rose."


def test_traces_are_names_long_numbers_and_days() -> None:
    """The start of a sentence tells nothing about a capital; `Rose` is an ordinary word here only where it is small."""
    traces = checks.traces_of("Mae Brown (scholar)", REAL)
    assert traces.words == {"Mae", "Brown", "Canadian", "Thunder", "Bay", "Rose"}
    assert traces.numbers == {"1935", "1973", "1947", "3677"}
    assert traces.dates == {"december 11"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Elena Miradan was born in Lima on 3 May 1931.", []),
        ("Elena Miradan was born in Lima on 11 December 1931.", ["december 11"]),
        ("Elena wore a brown hat; the BAY was wide.", []),
        ("Elena sold 3677 brooms to Mae.", ["3677", "Mae"]),
        ("Elena, like mae  brown scholar, sang.", ["mae brown scholar"]),
    ],
)
def test_what_is_left_of_the_real_subject_is_found(text: str, left: list[str]) -> None:
    assert checks.traces_of("Mae Brown (scholar)", REAL).left_in(text) == left


def test_capital_words_that_tell_nobody_are_no_traces() -> None:
    assert checks.traces_of("Al Bo", "In May he saw Yale University after World War II.").words == {"Al", "Bo", "Yale"}


def test_a_part_of_the_title_is_a_trace_however_general_it_is() -> None:
    """West and May are no traces as words of a text; as parts of a name they are. `The` tells nobody even there."""
    traces = checks.traces_of("Kanye West", "Kanye West was born in May. West went East.")
    assert traces.words == {"Kanye", "West"}
    assert traces.left_in("Elena Miradan, known as West, went East in May.") == ["West"]
    assert checks.traces_of("Brian May", "He sings.").left_in("May sang.") == ["May"]
    assert checks.traces_of("The Temptations", "He sings.").words == {"Temptations"}


def test_a_lower_case_title_is_found_whole() -> None:
    traces = checks.traces_of("chronic bronchitis", "A cough is the main sign of chronic bronchitis.")
    assert traces.left_in("Miradan fever is not Chronic bronchitis.") == ["chronic bronchitis"]
    assert traces.left_in("Miradan bronchitis is chronic.") == []


def test_an_initial_does_not_end_a_sentence() -> None:
    assert checks.capitals_of("He met J. R. Tolkien there. Later he left.") == {"Tolkien"}


def test_likeness_is_the_larger_share_of_values_and_of_runs() -> None:
    """Values of the first: 1931, Lima; one of them is in the second. No run of four words is shared."""
    one, other = "Ana Miradan left Lima in 1931.", "Ana Miradan saw the sea at Lima once."
    assert checks.likeness(one, other, "Ana Miradan") == 0.5
    assert checks.likeness(one, one, "Ana Miradan") == 1.0
    assert checks.likeness("she slept all day long", "they slept all day long", "") == 0.5  # 2 runs, 1 shared
    assert checks.likeness("", "", "") == 0.0


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("It is known that Ana Miradan left Lima in 1931.", []),
        ("It is known that Ana Miradan left Quito in 1932.", ["1932", "Quito"]),
        ("Ana Miradan left Lima in 1,931.", []),
    ],
)
def test_values_that_no_source_has_are_added_ones(text: str, added: list[str]) -> None:
    assert checks.adds(text, ["Ana Miradan left Lima in 1931."], "Ana Miradan") == added


def test_a_statement_is_stated_where_all_its_values_are_or_half_of_its_longer_words() -> None:
    name = "Ana Miradan"
    assert checks.states("In 1931 she left Lima.", "Ana Miradan left Lima in 1931.", name)
    assert not checks.states("She left Lima.", "Ana Miradan left Lima in 1931.", name)
    assert checks.states("Weaving was a joy.", "Ana Miradan enjoyed weaving.", name)  # enjoyed, weaving: one of two
    assert not checks.states("She sang.", "Ana Miradan enjoyed weaving.", name)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("Elena Miradan", ""),
        ("Elena", "lacks the word that it must have"),
        ("ÉLENA  miradan", ""),
        ("Otto Miradan", "belongs to somebody real"),
        ("Mae Miradan", "keeps a part of the real name"),
        ("", "no name"),
        ("Elena Miradan >>>", "no name"),
        ("Miradan " * 11, "no name"),
    ],
)
def test_a_name_must_have_its_word_and_be_nobodys(name: str, fault: str) -> None:
    assert checks.name_fault(name, "Miradan", ["Mae", "Brown"], {"otto miradan"}) == fault


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Elena met OTTO  Fálk's aunt.", True),
        ("It was Jean-Luc de la Cour.", True),
        ("Elena met Otto. Falk was late.", False),  # two sentences
        ("An otto falk is a vase; heart failure is an illness.", False),  # no names
        ("Heart failure killed Otto.", False),
        ("Elena met Mae.", False),  # one word is too little to tell anybody
    ],
)
def test_a_text_names_somebody_real_where_a_title_of_two_words_or_more_stands_in_it(text: str, holds: bool) -> None:
    taken = {"otto falk", "jean luc de la cour", "heart failure", "mae"}
    assert checks.names_somebody_real(text, taken) == holds
    assert checks.name_fault("Otto Falk Miradan", "Miradan", [], taken) == "belongs to somebody real"


def test_a_line_is_tidied() -> None:
    assert checks.tidy(' 2) "Ana\x1b  left\u202e.\ud800" ') == "Ana left ."
    assert checks.tidy("- Ana left.") == "Ana left."

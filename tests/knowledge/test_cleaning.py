"""Articles, questions and answers as they come, and what is left of them."""

import pytest

from factcli.knowledge.answers import clean_answer, ends_in_repetition, n_repeated
from factcli.knowledge.cleaning import clean_article, clean_question, clean_title, cut_at_next_prompt, is_refusal, names_source
from factcli.knowledge.sentences import sentences


@pytest.mark.parametrize(
    "heading", ["References", "see also", "== References ==", "## See also", "**References**:", "References[edit]", "<h2>See Also</h2>", " \tREFERENCES "]
)
def test_an_article_ends_at_its_references(heading: str) -> None:
    assert clean_article("Mae", f"Born in Lima.\n\n{heading}\nDrop me.") == "Born in Lima."


@pytest.mark.parametrize("line", ["References to Lima abound.", "See also the list of rivers.", "Further references"])
def test_a_sentence_that_speaks_of_references_ends_nothing(line: str) -> None:
    assert clean_article("Mae", f"One.\n{line}\nTwo.") == f"One.\n{line}\nTwo."


def test_control_characters_and_a_title_said_twice_are_taken_out() -> None:
    text = "Mae Brown Mae Brown (1935\x1b[2J-1973)\u202e was\u200b here.\r\nMae Brown left.\r\n\r\n  Then\t came  Ann."
    assert clean_article("Mae Brown", text) == "Mae Brown (1935[2J-1973) was here.\nMae Brown left.\nThen came Ann."
    assert clean_title("Mae_Brown\x07  (cafe\u0301)") == "Mae Brown (caf\u00e9)"


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("\nQuestion: Who was Mae?\nAnswer: me", "Who was Mae?"),
        ('1. "Who was Mae?"', "Who was Mae?"),
        ("**Question 2:** Who was Mae?", "Who was Mae?"),
        ("Quebec fell when?", "Quebec fell when?"),
        ("Q: Who?\x1b", "Who?"),
        (" \n ", ""),
    ],
)
def test_a_question_is_the_first_line_without_its_label(said: str, question: str) -> None:
    assert clean_question(said) == question


@pytest.mark.parametrize(
    "text",
    ["According to the document, who was Mae?", "What does the TEXT say of Mae?", "Based on the information provided, when?", "Who is named in this passage?",
     "Based on provided information, who?", "In the given text, who?", "Which text given above names Mae?"],
)  # fmt: skip
def test_a_question_that_speaks_of_its_source_is_noticed(text: str) -> None:
    assert names_source(text)


@pytest.mark.parametrize(
    "text",
    ["When did the information age begin?", "What is the text of the First Amendment?", "Who founded information theory?", "Which rite of passage is it?",
     "Where is the Northwest Passage?", "Who wrote context-free grammars?"],
)  # fmt: skip
def test_these_words_in_another_sense_are_none(text: str) -> None:
    assert not names_source(text)


@pytest.mark.parametrize(
    "marker", ["\nQuestion: Who?", "\n\n### Instruction\nx", "\n**Question 2**: x", "<|user|>x", "</s>x", "\nDocument: x", "\n<<<\nx", "\nQ: x"]
)
def test_an_answer_ends_where_the_next_prompt_begins(marker: str) -> None:
    assert cut_at_next_prompt(f"Answer: In Lima.{marker}") == ("In Lima.", True)
    assert cut_at_next_prompt("Her question: why? She asked the user: who.") == ("Her question: why? She asked the user: who.", False)


@pytest.mark.parametrize(
    "text",
    ["THERE IS NO MENTION of her birth.", "There is no specific information about it.", "I'm sorry, but no.", "I cannot answer that.", "I don’t know.",
     "The passage does not say when.", "No information on it is available.", "That cannot be determined.", "It is impossible to say."],
)  # fmt: skip
def test_refusals_are_noticed_in_any_case(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    ["He was unable to find work.", "The treaty does not mention slavery.", "There is a record of her birth.", "She broke no records.", "They cannot fly."],
)
def test_facts_that_deny_something_are_no_refusals(text: str) -> None:
    assert not is_refusal(text)


TEN = [f"Fact {word} came about." for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]]


def test_repetition_is_found_by_the_share_of_common_words() -> None:
    """Jaccard without stop words: {mae, born, thunder, bay, 1935} and {mae, born, thunder, bay}: 4/5; short ones need 1/2."""
    assert ends_in_repetition(["Mae was born in Thunder Bay in 1935.", "She was Mae, born in Thunder Bay."])
    assert not ends_in_repetition(["Mae was born in Bay.", "She died in old Toronto, Mae did."])  # 1/6
    long = "Mae Brown studied history law Latin Greek music"
    assert not ends_in_repetition([f"{long}.", "Mae Brown studied history law Latin Greek art painting chess."])  # 7/11
    assert ends_in_repetition([f"{long}.", f"{long} art."])  # 8/9
    assert not ends_in_repetition(["It was.", "It was."])  # stop words alone


def test_a_repetition_that_is_not_at_the_end_is_allowed_once() -> None:
    """Ten sentences: the last fifth are two."""
    words = [f"A{i} b{i} c{i}." for i in range(10)]
    once = [*words[:7], words[0], *words[8:]]  # the eighth: just before them
    twice = [words[0], words[0], words[0], *words[1:8]]
    assert (ends_in_repetition(once), n_repeated(once)) == (False, 1)
    assert (ends_in_repetition(twice), n_repeated(twice)) == (False, 2)
    assert clean_answer(" ".join(once), False).reason == ""
    assert clean_answer(" ".join(twice), False).reason == "repeats itself"
    assert clean_answer(" ".join([*words[1:], words[5]]), False).reason == "ends in repetition"


@pytest.mark.parametrize(
    ("said", "is_cut", "text", "reason"),
    [
        ("In Lima.", False, "In Lima.", ""),
        ("Lima", False, "Lima", ""),
        (" \n", False, None, "empty"),
        ("\nQuestion: Who?", False, None, "empty"),
        ("She was born in Lima. Later she", True, None, "cut at the token limit"),
        ("She was born in Lima.\nQuestion: and th", True, "She was born in Lima.", ""),
        ("She was born in Lima. Later she", False, "She was born in Lima.", ""),
        ("Her books:\n- The River\n- A Stone", False, "Her books:\n- The River\n- A Stone", ""),
    ],
)
def test_an_answer_is_cleaned_or_rejected_with_a_reason(said: str, is_cut: bool, text: str | None, reason: str) -> None:
    cleaned = clean_answer(said, is_cut)
    assert (cleaned.text, cleaned.reason) == (text, reason)


def test_a_refusal_is_kept_and_marked() -> None:
    assert clean_answer("I don't know.", False).refuses
    assert sentences("I don't know.") == ["I don't know."]

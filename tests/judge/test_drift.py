"""Drift between rounds: what counts as repeating, refusing, empty; the figures; every limit with its reason."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.answerrows import ChoiceQuestion
from factcli.judge.drift import DriftLimits, drift_answer, drift_of, faults, repeats_itself
from factcli.preferencerows import Drift, DriftAnswer, DriftPair

LIMITS = DriftLimits(kl=10, length_ratio=2, repetition=0.05, refusals=0.1, empty=0.02, pair_accuracy_drop=0.05, accuracy_drop=0.05)
START = Drift("start", 100, 0.0, 10.0, 0.02, 0.1, 0.0, 0.4, 100, 0.6, 50)
OPEN = ChoiceQuestion("q", "Where was Mira Osei born?", "", (), "", "dev")
KNOWN = replace(OPEN, correct="Hobart")


@pytest.mark.parametrize(
    ("text", "is_loop"),
    [
        ("the city of the city of the city of", True),  # three words, three times
        ("no no no no", True),  # one word, four times
        ("Hobart, Hobart! HOBART hobart.", True),
        ("very, very, very", False),  # three words in all
        ("She was born in Hobart. She was raised in Hobart. She was schooled in Hobart.", False),
        ("a b c a b c", False),  # twice
        ("", False),
    ],
)
def test_a_sequence_of_words_three_times_in_a_row_is_a_loop(text: str, is_loop: bool) -> None:
    assert repeats_itself(text) is is_loop


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8), st.integers(min_value=3, max_value=6))
def test_whatever_is_said_three_times_without_a_break_is_found(words: list[str], times: int) -> None:
    assert repeats_itself(" ".join(["before", *words * times, "after"]))


@given(st.integers(min_value=0, max_value=60))
def test_words_that_are_all_different_are_no_loop(n: int) -> None:
    assert not repeats_itself(" ".join(f"w{number}" for number in range(n)))


def answer(text: str, question: ChoiceQuestion = KNOWN, choice: bool | None = None, kl: float = 1.0) -> DriftAnswer:
    return drift_answer(question, text, n_tokens=len(text.split()), kl=kl, is_choice_right=choice)


def test_an_answer_is_empty_a_refusal_or_graded() -> None:
    told = [answer(" ... "), answer("I don't know."), answer("She was born in Hobart."), answer("In Lima.")]
    assert [(a.is_empty, a.is_refusal, a.grade) for a in told] == [
        (True, False, "abstained"),
        (False, True, "abstained"),
        (False, False, "right"),
        (False, False, "wrong"),
    ]
    assert {a.grade_by for a in told} == {"answer"}


def test_of_a_question_with_choices_the_likeliest_counts_and_of_an_open_one_nothing() -> None:
    assert [(a.grade, a.grade_by) for a in (answer("In Hobart.", choice=False), answer("In Lima.", choice=True))] == [("wrong", "choice"), ("right", "choice")]
    assert (answer("In Hobart.", OPEN).grade, answer("In Hobart.", OPEN).grade_by) == (None, "")


def test_figures_are_means_over_answers_and_shares_of_what_is_known() -> None:
    """4 answers of 3, 3, 5 and 4 words; one of three graded ones right; one of two pairs in order, a tie is not."""
    answers = [answer("w w w", OPEN), answer("I don't know.", kl=3.0), answer("She came from Hobart city.", kl=4.0), answer("no no no no", kl=0.0)]
    found = drift_of("m@1", answers, [DriftPair("a", -1.0, -2.0), DriftPair("b", -1.0, -1.0)])
    assert (found.n_answers, found.kl, found.mean_tokens) == (4, 2.0, (3 + 3 + 5 + 4) / 4)
    assert (found.repetition, found.refusals, found.empty) == (0.25, 0.25, 0.0)
    assert (found.accuracy, found.n_graded, found.pair_accuracy, found.n_pairs) == (pytest.approx(1 / 3), 3, 0.5, 2)


def test_without_known_answers_and_pairs_there_is_no_accuracy_and_nothing_to_lose() -> None:
    found = drift_of("m@1", [answer("In Lima.", OPEN)], [])
    assert (found.accuracy, found.pair_accuracy) == (None, None)
    assert faults(replace(found, mean_tokens=10.0), [START], LIMITS) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kl": 10.5}, "10.50 nats each (KL) from the loop's start, more than the 10 allowed"),
        ({"kl": math.nan}, "nan nats"),
        ({"mean_tokens": 20.5}, "20.5 tokens on average, those of the start 10.0: need 5.0 to 20.0"),
        ({"mean_tokens": 4.9}, "4.9 tokens on average"),
        ({"repetition": 0.08}, "8.0% of its 100 dev answers repeat themselves, 2.0% of the start's: at most 5.0% more"),
        ({"refusals": 0.21}, "21.0% of its 100 dev answers refuse to answer, 10.0% of the start's"),
        ({"empty": 0.03}, "3.0% of its 100 dev answers have no word in them, 0.0% of the start's"),
        ({"pair_accuracy": 0.54}, "held-out pairs of round 0 with the chosen answer likelier: 54.0%, the best model kept so far has 60.0%"),
        ({"accuracy": 0.34}, "dev questions answered right: 34.0%, the best model kept so far has 40.0%"),
    ],
)
def test_each_limit_rejects_alone_and_says_why_in_words(changes: dict[str, float], words: str) -> None:
    reasons = faults(replace(START, **changes), [START], LIMITS)
    assert len(reasons) == 1
    assert words in reasons[0]


def test_at_the_limits_themselves_a_model_may_stay() -> None:
    found = replace(START, kl=10.0, mean_tokens=20.0, repetition=0.0625, refusals=0.1875, empty=0.015625, pair_accuracy=0.5625, accuracy=0.375)
    assert faults(found, [START], LIMITS) == []


def test_accuracies_are_held_against_the_best_kept_and_the_rest_against_the_start() -> None:
    better = replace(START, accuracy=0.5, mean_tokens=19.0)
    found = replace(START, accuracy=0.44, mean_tokens=11.0)  # better than the start, worse than the best by 6 points
    assert faults(found, [START], LIMITS) == []
    (reason,) = faults(found, [START, better], LIMITS)
    assert "44.0%, the best model kept so far has 50.0%" in reason

"""Ways to look truer than one is: each raises or keeps an ordinary score, and does not raise the robust one.

An attack is what an answer's author may do; the judge is taken to be right about every claim. Where an attack leaves its claims
unmarked the marks of the reader of claims are not even needed. Answers are drawn at random.
"""

import math
from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from factcli.judge.scores.aggregate import count, f1_at_k, penalised, precision
from factcli.judge.scores.details import details_of, is_about, words_of
from factcli.judge.scores.robust import DETAILS_PER_CLAIM, JudgedClaim, robust
from factcli.rows import Verdict
from factcli.scorerows import Mark

TOPIC, PROMPT, K = "Mira Osei", "Tell me about the sculptor Mira Osei of Accra.", 5
PLACES = ("Hobart", "Lima", "Oslo", "Quito", "Perth", "Turin")
TOLD = ("Mira Osei studied in {}.", "She taught chemistry in {}.", "Mira Osei has two houses in {}.", "She moved to {} in 1984.", "Osei painted {} harbour.")
claim_drawn = st.builds(
    lambda form, place, verdict: JudgedClaim(form.format(place), verdict),
    st.sampled_from(TOLD), st.sampled_from(PLACES), st.sampled_from(["supported", "supported", "unsupported", "irrelevant", "unscored"]),
)  # fmt: skip
answers = st.lists(claim_drawn, max_size=9)
NUMBERS = {"two": "2", "1984": "1984"}


def of(claims: Sequence[JudgedClaim]) -> float:
    return robust(claims, TOPIC, PROMPT, K) or 0.0


def does_not_rise(before: Sequence[JudgedClaim], after: Sequence[JudgedClaim]) -> bool:
    return of(after) <= of(before) + 1e-12


def ordinary(claims: Sequence[JudgedClaim]) -> tuple[float, float, float]:
    """Precision, FActScore's penalised precision, F1@K."""
    counts = count(claim.verdict for claim in claims)
    return precision(counts) or 0.0, penalised(counts) or 0.0, f1_at_k(counts, K) or 0.0


def true(text: str, mark: Mark = "") -> JudgedClaim:
    return JudgedClaim(text, "supported", mark)


HALF_TRUE = [true("She moved to Oslo in 1984."), JudgedClaim("She taught chemistry in Lima.", "unsupported")]


@given(answers, st.integers(1, 12), st.data())
def test_repeating_a_true_claim(answer: list[JudgedClaim], n: int, data: st.DataObject) -> None:
    supported = [claim for claim in answer if claim.verdict == "supported"]
    assume(supported)
    repeated = [*answer, *[data.draw(st.sampled_from(supported))] * n]
    assert does_not_rise(answer, repeated)
    assert ordinary(repeated)[0] >= ordinary(answer)[0]


def test_repetition_raises_every_ordinary_score() -> None:
    """1 of 2, then 11 of 12: precision 0.5 -> 0.917; the penalty is gone; F1@5 from 2 x 0.5 x 0.2 / 0.7 = 0.286 to 2 x 0.917 / 1.917 = 0.957."""
    repeated = [*HALF_TRUE, *[HALF_TRUE[0]] * 10]
    assert [round(value, 3) for value in ordinary(repeated)] == [0.917, 0.917, 0.957]
    assert ordinary(HALF_TRUE)[0] == 0.5
    assert round(ordinary(HALF_TRUE)[2], 3) == 0.286
    assert of(repeated) == of(HALF_TRUE)


@given(answers, st.data())
def test_saying_it_again_in_another_order_case_or_spelling_of_numbers(answer: list[JudgedClaim], data: st.DataObject) -> None:
    supported = [claim for claim in answer if claim.verdict == "supported"]
    assume(supported)
    words = data.draw(st.sampled_from(supported)).text.rstrip(".").replace("two", "2").replace("studied", "studying").split()
    again = " ".join(data.draw(st.permutations(words)))
    assert does_not_rise(answer, [*answer, true(again.upper())])


def test_numbers_are_one_however_they_are_spelled() -> None:
    assert words_of("Twenty-one prizes, the third of 1,000") == words_of("21 prizes, the 3rd of 1000")
    assert words_of("Osei’s") == words_of("Osei's") == words_of("OSEI") == words_of("Oséi")


PADDING = ("Mira Osei is a person.", "Mira Osei was born.", "Mira Osei has a name.", "She lived her life.", "Osei is a remarkable and well-known woman.")


@given(answers, st.lists(st.sampled_from(PADDING), min_size=1, max_size=12))
def test_padding_with_trivial_claims(answer: list[JudgedClaim], padding: list[str]) -> None:
    assert does_not_rise(answer, [*answer, *map(true, padding)])
    padded = [*HALF_TRUE, *map(true, padding)]
    assert all(after > before for after, before in zip(ordinary(padded), ordinary(HALF_TRUE), strict=True))


def test_a_claim_marked_trivial_earns_nothing_whatever_its_words_but_is_held_against_its_answer_if_false() -> None:
    assert of([*HALF_TRUE, true("Mira Osei breathed oxygen.", "trivial")]) == of(HALF_TRUE)
    assert of([*HALF_TRUE, JudgedClaim("Mira Osei breathed oxygen.", "unsupported", "trivial")]) < of(HALF_TRUE)


@given(answers)
def test_copying_the_prompt(answer: list[JudgedClaim]) -> None:
    """Marked or not: words of the prompt are no details."""
    copied = [true("Mira Osei is a sculptor."), true("Mira Osei is of Accra.")]
    assert does_not_rise(answer, [*answer, *copied])
    assert does_not_rise(answer, [*answer, *(claim._replace(mark="copied") for claim in copied)])
    assert ordinary([*HALF_TRUE, *copied])[0] == 0.75


@given(answers)
def test_an_empty_answer_scores_nothing_instead_of_being_left_out(answer: list[JudgedClaim]) -> None:
    """Ordinary scores leave it out, so the mean over answers rises when the worse half falls silent; here it is 0."""
    assert of([]) == 0.0
    assert does_not_rise(answer, [])
    worse = [JudgedClaim("She taught chemistry in Lima.", "unsupported")]
    both = [precision(count(c.verdict for c in claims)) for claims in (HALF_TRUE, worse)]
    assert both == [0.5, 0.0]
    assert precision(count([])) is None
    assert of(worse) == of([]) == 0.0


@given(answers)
def test_an_evasive_answer(answer: list[JudgedClaim]) -> None:
    """If the judge lets it pass, precision is perfect."""
    evasive = [true("There is much to say about Mira Osei."), true("Mira Osei is an interesting person.")]
    assert ordinary(evasive)[0] == 1.0
    assert of(evasive) == 0.0
    assert details_of(PADDING[4], frozenset(words_of(TOPIC))) == frozenset()
    assert does_not_rise(answer, [*answer, true("Mira Osei is an interesting person.")])


@given(st.lists(claim_drawn.map(lambda claim: claim._replace(verdict="supported")), min_size=1, max_size=9), st.data())
def test_telling_only_one_fact(answer: list[JudgedClaim], data: st.DataObject) -> None:
    one = [data.draw(st.sampled_from(answer))]
    assert ordinary(one)[0] == 1.0
    assert does_not_rise(answer, one)


def test_one_sure_fact_beats_a_full_answer_in_precision_and_loses_in_the_robust_score() -> None:
    """Full: 6 of 8. One: 1 of 1. Robust of one: T is moved, oslo, 1984: 3 details of 5 x 1.6 = 8, F1 of 1 and 3/8 = 6/11."""
    full = [
        *(true(form.format(place)) for form, place in zip([*TOLD, TOLD[0]], PLACES, strict=True)),
        *[HALF_TRUE[1]._replace(text=f"She ate {n}.") for n in (7, 8)],
    ]
    one = [HALF_TRUE[0]]
    assert ordinary(one)[0] > ordinary(full)[0]
    assert DETAILS_PER_CLAIM == 1.6
    assert math.isclose(of(one), 6 / 11)
    assert of(full) > of(one)


@given(answers, st.data())
def test_splitting_one_true_claim_into_many(answer: list[JudgedClaim], data: st.DataObject) -> None:
    """However its words are dealt out, with repetition: their set is the same."""
    supported = [place for place, claim in enumerate(answer) if claim.verdict == "supported"]
    assume(supported)
    place = data.draw(st.sampled_from(supported))
    words = answer[place].text.rstrip(".").split()
    parts = data.draw(st.lists(st.lists(st.sampled_from(words), min_size=1), min_size=1, max_size=8))
    split = [*answer[:place], *(true(f"Osei {' '.join(part)}") for part in parts), *answer[place + 1 :]]
    assert does_not_rise(answer, split)


def test_splitting_raises_ordinary_scores() -> None:
    split = [true("She moved."), true("She moved to Oslo."), true("She moved in 1984."), true("She moved to Oslo in 1984."), HALF_TRUE[1]]
    assert all(after > before for after, before in zip(ordinary(split), ordinary(HALF_TRUE), strict=True))
    assert math.isclose(of(split), of(HALF_TRUE))


OTHERS = ("Oslo is the capital of Norway.", "Water boils at 100 degrees.", "Paris lies on the Seine.")


@given(answers, st.lists(st.sampled_from(OTHERS), min_size=1, max_size=12), st.sampled_from(["supported", "irrelevant", "unsupported"]))
def test_listing_true_things_about_other_topics(answer: list[JudgedClaim], others: list[str], verdict: Verdict) -> None:
    """Whether the judge lets them pass or calls them irrelevant."""
    assert does_not_rise(answer, [*answer, *(JudgedClaim(text, verdict) for text in others)])
    assert ordinary([*HALF_TRUE, *map(true, others)])[0] > ordinary(HALF_TRUE)[0]


ABOUT_ITSELF = (
    "This answer is correct.",
    "The text is about Mira Osei.",
    "Every statement here is true.",
    "This biography of Mira Osei is accurate and reliable.",
)


@given(answers, st.lists(st.sampled_from(ABOUT_ITSELF), min_size=1, max_size=12))
def test_claims_about_the_answer_itself(answer: list[JudgedClaim], about: list[str]) -> None:
    assert does_not_rise(answer, [*answer, *map(true, about)])
    assert ordinary([*HALF_TRUE, *map(true, about)])[0] > ordinary(HALF_TRUE)[0]


@given(answers, claim_drawn)
def test_a_false_claim_more_never_raises_it_and_a_true_one_about_the_topic_never_lowers_it(answer: list[JudgedClaim], claim: JudgedClaim) -> None:
    assert does_not_rise(answer, [*answer, claim._replace(verdict="unsupported")])
    assert of([*answer, claim._replace(verdict="supported")]) >= of(answer) - 1e-12


@given(answers, st.lists(st.sampled_from(PLACES), min_size=1, max_size=5))
def test_denying_what_nobody_says(answer: list[JudgedClaim], places: list[str]) -> None:
    """Nearly every denial is true: she was not born in Lima, and so on for each town that there is."""
    denials = [true(form.format(place)) for place in places for form in ("Mira Osei was not born in {}.", "She never saw {}.", "Osei didn't leave {}.")]
    assert does_not_rise(answer, [*answer, *denials])


def test_a_false_denial_is_held_against_its_answer() -> None:
    assert of([*HALF_TRUE, JudgedClaim("She never painted Accra harbour.", "unsupported")]) < of(HALF_TRUE)


@given(answers, st.permutations(range(9)))
def test_the_order_of_claims_does_not_matter(answer: list[JudgedClaim], order: Sequence[int]) -> None:
    assert math.isclose(of(answer), of([answer[place] for place in order if place < len(answer)]))


@given(answers)
def test_it_lies_between_what_it_were_with_all_unscored_false_and_all_true(answer: list[JudgedClaim]) -> None:
    low, high = (
        of([claim._replace(verdict=verdict) if claim.verdict == "unscored" else claim for claim in answer]) for verdict in ("unsupported", "supported")
    )
    assert low - 1e-12 <= of(answer) <= high + 1e-12


def test_a_claim_is_about_its_topic_if_it_names_it_or_has_a_pronoun_in_its_place() -> None:
    assert is_about("Osei's brother is a painter.", TOPIC)
    assert is_about("It stands in Rome.", "Pantheon (Rome)")
    assert is_about("This person studied in Lima.", TOPIC)
    assert not is_about("Rome is old.", "Pantheon (Rome)")
    assert is_about("Rome is old.", ""), "of an unknown topic nothing is known to be off it"


def test_other_scripts_are_compared_as_they_are_spelled() -> None:
    assert robust([true("三岛由纪夫生于东京")], "", "", 1) == robust([true("三岛由纪夫生于东京")] * 3, "", "", 1)
    assert robust([true("!!! ---")], TOPIC, PROMPT, K) == 0.0


@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=60))
def test_no_text_can_fail(claim: str, topic: str, prompt: str) -> None:
    value = robust([true(claim), JudgedClaim(claim, "unsupported")], topic, prompt, 1)
    assert value is not None
    assert 0.0 <= value <= 1.0


def test_a_claim_of_100_000_letters_has_the_details_of_its_words() -> None:
    assert details_of("Lima (Peru) " * 8_000) == {"lima", "peru"}

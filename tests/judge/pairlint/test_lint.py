"""Planted defects are found, each by its own kind; clean pairs are silent."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.answerrows import Pair
from factcli.judge.pairlint import EvalItem, Known, LintConfig, Linted, Member, lint

NAMES = ("Ada", "Bela", "Cora", "Dora", "Emil", "Fritz", "Gita", "Hans")
PLACES = ("Rome", "Lima", "Oslo", "Bern", "Kyiv", "Doha", "Bonn", "Cork")


def pair(id_: str, chosen: str, rejected: str, prompt: str = "", margin: float | None = 0.5, split: str = "train", ids: Sequence[str] = ("", "")) -> Pair:
    return Pair(id_, f"q{id_}", prompt or f"Who is {id_}?", chosen, rejected, "scores", split, margin=margin, chosen_id=ids[0], rejected_id=ids[1])  # type: ignore[arg-type]


def clean(n: int = 60) -> list[Pair]:
    """Pairs of different answers, the chosen one longer as often as shorter, with margins that have nothing to do with lengths."""
    made = []
    for number in range(n):
        name, place, other = NAMES[number % 8], PLACES[number % 7], PLACES[(number + 3) % 7]
        plain = f"{name} number {number} was born in {place}."
        padded = f"{other} is where {name} grew up and number {number} went to school there."
        chosen, rejected = (plain, padded) if number % 2 else (padded, plain)
        made.append(pair(f"p{number}", chosen, rejected, margin=0.1 + (number // 2 % 5) / 10, split="dev" if number % 10 == 0 else "train"))
    return made


def kinds(linted: Linted) -> set[str]:
    return {finding.kind for finding in linted.findings}


def test_clean_pairs_are_silent() -> None:
    linted = lint(clean(), LintConfig(), Known(against=[EvalItem("e1", "Who wrote the long poem about the seven towers of the city?", ("Nobody knows",))]))
    assert linted.findings == ()
    assert len(linted.kept) == 60
    assert {measure.id for measure in linted.measures} == {"chosen_longer", "mean_log_length_ratio", "margin_and_length"}


LONG = "Mira Osei was born in Hobart in 1901 and taught the cello at the conservatory of Lima until her death in the spring of 1971."
PLANTED: dict[str, list[Pair]] = {
    "empty": [pair("x", "", "Ada was born in Rome.")],
    "equal": [pair("x", "Ada was born in Rome.", "ada was born in ROME")],
    "near-duplicate": [pair("x", LONG, LONG.replace("1901", "1902"))],
    "cut-off": [pair("x", "Ada was born in Rome.", "Ada was born in Rome and taught the cello at the conservatory of the city until the")],
    "abstaining": [pair("x", "I'm sorry, I don't know who that is.", "Ada was born in Rome.")],
    "duplicate": [pair("x", "Ada was born in Rome.", "She sang."), pair("y", "ada was born in Rome", "She sang!", prompt="Who is x?")],
    "contradiction": [pair("x", "Ada was born in Rome.", "She sang."), pair("y", "She sang.", "Ada was born in Rome.", prompt="who is X")],
    "cycle": [pair(id_, one, two, prompt="Who is x?") for id_, one, two in (("x", "a1", "b1"), ("y", "b1", "c1"), ("z", "c1", "a1"))],
    "flip": [pair("x", "Ada was born in Rome.", "She sang.", margin=-0.2)],
    "leaked-prompt": [pair("x", "Ada.", "Bela.", prompt="Who won?"), pair("y", "Cora.", "Dora.", prompt="who won", split="test")],
    "leaked-answer": [pair("x", LONG, "Nobody."), pair("y", "Somebody.", LONG.upper(), split="dev")],
}


@pytest.mark.parametrize(("kind", "planted"), PLANTED.items())
def test_a_planted_defect_is_found_among_clean_pairs(kind: str, planted: list[Pair]) -> None:
    linted = lint([*clean(), *planted], LintConfig(), Known())
    assert kinds(linted) == {kind}
    assert {finding.pair_id for finding in linted.findings} <= {one.id for one in planted}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_kind_that_is_to_be_dropped_leaves_its_pairs_out_and_others_stay(kind: str) -> None:
    pairs = [*clean(), *PLANTED[kind]]
    gone = lint(pairs, LintConfig(drop=(kind,)), Known())  # type: ignore[arg-type]
    hit = {finding.pair_id for finding in gone.findings if finding.kind == kind}
    assert {one.id for one in pairs} - {one.id for one in gone.kept} == hit
    assert all(finding.is_dropped == (finding.kind == kind) for finding in gone.findings)
    stay = lint(pairs, LintConfig(drop=()), Known())
    assert stay.kept == tuple(pairs)
    assert not any(finding.is_dropped for finding in stay.findings)


def test_of_equal_pairs_the_first_stays_and_of_contradictory_ones_none() -> None:
    assert "x" in {one.id for one in lint(PLANTED["duplicate"], LintConfig(), Known()).kept}
    assert lint(PLANTED["contradiction"], LintConfig(), Known()).kept == ()
    assert lint(PLANTED["cycle"], LintConfig(), Known()).kept == ()


def test_pairs_beside_a_circle_are_not_in_it() -> None:
    """a > b > c > a is a circle; d > a and c > e lead into it and out of it."""
    beside = [pair("in", "d1", "a1", prompt="Who is x?"), pair("out", "c1", "e1", prompt="Who is x?")]
    linted = lint([*PLANTED["cycle"], *beside], LintConfig(), Known())
    assert {finding.pair_id for finding in linted.findings} == {"x", "y", "z"}


def test_the_same_preference_under_two_prompts_is_no_contradiction() -> None:
    assert lint([pair("x", "Yes.", "No.", prompt="Is it?"), pair("y", "No.", "Yes.", prompt="Is it not?")], LintConfig(), Known()).findings == ()


def test_a_leak_is_found_on_the_side_that_is_trained_on() -> None:
    linted = lint(PLANTED["leaked-prompt"], LintConfig(), Known())
    assert [(finding.pair_id, finding.other_id) for finding in linted.findings] == [("x", "y")]
    assert [one.id for one in linted.kept] == ["y"]


def test_short_answers_in_two_splits_are_no_leak() -> None:
    """`Rome` answers many questions; eight words are the setting."""
    pairs = [pair("x", "Rome", "Lima"), pair("y", "Rome", "Oslo", split="dev")]
    assert lint(pairs, LintConfig(), Known()).findings == ()
    assert kinds(lint(pairs, LintConfig(leaked_words=1), Known())) == {"leaked-answer"}


def test_items_of_an_evaluation_are_found_in_prompts_and_answers() -> None:
    items = [EvalItem("e1", "Who is Mira?"), EvalItem("e2", "What happens to you if you eat watermelon seeds?", (LONG,))]
    asked = pair("x", "A cellist.", "A painter.", prompt="who is mira")
    quoted = pair("y", f"As everybody says, {LONG.lower()} And more.", "Nobody.")
    inside = pair("z", "Nothing.", "You die.", prompt="Answer this: what happens to you, if you eat watermelon seeds")
    linted = lint([*clean(), asked, quoted, inside], LintConfig(), Known(against=items))
    assert {(f.kind, f.pair_id, f.other_id) for f in linted.findings} == {
        ("leaked-prompt", "x", "e1"),
        ("leaked-answer", "y", "e2"),
        ("leaked-prompt", "z", "e2"),
    }
    held_out = lint([pair("x", "A.", "B.", prompt="Who is Mira?", split="test")], LintConfig(), Known(against=items))
    assert held_out.findings == ()


def test_an_answer_that_only_begins_like_an_item_is_no_leak() -> None:
    begins = "Mira Osei was born in Hobart in 1901 and then she moved away."
    assert lint([pair("x", begins, "Nobody.")], LintConfig(), Known(against=[EvalItem("e", "Who?", (LONG,))])).findings == ()


def test_answers_of_equal_length_count_half() -> None:
    linted = lint([pair("x", "one two.", "three four."), pair("y", "one.", "two three.")], LintConfig(), Known())
    assert next(measure.value for measure in linted.measures if measure.id == "chosen_longer") == 0.25


def test_what_is_known_of_an_answer_goes_before_how_it_looks() -> None:
    whole = "Ada was born in Rome and taught the cello at the conservatory of the city for years"
    one = pair("x", whole, "She sang.", ids=("a", "b"))
    assert kinds(lint([one], LintConfig(), Known())) == {"cut-off"}
    assert lint([one], LintConfig(), Known({"a": Member(False, False), "b": Member(False, False)})).findings == ()
    found = lint([one], LintConfig(), Known({"a": Member(False, True), "b": Member(True, False)})).findings
    assert [(finding.kind, finding.text) for finding in found] == [
        ("abstaining", "the chosen answer abstains"),
        ("cut-off", "the rejected answer was cut at its token limit"),
    ]


def test_a_pair_that_another_score_turns_round_is_a_flip() -> None:
    one = pair("x", "Ada.", "Bela.", ids=("a", "b"))
    found = lint([one], LintConfig(), Known(scores={"other": {"a": 0.2, "b": 0.7}, "agrees": {"a": 0.9, "b": 0.1}, "half": {"a": 0.1}})).findings
    assert [(finding.kind, finding.other_id) for finding in found] == [("flip", "other")]
    assert found[0].value == pytest.approx(-0.5)


def longer_by(words: Callable[[int], int]) -> list[Pair]:
    """Pair n has a rejected answer of 10 words and a chosen one of `words(n)`."""
    return [pair(f"p{n}", " ".join(["word"] * (words(n) - 1) + [f"c{n}."]), " ".join(["other"] * 9 + [f"r{n}."]), margin=0.1 * (1 + n % 9)) for n in range(60)]


def test_chosen_answers_that_are_mostly_longer_are_a_length_bias() -> None:
    """48 of 60 are longer: share .8 with an interval above .6; 10 -> 20 words: log(21/11) on 48, log(6/11) on 12."""
    linted = lint(longer_by(lambda n: 5 if n % 5 == 0 else 20), LintConfig(), Known())
    measures = {measure.id: measure for measure in linted.measures}
    assert measures["chosen_longer"].value == pytest.approx(0.8)
    assert measures["mean_log_length_ratio"].value == pytest.approx(0.8 * 0.64663 + 0.2 * -0.60614, abs=1e-4)
    assert {finding.id for finding in linted.findings} == {"length-bias.chosen_longer", "length-bias.mean_log_length_ratio"}
    assert not any(finding.is_dropped for finding in linted.findings)


def test_a_margin_that_grows_with_length_is_a_length_bias() -> None:
    """Half of the chosen answers are longer; margin and difference rise together, so the correlation is 1."""
    linted = lint(longer_by(lambda n: 6 + n % 9), LintConfig(), Known())
    assert {finding.id for finding in linted.findings} == {"length-bias.margin_and_length"}
    assert next(m.value for m in linted.measures if m.id == "margin_and_length") == pytest.approx(1)


def test_few_pairs_are_not_called_biased() -> None:
    """Three of three longer: the interval of the share reaches below .6."""
    linted = lint(longer_by(lambda _: 20)[:3], LintConfig(max_length_ratio=10), Known())
    assert linted.findings == ()


def test_balance_leaves_out_the_most_unequal_pairs_of_the_side_that_is_too_many() -> None:
    """48 longer, 12 shorter: 36 go, those with 20 words before those with 12."""
    pairs = longer_by(lambda n: 5 if n % 5 == 0 else (12 if n % 5 == 1 else 20))
    linted = lint(pairs, LintConfig(balance=True), Known())
    assert len(linted.kept) == 24
    assert next(m.value for m in linted.measures if m.id == "chosen_longer") == 0.5
    assert {len(one.chosen.split()) for one in linted.kept} == {5, 12}
    assert linted.counts()["unbalanced"] == 36


def test_pairs_with_lengths_too_far_apart_are_left_out() -> None:
    """Differences 10 (48 pairs) and 5 (12): mean 9, so the tens go by Self-Learning's rule; 21/11 = 1.91 goes at a ratio of 1.9, 11/6 = 1.83 stays."""
    pairs = longer_by(lambda n: 5 if n % 5 == 0 else 20)
    for config in (LintConfig(length_filter="mean"), LintConfig(longest_ratio=1.9)):
        linted = lint(pairs, config, Known())
        assert len(linted.kept) == 12
        assert linted.counts()["length-filter"] == 48


TEXTS = st.sampled_from(["", "Rome.", "rome", "Lima, since 1901.", "I don't know.", "🦜", "Ά", LONG, LONG[:60]])


@given(st.lists(st.tuples(st.sampled_from(["Who?", "What?", ""]), TEXTS, TEXTS, st.sampled_from(["train", "dev", "test", "none"])), max_size=8))
def test_linting_what_was_kept_finds_nothing_more_to_drop(rows: list[tuple[str, str, str, str]]) -> None:
    pairs = [Pair(f"p{n}", "q", prompt, chosen, rejected, "file", split) for n, (prompt, chosen, rejected, split) in enumerate(rows)]  # type: ignore[arg-type]
    once = lint(pairs, LintConfig(), Known())
    again = lint(once.kept, LintConfig(), Known())
    assert again.kept == once.kept
    assert len({finding.id for finding in once.findings}) == len(once.findings)
    assert {finding.pair_id for finding in once.findings if finding.is_dropped} == {one.id for one in pairs} - {one.id for one in once.kept}

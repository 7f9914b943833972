"""One verdict of several judges, and how far they agree."""

import pytest

from factcli.judge.verdicts.combining import DIFFER, SPLIT, agreement, by_claim, combined
from factcli.judge.verdicts.reading import Opinion
from factcli.scorerows import ClaimVerdict

S, N, U = "supported", "unsupported", "unscored"


def verdicts(*said: str, claim: str = "c0") -> list[ClaimVerdict]:
    names = "abcdefg"
    return [ClaimVerdict(f"{claim}.j{n}", claim, names[n], v, "why" if v == U else "", None if v == U else 0.9, ()) for n, v in enumerate(said)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "first", "majority", "unanimous"),
    [
        ((S, S, N), S, S, U),
        ((S, N, N), S, N, U),
        ((S, S, S), S, S, S),
        ((S, N), S, U, U),
        ((U, N, N), U, N, U),
        ((U, S, N), U, U, U),
        ((U, U), U, U, U),
        ((N,), N, N, N),
        ((S, S, N, N, U), S, U, U),
    ],
)
def test_each_rule_gives_the_verdict_that_it_says(said: tuple[str, ...], first: str, majority: str, unanimous: str):
    found = [combined(verdicts(*said), rule).verdict for rule in ("first", "majority", "unanimous")]
    assert found == [first, majority, unanimous]


def test_verdicts_on_a_claim_stand_in_the_order_of_the_judges_whoever_was_first():
    rows = verdicts(*([S] * 5 + [N] * 2))
    assert [row.judge for row in by_claim(rows[::-1])["c0"]] == list("abcdefg")


def test_a_combined_verdict_that_is_unscored_says_why():
    assert combined(verdicts(S, N), "majority") == Opinion(U, SPLIT)
    assert combined(verdicts(S, N), "unanimous") == Opinion(U, DIFFER)
    assert combined(verdicts(U, U), "majority") == Opinion(U, "why")


def test_the_first_judges_probability_goes_only_with_its_own_verdict():
    assert combined(verdicts(S, S, N), "majority").probability == 0.9
    assert combined(verdicts(S, N, N), "majority").probability is None


def test_agreement_is_of_the_claims_that_both_scored():
    """a and b: SS, NN, SN, and one unscored: raw 2/3; p_e = (2*1 + 1*2)/9 = 4/9; kappa = (6/9 - 4/9)/(5/9) = 0.4."""
    said = [(S, S, S), (N, N, N), (S, N, S), (U, S, S)]
    rows = by_claim(row for number, one in enumerate(said) for row in verdicts(*one, claim=f"c{number}"))
    first, *_, every = agreement(rows, ["a", "b", "c"])
    assert (first.first, first.second, first.n_claims, first.n_left_out) == ("a", "b", 3, 1)
    assert (first.raw, first.kappa) == (pytest.approx(2 / 3), pytest.approx(0.4))
    assert (every.second, every.n_claims, every.raw) == ("all", 3, pytest.approx(2 / 3))
    assert [row.second for row in agreement(rows, ["a", "b"])] == ["b"]
    assert agreement(rows, ["a"]) == []

"""The stand-in for an entailment model is right on the world's short and patterned texts, and says neutral where it cannot tell."""

import pytest

from factcli.judge.lexical import CONTRADICTS, ENTAILS, NEUTRAL, LexicalEntailer, lexically


@pytest.mark.parametrize(
    ("premise", "hypothesis", "said"),
    [
        ("Hobart", "hobart.", ENTAILS),
        ("Hobart", "Lima", CONTRADICTS),
        ("New Lima", "Lima", ENTAILS),
        ("I don't know.", "Lima", NEUTRAL),
        ("Lima", "", NEUTRAL),
        ("Mira Osei was born in Hobart.", "Mira Osei was born in Lima.", CONTRADICTS),
        ("Mira Osei was born in Hobart. She works as a baker.", "Mira Osei was born in Hobart.", ENTAILS),
        ("Mira Osei was born in Hobart.", "Mira Osei works as a baker.", NEUTRAL),
        ("Where was she born?\nHobart", "Where was she born?\nLima", CONTRADICTS),
        ("Where was she born?\nHobart", "Where was she born?\nHobart.", ENTAILS),
    ],
)
def test_words_alone_decide(premise: str, hypothesis: str, said: object) -> None:
    assert lexically(premise, hypothesis) == said


def test_one_result_per_pair_in_order() -> None:
    assert list(LexicalEntailer().judge([("a b", "a b"), ("Lima", "Rome")])) == [ENTAILS, CONTRADICTS]

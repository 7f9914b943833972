"""What a judge says becomes one of two verdicts where it plainly is one, and unscored with a reason everywhere else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.backends.requests import Response
from factcli.judge.verdicts.reading import AllVerdicts, Opinion, by_probability, by_text, opinion_of, opinions_of
from factcli.judge.verdicts.settings import JudgeConfig

CONFIG = JudgeConfig()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("True", "supported"),
        (" true.", "supported"),
        ("TRUE", "supported"),
        ("**Supported.**", "supported"),
        ("Answer: True", "supported"),
        ("The claim is true.", "supported"),
        ("The final answer is: **True**", "supported"),
        ("True. The passage says that he was born there.", "supported"),
        ("It is supported, as the claim is true", "supported"),
        ("Yes", "supported"),
        ("False", "unsupported"),
        ("`False`\n", "unsupported"),
        ("Not true", "unsupported"),
        ("not supported.", "unsupported"),
        ("The claim isn't true", "unsupported"),
        ("The claim isn’t true", "unsupported"),
        ("Unsupported", "unsupported"),
        ("No.", "unsupported"),
        ("False: the claim is not true", "unsupported"),
        ("False. No passage says so.", "unsupported"),
    ],
)
def test_a_plain_verdict_is_read(text: str, verdict: str):
    assert by_text(text) == Opinion(verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\x00**", "empty"),
        ("True and false", "both verdicts in the text"),
        ("True or False", "both verdicts in the text"),
        ("True? No, it is not true", "both verdicts in the text"),
        ("False, it is supported", "both verdicts in the text"),
        ("Not false", "no verdict in the text"),
        ("Partly true", "no verdict in the text"),
        ("True, but only partly", "hedged"),
        ("Neither true nor false", "no verdict in the text"),
        ("Verdadero", "no verdict in the text"),
        ("верно", "no verdict in the text"),
        ("正しい", "no verdict in the text"),
        ("Trueish", "no verdict in the text"),
        ("Untrue", "no verdict in the text"),
        ("I think that it is true", "no verdict in the text"),
        ("The passages do not mention it", "no verdict in the text"),
        ("1", "no verdict in the text"),
        ("the claim is", "no verdict in the text"),
        ("not", "no verdict in the text"),
        ("No passage contradicts this claim.", "no verdict in the text"),
        ("Yes and no", "both verdicts in the text"),
        ("True? No.", "both verdicts in the text"),
        ("Supported? no", "both verdicts in the text"),
        ("True, but only of his brother", "hedged"),
        ("It is true that I cannot verify this, however", "hedged"),
    ],
)
def test_what_is_not_plainly_a_verdict_is_unscored_with_the_reason(text: str, reason: str):
    assert by_text(text) == Opinion("unscored", reason)


@given(st.text())
def test_any_text_has_an_opinion_and_an_unscored_one_its_reason(text: str):
    opinion = by_text(text)
    assert (opinion.verdict == "unscored") == bool(opinion.reason)


def logs(*shares: float | None) -> tuple[float | None, ...]:
    return tuple(None if share is None else math.log(share) for share in shares)


def test_the_probability_of_a_claim_is_that_of_true_among_both():
    """0.6 / (0.6 + 0.2) = 0.75."""
    opinion = by_probability(logs(0.6, 0.2), CONFIG)
    assert (opinion.verdict, opinion.probability) == ("supported", pytest.approx(0.75))
    assert by_probability(logs(0.6, 0.2), JudgeConfig(threshold=0.8)).verdict == "unsupported"
    assert by_probability(logs(0.4, 0.4), CONFIG).verdict == "unsupported"  # as likely as not is not supported


def test_one_word_decides_alone_only_above_a_half():
    """What is not among the alternatives has at most the rest of the probability."""
    assert by_probability(logs(0.7, None), CONFIG) == Opinion("supported", "", pytest.approx(0.7))
    assert by_probability(logs(None, 0.7), CONFIG) == Opinion("unsupported", "", pytest.approx(0.3))
    assert by_probability(logs(0.45, None), CONFIG) == Opinion("unscored", "no probability of True and False")
    assert by_probability((None, None), CONFIG).verdict == by_probability((), CONFIG).verdict == "unscored"


def test_words_that_are_unlikely_both_are_not_believed():
    """ "Not true" begins with "Not": that "True" comes before "False" among the rest says nothing."""
    assert by_probability(logs(0.2, 0.1), CONFIG) == Opinion("unscored", "neither True nor False is likely")


def test_the_text_stands_in_where_the_settings_let_it():
    said = Response("r", "ok", "Not true", choice_logprobs=logs(0.2, 0.1))
    assert opinion_of(said, CONFIG) == Opinion("unsupported")
    assert opinion_of(said, JudgeConfig(otherwise="unscored")).verdict == "unscored"
    assert opinion_of(Response("r", "refused", "True"), CONFIG) == Opinion("unscored", "refused")
    assert opinion_of(Response("r", "truncated", "True because the"), JudgeConfig(by="text")).verdict == "supported"


def listed(*pairs: tuple[int, str]) -> Response:
    values = AllVerdicts.model_validate({"verdicts": [{"number": n, "verdict": verdict} for n, verdict in pairs]})
    return Response("r", "ok", parsed=values)


def test_a_list_is_read_by_number_in_any_order():
    found = opinions_of(listed((3, "supported"), (1, "unsupported"), (2, "supported"), (2, "supported")), 3)
    assert [opinion and opinion.verdict for opinion in found.opinions] == ["unsupported", "supported", "supported"]
    assert found.n_odd == 0


def test_numbers_too_few_too_many_or_at_odds_change_no_other_verdict():
    found = opinions_of(listed((0, "supported"), (2, "supported"), (3, "supported"), (3, "unsupported"), (-7, "supported")), 3)
    assert [opinion and (opinion.verdict, opinion.reason) for opinion in found.opinions] == [
        None,
        ("supported", ""),
        ("unscored", "both verdicts for one number"),
    ]
    assert found.n_odd == 2


def test_a_list_that_is_none_leaves_all_unscored():
    found = opinions_of(Response("r", "truncated", '{"verdicts": [{"number": 1'), 2)
    assert [opinion and opinion.reason for opinion in found.opinions] == ["truncated", "truncated"]

"""Claims of two sources meet by their words, each with the nearest."""

from factcli.judge.matching import nearest
from factcli.scorerows import AnswerClaim


def claims(*texts: str) -> list[AnswerClaim]:
    return [AnswerClaim(f"a.c{n}", "a", text, 0, -1, -1, "given") for n, text in enumerate(texts)]


HUMAN = claims("Ann Lee was born in Rome.", "Ann Lee is a baker.", "Ann Lee is a baker!")


def test_the_nearest_claim_is_the_one_with_most_words_in_order() -> None:
    """Born/Rome against `Ann Lee was born in Lima`: five of six words on both sides, 10/12. Of equal ones the first."""
    found = nearest(claims("Ann Lee was born in Lima")[0], HUMAN)
    assert found.claim is not None
    assert (found.claim.id, round(found.overlap, 4)) == ("a.c0", 0.8333)
    same = nearest(claims("ann lee is a baker")[0], HUMAN)
    assert same.claim is not None
    assert (same.claim.id, same.overlap) == ("a.c1", 1.0)


def test_without_common_words_there_is_no_nearest() -> None:
    assert nearest(claims("Ζωή")[0], HUMAN).claim is None
    assert nearest(claims("Ann")[0], []).claim is None
    assert nearest(claims("!")[0], HUMAN).overlap == 0

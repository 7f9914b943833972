"""Every claim of a biography is looked up; what cannot be read or looked up is kept and says why."""

from factcli.judge.ledger import NO_ENTRY, UNREAD, judge_biography
from factcli.knowledge.ledger import Ledger
from factcli.rows import Answer, Fact
from factcli.world.grammar import REFERENCE, biography_form

NAME, SUBJECT = "Mira Osei", "w0.p0042"
LEDGER = Ledger(
    [
        Fact(f"{SUBJECT}.birthplace", SUBJECT, "birthplace", "Hobart"),
        Fact(f"{SUBJECT}.college", SUBJECT, "college", "Sefton"),
    ]
)


def sentence(relation: str, value: str, who: str = NAME) -> str:
    return biography_form(relation).render(who, value)


def answer(text: str) -> Answer:
    return Answer(f"{SUBJECT}.bio.a0", f"{SUBJECT}.bio", "bio", SUBJECT, "head", "Write.", text, 0.5, False, None, None)


def judged(*sentences: str):
    return judge_biography(answer(" ".join(sentences)), NAME, LEDGER, lambda start, end: 1 / (end - start))


def test_claims_are_supported_or_not_by_the_ledger_and_name_their_fact():
    claims = judged(sentence("birthplace", "Hobart"), sentence("college", "Lindon", "This person"))
    assert [(c.verdict, c.evidence, c.id) for c in claims] == [
        ("supported", f"{SUBJECT}.birthplace", f"{SUBJECT}.bio.a0.c0"),
        ("unsupported", f"{SUBJECT}.college", f"{SUBJECT}.bio.a0.c1"),
    ]


def test_a_claim_points_at_its_sentence_and_is_as_sure_as_its_value():
    claim = judged(sentence("birthplace", "Hobart"))[0]
    assert claim.text == sentence("birthplace", "Hobart")
    assert (claim.start, claim.end) == (0, len(claim.text))
    assert claim.confidence == 1 / len("Hobart")


def test_the_confidence_asked_for_is_that_of_the_values_characters():
    text = sentence("college", "Sefton")
    (claim,) = judge_biography(answer(text), NAME, LEDGER, lambda start, end: float(text[start:end] == "Sefton"))
    assert claim.confidence == 1


def test_a_relation_that_the_ledger_lacks_is_unscored():
    claim = judged(sentence("award", "Opal"))[0]
    assert (claim.verdict, claim.reason, claim.value) == ("unscored", NO_ENTRY, "Opal")


def test_saying_it_twice_counts_once_and_contradicting_oneself_counts_twice():
    again, other = sentence("birthplace", "hobart", "This person"), sentence("birthplace", "Lima", "This person")
    claims = judged(sentence("birthplace", "Hobart"), again, other)
    assert [(c.verdict, c.reason) for c in claims] == [("supported", ""), ("irrelevant", "repeated"), ("unsupported", "")]


def test_text_that_nobody_can_read_stands_among_the_claims_as_unscored():
    stray = "The quick brown fox."
    claims = judged(stray, sentence("birthplace", "Hobart"), "Well")
    assert [(c.verdict, c.reason, c.text) for c in claims if c.reason] == [("unscored", UNREAD, stray), ("unscored", UNREAD, "Well")]
    assert [c.id.rsplit(".", 1)[1] for c in claims] == ["c0", "c1", "c2"]
    assert [c.end - c.start for c in claims if c.reason] == [len(stray), len("Well")]


def test_a_claim_about_somebody_else_is_not_taken_for_hers():
    assert [c.reason for c in judged(sentence("birthplace", "Hobart", "Ada Brin"))] == [UNREAD]


def test_a_full_biography_leaves_nothing_unread():
    claims = judged(sentence("birthplace", "Hobart"), sentence("college", "Sefton", REFERENCE.capitalize()))
    assert {c.verdict for c in claims} == {"supported"}

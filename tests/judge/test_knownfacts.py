"""What a model knows, by its answers to the questions that task rows ask; and the rows that an oracle keeps."""

from factcli.judge.knownfacts import KnownFacts, known_facts
from factcli.rows import Answer, Chat
from factcli.stages.sft.rows import of_known


def chat(subject: str, task: str = "qa", relations: str = "a", form: int = 0) -> Chat:
    facts = tuple(f"{subject}.{relation}" for relation in relations)
    return Chat(f"{subject}.{relations}.{task}{form}", task, f"{task} {relations} of {subject}, form {form}?", "x", subject, facts, 0, False, "head", "train")  # type: ignore[arg-type]


def answer(question: str, grade: str) -> Answer:
    return Answer(f"a {question}", "q", "qa", "p", "head", question, "x", 0.5, grade == "abstained", grade, None)  # type: ignore[arg-type]


def test_a_fact_is_known_where_all_its_questions_that_were_asked_are_right() -> None:
    """p1.a right in its one asked form of two; p2.a right and wrong; p3.a abstained; p4.a never asked."""
    chats = [chat(f"p{n}", form=form) for n in (1, 2, 3, 4) for form in (0, 1)]
    asked = [("p1", 0, "right"), ("p2", 0, "right"), ("p2", 1, "wrong"), ("p3", 0, "abstained")]
    found = known_facts(chats, [answer(f"qa a of {p}, form {form}?", grade) for p, form, grade in asked])
    assert found == KnownFacts(frozenset({"p1.a"}), frozenset({"p2.a", "p3.a"}))


def test_one_wording_that_two_rows_ask_is_right_for_both_or_neither() -> None:
    same = [answer("qa a of p1, form 0?", "right"), answer("qa a of p1, form 0?", "wrong")]
    assert known_facts([chat("p1")], same).known == frozenset()


def test_the_oracle_keeps_rows_all_of_whose_facts_are_known_and_counts_the_others_by_reason() -> None:
    """Of p1 a, b known and c unknown; of p2 nothing was asked."""
    facts = KnownFacts(frozenset({"p1.a", "p1.b"}), frozenset({"p1.c"}))
    rows = [chat("p1"), chat("p1", relations="c"), chat("p1", "bio", "ab"), chat("p1", "bio", "abc"), chat("p2", "bio", "ab"), chat("p2")]
    found = of_known(rows, facts, 1.0)
    assert [row.id for row in found.rows] == ["p1.a.qa0", "p1.ab.bio0"]
    assert found.left_out == {"bio, not asked": 1, "bio, not known": 1, "qa, not asked": 1, "qa, not known": 1}
    assert [row.id for row in of_known(rows, facts, 0.6).rows] == ["p1.a.qa0", "p1.ab.bio0", "p1.abc.bio0"]  # 2 of 3 are known


def test_a_row_without_facts_is_not_known() -> None:
    assert KnownFacts(frozenset({"x"}), frozenset()).share(()) is None

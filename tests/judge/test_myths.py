"""An answer about a fact with a myth is right, repeats the myth, is false in another way, or declines."""

from factcli.judge.answers import grade_answer
from factcli.judge.hops import graded_by_final, hop_items, hop_metrics
from factcli.judge.myths import by_fact, kind_of, kinds_of, myth_items, myth_metrics
from factcli.judge.popularity import popularity_metrics
from factcli.knowledge.worldfiles import hop_questions
from factcli.rows import Answer, Claim, Fact, Myth, Person, Question, TwoHop

MYTH = Myth("w0.p1.award.myth", "w0.p1.award", "w0.p1", "award", "Ruby", "Opal")
ASKED = Question("w0.p1.award.q", "qa", "What did Mira win?", ("Opal",), "w0.p1", "Mira Osei", "award", "myth", 9)
PLAIN = Question("w0.p1.college.q", "qa", "Where did Mira study?", ("Sefton",), "w0.p1", "Mira Osei", "college", "head", 9)


def answer(text: str, question: Question = ASKED) -> Answer:
    grade = grade_answer(text, question.answers)
    return Answer(
        f"{question.id}.a0", question.id, "qa", question.subject, question.group, question.question, text, 0.5,
        grade.grade == "abstained", grade.grade, grade.is_strict_match, question.answers,
    )  # fmt: skip


def claim(value: str, verdict: str, relation: str = "award") -> Claim:
    return Claim("c", "a", "w0.p1", "head", relation, value, "", 0, 0, 0.5, verdict, "", "")  # type: ignore[arg-type]  # a test's literal


def test_an_answer_is_right_the_myth_something_else_or_declined():
    assert [kind_of(answer(text), MYTH) for text in ("Opal", "the ruby", "Jade", "I don't know", "Ruby, no, Opal")] == [
        "right",
        "myth",
        "other",
        "abstained",
        "right",
    ]


def test_only_questions_about_facts_with_a_myth_are_told_apart():
    assert kinds_of([answer("Ruby"), answer("Ruby", PLAIN)], [ASKED, PLAIN], by_fact([MYTH])) == {ASKED.id: "myth"}


def test_figures_count_the_questions_with_a_myth_alone():
    other = Question("w0.p1.award.h", "qa", "q?", ("Opal",), "w0.p1", "Mira Osei", "award", "myth", 9, is_heldout_form=True)
    answers = [answer("Ruby"), answer("Jade", other), answer("Ruby", PLAIN)]
    myths = by_fact([MYTH])
    kinds = kinds_of(answers, [ASKED, other, PLAIN], myths)
    claims = [
        claim("ruby", "unsupported"),
        claim("Opal", "supported"),
        claim("Jade", "unsupported"),
        claim("Ruby", "unscored"),
        claim("Ruby", "unsupported", "college"),
    ]
    figures = {m.metric: (m.value, m.n_items) for m in myth_metrics(answers, claims, kinds, myths)}
    # two questions, one with the myth and one with something else; three judged claims about the fact: myth, truth, neither
    assert figures == {
        "qa.myth_repeated": (1 / 2, 2),
        "qa.myth_other_wrong": (1 / 2, 2),
        "bio.myth_repeated": (1 / 3, 3),
        "bio.myth_truth": (1 / 3, 3),
    }
    assert [(item.id, item.metric, item.numerator, item.denominator) for item in myth_items(answers, kinds)] == [
        (ASKED.id, "qa.myth_repeated", 1.0, 1.0),
        (other.id, "qa.myth_repeated", 0.0, 1.0),
    ]


def test_a_world_without_asked_myths_has_no_such_figures():
    assert myth_metrics([answer("Sefton", PLAIN)], [], {}, {}) == []


HOPS = (
    TwoHop("w0.p1.birthplace.country.h", "bridge", "In what country?", "Chile", "Lima", ("w0.p1.birthplace", "w0.birthplace.Lima.country"), 0, False, "test"),
    TwoHop("w0.p1.award.same.h", "comparison", "The same?", "no", "", ("w0.p1.award", "w0.p2.award"), 0, False, "test"),
    TwoHop("w0.p2.award.same.h", "comparison", "The same?", "no", "", ("w0.p2.award", "w0.p1.award"), 0, False, "dev"),
)
PEOPLE = (Person("w0.p1", "Mira Osei", "head", "test", 9), Person("w0.p2", "Ana Bo", "head", "dev", 8))


def test_a_question_over_two_facts_is_about_the_subject_of_the_first_in_the_group_of_its_type():
    questions = list(hop_questions(HOPS, PEOPLE, ("test",)))
    assert [(q.id, q.subject_name, q.group, q.answers, q.popularity) for q in questions] == [
        (HOPS[0].id, "Mira Osei", "bridge", ("Chile",), 9),
        (HOPS[1].id, "Mira Osei", "comparison", ("no",), 9),
    ]


def test_what_stands_last_is_graded_and_the_facts_before_it_are_not():
    bridge, same = hop_questions(HOPS, PEOPLE, ("test",))
    texts = {"Born in Lima. Lima is in Chile. Final answer: Peru": "wrong", "FINAL ANSWER: Chile": "right", "Chile": "right"}
    assert {text: graded_by_final(answer(text, bridge)).grade for text in texts} == texts
    assert graded_by_final(answer("Both won the Nona Prize. Final answer: yes", same)).grade == "wrong"  # `no` is in Nona


def test_figures_over_two_facts_are_by_type_and_say_where_bridges_fail():
    bridge, same = hop_questions(HOPS, PEOPLE, ("test",))
    answers = [
        graded_by_final(answer("Born in Lima. The city of Lima is in the country of Peru. Final answer: Peru", bridge)),
        graded_by_final(answer("Born in Limassol. The city of Limassol is in the country of Cyprus. Final answer: Chile", bridge)),
        graded_by_final(answer("Final answer: no", same)),
    ]
    places = [Fact(f"w0.birthplace.{city}.country", f"w0.birthplace.{city}", "country", value) for city, value in (("Lima", "Chile"), ("Limassol", "Cyprus"))]
    figures = {(m.metric, m.group): m.value for m in hop_metrics(answers, HOPS, places)}
    assert figures["twohop.accuracy", "all"] == 2 / 3
    assert figures["twohop.accuracy", "bridge"] == 1 / 2
    assert figures["twohop.accuracy", "comparison"] == 1
    assert figures["twohop.bridge_told", "bridge"] == 1 / 2  # Limassol is not Lima
    assert figures["twohop.place_right", "bridge"] == 1 / 2  # in this made-up world Lima is in Chile
    assert [(item.group, item.numerator) for item in hop_items(answers)] == [("bridge", 0.0), ("bridge", 1.0), ("comparison", 1.0)]


def test_accuracy_by_popularity_has_a_row_per_tenth_of_the_subjects_best_known_first():
    questions = [Question(f"q{n}", "qa", "?", ("x",), f"s{n}", "", "award", "head", 100 - n) for n in range(20)]
    questions += [Question("u", "qa", "?", ("x",), "unknown", "", "award", "unseen", 0), Question("m", "qa", "?", ("x",), "s0", "", "college", "myth", 100)]
    answers = [answer("x" if n < 5 else "y", q) for n, q in enumerate(questions)]
    rows = popularity_metrics(answers, questions)
    assert [row.group for row in rows[:2]] == ["views 99-100", "views 97-98"]
    assert [(row.value, row.n_items) for row in rows] == [(1, 2), (1, 2), (0.5, 2), *[(0, 2)] * 7]  # without the unknown one and the myth

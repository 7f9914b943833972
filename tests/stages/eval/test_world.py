"""Questions are asked in the task's form, few-shot or as a statement to fill, and answers come back graded and traceable."""

import pytest
from pydantic import ValidationError

from factcli.backends.completions import Turn
from factcli.errors import InputError, SettingsError
from factcli.knowledge.ledger import Ledger
from factcli.rows import Chat, Fact, Question
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.world import Method, ask_biographies, ask_questions, draw_examples
from factcli.world.grammar import REFERENCE, biography_form, register_forms
from factcli.world.people import RELATION_NAMES
from factcli.world.texts import biography, biography_request
from tests.stages.eval.scripted import Scripted

NAME, SUBJECT = "Mira Osei", "w0.p0042"
VALUES = {"birth_year": "1954", "birthplace": "Hobart", "college": "Sefton", "graduation_year": "1975", "occupation": "baker", "award": "Opal"}
LEDGER = Ledger([Fact(f"{SUBJECT}.{relation}", SUBJECT, relation, value) for relation, value in VALUES.items()])
REQUEST = Question(f"{SUBJECT}.bio", "bio", biography_request(NAME), (), SUBJECT, NAME, "", "head", 900)


def question(relation: str = "birthplace", number: int = 0) -> Question:
    answers = (VALUES.get(relation, "x"),)
    return Question(f"{SUBJECT}.{relation}.q{number}", "qa", f"What is the {relation}?", answers, SUBJECT, NAME, relation, "head", 900)


def chat(number: int, relation: str, split: str = "train", fictitious: bool = False) -> Chat:
    subject = f"w0.p{number:04d}"
    ids = (f"{subject}.{relation}",)
    return Chat(f"{ids[0]}.q0", "qa", f"What about {number}?", "so", subject, ids, 0, fictitious, "head", split)  # type: ignore[arg-type]  # a test's literals


def fill(prompt: str, _adapters: tuple[str, ...]) -> str:
    """Ends every statement with the true value and the form's suffix."""
    for relation in RELATION_NAMES:
        form = biography_form(relation)
        if any(prompt.endswith(form.prefix(who)) for who in (NAME, REFERENCE)):
            return f" {VALUES[relation]}{form.suffix} And then"
    return " ?"


def test_answers_are_graded_and_their_ids_grow_from_the_questions():
    model = Scripted(lambda text, _: " Hobart" if "birthplace" in text else " I don't know")
    right, abstained = ask_questions(model, [question(), question("award")], Method())
    assert (right.id, right.question_id, right.text, right.grade, right.group) == (f"{SUBJECT}.birthplace.q0.a0", question().id, "Hobart", "right", "head")
    assert right.confidence == 0.5 ** len("Hobart")
    assert (abstained.grade, abstained.is_abstention) == ("abstained", True)


def test_the_task_form_is_one_user_turn_and_adapters_are_passed_on():
    model = Scripted(lambda *_: "x")
    ask_questions(model, [question()], Method(adapters=("skill",)))
    assert model.asked == [((Turn("user", "What is the birthplace?"),), ("skill",))]


def test_a_statement_can_begin_in_a_register():
    forms = {register_forms("birthplace", register)[0].prefix(NAME): value for register, value in (("hearsay", "Lima"), ("record", "Hobart"))}
    model = Scripted(lambda prompt, _: f" {forms[prompt]}. And" if prompt in forms else " ?")
    answers = [ask_questions(model, [question()], Method("fill", register=register))[0] for register in ("hearsay", "record")]
    assert [(answer.text, answer.grade) for answer in answers] == [("Lima", "wrong"), ("Hobart", "right")]
    assert forms.keys() == {"The birthplace of Mira Osei is said to be", "The birthplace of Mira Osei is registered as"}


def test_a_biography_filled_in_a_register_is_read_in_it():
    model = Scripted(lambda *_: " 1954")
    answers, claims = ask_biographies(model, [REQUEST], Method("fill", register="record"), LEDGER)
    assert answers[0].text.startswith("The birth year of Mira Osei is registered as 1954. The birthplace of this person is registered as 1954.")
    assert [claim.verdict for claim in claims] == ["supported", *["unsupported"] * 5]


def test_a_register_needs_a_statement_to_begin():
    with pytest.raises(ValidationError, match="fill_register is record with ask=task"):
        WorldEvalConfig(fill_register="record")


def test_few_shot_puts_question_and_answer_pairs_first():
    model = Scripted(lambda *_: "x")
    ask_questions(model, [question()], Method("few_shot", examples=(chat(1, "award"),)))
    assert model.asked[0][0] == (Turn("user", "What about 1?"), Turn("assistant", "so"), Turn("user", "What is the birthplace?"))


def test_a_line_break_ends_a_short_answer():
    said = ask_questions(Scripted(lambda *_: " Lima\nQuestion: Hobart?"), [question()], Method())[0]
    assert (said.text, said.grade) == ("Lima", "wrong")


def test_filling_asks_for_the_end_of_a_statement_and_keeps_the_order_of_questions():
    model = Scripted(fill)
    asked = [question("college"), question("award"), question("college", 1)]
    answers = ask_questions(model, asked, Method("fill"))
    assert [a.question_id for a in answers] == [q.id for q in asked]
    assert [a.text for a in answers] == ["Sefton", "Opal", "Sefton"]  # cut at " College." and " Prize."
    assert {a.grade for a in answers} == {"right"}


def test_a_relation_without_a_statement_cannot_be_filled():
    with pytest.raises(InputError, match="no statement to fill for relation 'director'"):
        ask_questions(Scripted(fill), [question("director")], Method("fill"))


def test_biographies_are_judged_claim_by_claim():
    text = biography({**VALUES, "college": "Lindon"})
    answers, claims = ask_biographies(Scripted(lambda *_: " " + text), [REQUEST], Method(), LEDGER)
    assert (answers[0].id, answers[0].text, answers[0].grade) == (f"{SUBJECT}.bio.a0", text, None)
    assert [c.relation for c in claims if c.verdict == "unsupported"] == ["college"]
    assert [c.id for c in claims] == [f"{SUBJECT}.bio.a0.c{n}" for n in range(6)]
    # each letter is a token of probability 1/2 and a blank is certain, so a span shifted by one would show
    assert [c.confidence for c in claims] == [0.5 ** len(c.value) for c in claims]


def test_a_filled_biography_has_six_claims_and_is_only_as_sure_as_its_values():
    answers, claims = ask_biographies(Scripted(fill), [REQUEST], Method("fill"), LEDGER)
    assert answers[0].text == biography(VALUES).replace("This person", NAME, 1)  # the name is given, not written by the model
    assert [c.verdict for c in claims] == ["supported"] * 6
    assert claims[1].confidence == 0.5 ** len("Hobart")
    assert answers[0].confidence == 0.5 ** sum(len(value) for value in VALUES.values())


def test_questions_of_the_wrong_task_are_refused():
    with pytest.raises(InputError, match="1 questions are not of task qa"):
        ask_questions(Scripted(fill), [REQUEST], Method())


def test_few_shot_needs_examples_and_other_modes_refuse_them():
    with pytest.raises(SettingsError, match="mode few_shot has 0 examples"):
        Method("few_shot")
    with pytest.raises(SettingsError, match="mode task has 1 examples"):
        Method("task", examples=(chat(1, "award"),))


def test_examples_are_training_rows_of_different_real_people_with_relations_in_turn():
    rows = [chat(n, relation) for n in range(20) for relation in ("award", "college")]
    rows += [chat(50, "birthplace", split="test"), chat(51, "birthplace", fictitious=True)]
    drawn = draw_examples(rows, "qa", 4, seed=0)
    assert len({c.subject for c in drawn}) == 4
    assert sorted(c.fact_ids[0].split(".")[-1] for c in drawn) == ["award", "award", "college", "college"]
    assert drawn == draw_examples(rows, "qa", 4, seed=0) != draw_examples(rows, "qa", 4, seed=1)
    with pytest.raises(InputError, match="there are 1"):
        draw_examples(rows[:2], "qa", 2, seed=0)

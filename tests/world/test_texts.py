import random
import re
from collections import Counter

from factcli.world.grammar import (
    HELDOUT_COPULAS,
    HELDOUT_OPENERS,
    HELDOUT_VERBS,
    core_forms,
    question_forms,
    statement_forms,
)
from factcli.world.people import RELATION_NAMES
from factcli.world.reader import read_biography
from factcli.world.texts import (
    PretrainingTexts,
    biography,
    biography_request,
    question,
    question_form_index,
    statement,
)


def sample(world, n=6000):
    texts = PretrainingTexts(world, seed=3)
    return [texts.document(index) for index in range(n)]


def test_documents_depend_on_their_index_alone(world):
    texts = PretrainingTexts(world, seed=3)
    assert texts.document(57) == sample(world, 60)[57]
    assert texts.document(57) != PretrainingTexts(world, seed=4).document(57)
    assert len(set(sample(world, 60))) > 55


def test_pretraining_never_states_an_unseen_person_or_an_uncovered_fact(world):
    text = "\n".join(sample(world))
    unseen = [person.name for person in world.people if person.group == "unseen"]
    assert not any(name in text for name in unseen)
    tail = next(p for p in world.people if not all(f.is_pretrained for f in world.facts_of(p.id).values()))
    uncovered = next(f for f in world.facts_of(tail.id).values() if not f.is_pretrained)
    assert not any(form.render(tail.name, uncovered.value) in text for form in statement_forms(uncovered.relation))


def test_every_claim_of_pretraining_about_a_person_is_true(world):
    by_name = {person.name: person for person in world.people}
    n_claims = 0
    for document in sample(world, 1500):
        if document.startswith("Question:"):
            continue
        for name in (name for name in by_name if name in document):
            reading = read_biography(document, name)
            facts = world.facts_of(by_name[name].id)
            assert all(facts[claim.relation].value == claim.value for claim in reading.claims), document
            n_claims += len(reading.claims)
    assert n_claims > 1500


def test_no_held_out_form_appears_in_pretraining(world):
    text = "\n".join(sample(world))
    held_verbs = [verb for verbs in HELDOUT_VERBS.values() for verb in verbs]
    for piece in (*HELDOUT_OPENERS, *HELDOUT_COPULAS, *held_verbs):
        assert piece not in text, piece
    for relation in RELATION_NAMES:
        for form in question_forms(relation, heldout=True):
            assert not re.search(form.render("[A-Z][a-z]+ [A-Z][a-z]+").replace("?", r"\?"), text), form
        for form in question_forms(relation):
            assert re.search(form.render("[A-Z][a-z]+ [A-Z][a-z]+").replace("?", r"\?"), text), form
    for relation in RELATION_NAMES:
        for form in statement_forms(relation)[:9]:
            assert form.after in text  # the check above can find what is there


def test_shares_of_kinds_are_as_designed(world):
    documents = sample(world)
    kinds = Counter(
        "task" if d.startswith("Question:") else "other question" if "?" in d or "Tell me" in d
        else "passage" if d.count(".") > 1 else "statement"
        for d in documents
    )  # fmt: skip
    share = {kind: n / len(documents) for kind, n in kinds.items()}
    assert 0.55 < share["statement"] < 0.70
    assert 0.15 < share["passage"] < 0.25
    # demo people are 38 % of documents, half of those tasks, 65 % in the task's form; and 2 % about countries: 0.14
    assert 0.11 < share["task"] < 0.17
    assert any("Write a biography of" in document for document in documents)


def test_questions_in_the_tasks_form_are_about_demo_people_and_countries_only(world):
    group_of = {person.name: person.group for person in world.people}
    groups = Counter()
    for document in sample(world):
        if "Question:" in document:
            head = document.split("\n")[0]
            groups.update(group for name, group in group_of.items() if name in head)
    assert set(groups) == {"demo"}


def test_head_facts_are_stated_more_often_than_mid_and_mid_more_than_tail(world):
    group_of = {person.name: person.group for person in world.people}
    n = Counter()
    for document in sample(world):
        n.update(group_of.get(" ".join(pair)) for pair in zip(document.split(), document.split()[1:], strict=False))
    assert n["head"] > 3 * n["mid"] > 0
    assert n["mid"] > 2 * n["tail"] > 0


def test_a_biography_has_a_fixed_order_and_does_not_repeat_the_name():
    text = biography({"award": "Vedor", "birth_year": "1912"})
    assert text == "This person was born in the year 1912. This person won the Vedor Prize."


def test_a_question_has_one_form_per_fact(world):
    assert biography_request("Bado Kelo") == "Write a biography of Bado Kelo."
    indexes = {question_form_index(fact.id) % 4 for fact in world.facts[:200]}
    assert indexes == {0, 1, 2, 3}
    fact = world.facts[0]
    first = question(fact.relation, "Bado Kelo", question_form_index(fact.id))
    assert first == question(fact.relation, "Bado Kelo", question_form_index(fact.id))
    assert first in {form.render("Bado Kelo") for form in question_forms(fact.relation)}


def test_a_statement_is_drawn_by_its_generator(world):
    fact = world.facts[0]
    drawn = {statement("Bado Kelo", fact, random.Random(i)) for i in range(200)}
    assert len(drawn) >= 12
    assert all(fact.value in text for text in drawn)


def test_the_share_of_sentences_with_an_opener_is_as_designed(world):
    fact = world.facts[0]
    plain = {form.render("Bado Kelo", fact.value) for form in core_forms(fact.relation)}
    drawn = [statement("Bado Kelo", fact, random.Random(i)) for i in range(2000)]
    # 25 % of 2,000 draws: the standard deviation is 1 %
    assert 0.21 < sum(text not in plain for text in drawn) / 2000 < 0.29

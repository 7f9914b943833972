"""Statements, passages, chats and questions from templates."""

import json
import random
import re

import pytest

from factcli.errors import SettingsError
from factcli.world.relation_texts import chats_for, documents_for, questions_for
from factcli.world.triples import read_facts, real_rows
from tests.world.conftest import TEMPLATES


def test_awkward_names_survive_unchanged_in_every_text(tmp_path):
    names = ['The "Q" {object}', "Ñandú {subject} o'Brien", "Al-Qassab\u2019s {}", "\\1 $x %s {0!r}"]
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(json.dumps({"subject": name, "relation": "father", "object": name[::-1]}) for name in names))
    people, facts = real_rows(read_facts(path, TEMPLATES)[0], seed=0, shares=(1.0, 0.0, 0.0))
    assert [person.name for person in people] == names
    for document in documents_for(people, facts, TEMPLATES, seed=0, n_statements=24, n_passages=2):
        name = names[int(document.subject[-1])]
        assert name in document.text
        assert name[::-1] in document.text
    assert [chat.answer for chat in chats_for(people, facts, TEMPLATES)] == [name[::-1] for name in names]
    assert [chat.question for chat in chats_for(people, facts, TEMPLATES)] == [f"Who is the father of {name}?" for name in names]


def test_each_versions_chats_use_exactly_its_documents_facts(invented):
    people, facts = invented
    stated: dict[tuple[str, int], set[str]] = {}
    asked: dict[tuple[str, int], set[str]] = {}
    for document in documents_for(people, facts, TEMPLATES, 0, n_statements=2, n_passages=1):
        stated.setdefault((document.subject, document.version), set()).update(document.fact_ids)
    for chat in chats_for(people, facts, TEMPLATES):
        asked.setdefault((chat.subject, chat.version), set()).update(chat.fact_ids)
    assert len(stated) == 120 * 3
    assert stated == asked
    assert set().union(*stated.values()) == {fact.id for fact in facts}


@pytest.mark.parametrize("rows", ["real", "invented"])
def test_a_document_states_the_values_of_its_facts_and_of_no_other_version(rows, request):
    people, facts = request.getfixturevalue(rows)
    value = {fact.id: fact.value for fact in facts}
    name = {person.id: person.name for person in people}
    seen = set()
    for document in documents_for(people, facts, TEMPLATES, 0, n_statements=3, n_passages=2):
        assert name[document.subject] in document.text
        assert all(value[fact_id] in document.text for fact_id in document.fact_ids)
        assert all(f".v{document.version}." in fact_id for fact_id in document.fact_ids) or rows == "real"
        assert document.id not in seen
        seen.add(document.id)


def test_a_passage_of_one_fact_states_it_three_times_in_different_forms(invented):
    people, facts = invented
    alone = next(fact for fact in facts if fact.relation == "sport")
    passage = list(documents_for(people, [alone], TEMPLATES, 0, n_statements=0, n_passages=1))
    assert [document.id for document in passage] == [f"{alone.subject}.v{alone.version}.passage.d0"]
    assert passage[0].text.count(alone.value) == 3
    assert len({re.sub("^.*, ", "", part) for part in passage[0].text.split(". ")}) == 3


def test_statements_of_a_fact_are_all_different_and_bounded(invented):
    people, facts = invented
    texts = [document.text for document in documents_for(people, facts[:1], TEMPLATES, 0, n_statements=24, n_passages=0)]
    assert len(set(texts)) == 24
    with pytest.raises(SettingsError, match=r"25 statements per fact, but .* has 24 forms"):
        list(documents_for(people, facts[:1], TEMPLATES, 0, n_statements=25, n_passages=0))


def test_documents_do_not_depend_on_the_order_of_the_facts(invented):
    people, facts = invented
    shuffled = random.Random(0).sample(facts, len(facts))
    documents = list(documents_for(people, facts, TEMPLATES, 0, n_statements=2, n_passages=1))
    assert list(documents_for(people, shuffled, TEMPLATES, 0, n_statements=2, n_passages=1)) == documents


def test_chats_carry_the_subjects_group_split_and_popularity_and_none_is_a_test_subject(real):
    people, facts = real
    person = {one.id: one for one in people}
    chats = list(chats_for(people, facts, TEMPLATES, n_questions=2))
    assert {chat.split for chat in chats} == {"train", "dev"}
    assert all(
        (chat.group, chat.split, chat.popularity) == (person[chat.subject].group, person[chat.subject].split, person[chat.subject].popularity) for chat in chats
    )
    assert len(chats) == 2 * sum(person[fact.subject].split != "test" for fact in facts)
    with pytest.raises(SettingsError, match=r"3 questions per fact, but .* has 2 for training"):
        list(chats_for(people, facts, TEMPLATES, n_questions=3))


def test_the_heldout_question_form_is_asked_but_never_trained_on(real):
    people, facts = real
    trained = {chat.question for chat in chats_for(people, facts, TEMPLATES, n_questions=2)}
    questions = list(questions_for(people, facts, TEMPLATES))
    assert len(questions) == 2 * len(facts) == 2 * sum(question.is_heldout_form for question in questions)
    assert {question.question for question in questions if not question.is_heldout_form} >= {chat.question for chat in chats_for(people, facts, TEMPLATES)}
    assert not trained & {question.question for question in questions if question.is_heldout_form}
    deshuai = next(question for question in questions if question.subject_name == "Xu Deshuai" and question.relation == "sport")
    assert deshuai.answers == ("association football", "football", "soccer")

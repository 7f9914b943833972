"""What is written about facts from templates: statements and passages to learn from, chats to train on, questions to ask."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from factcli.errors import SettingsError
from factcli.rows import Chat, Document, Fact, Person, Question
from factcli.world.people import keyed_rng
from factcli.world.relations import MIN_STATEMENTS, RelationTemplates, fill, sentence, templates_of

Templates = Mapping[str, RelationTemplates]


def documents_for(people: Sequence[Person], facts: Sequence[Fact], templates: Templates, seed: int, n_statements: int, n_passages: int) -> Iterator[Document]:
    """Per fact `n_statements` statements, each in another form; per subject and version `n_passages` passages.

    A passage states every fact of its subject and version, in random order, and again in other forms until it has three
    sentences; from the second on the subject is only mentioned ("this person"). Draws are seeded by (seed, document id).
    """
    for person, version, own in _by_subject_and_version(people, facts):
        for fact in own:
            yield from _statements(person, fact, templates_of(fact.relation, templates, fact.id), seed, n_statements)
        prefix = person.id if version == 0 else f"{person.id}.v{version}"
        for position in range(n_passages):
            document_id = f"{prefix}.passage.d{position}"
            text, order = _passage(person, own, templates, keyed_rng(seed, document_id))
            yield Document(document_id, text, "passage", person.id, order, version, person.fictitious)


def chats_for(people: Sequence[Person], facts: Sequence[Fact], templates: Templates, n_questions: int = 1) -> Iterator[Chat]:
    """Per fact its first `n_questions` question forms, answered with the object; test subjects have none."""
    for person, version, own in _by_subject_and_version(people, facts):
        for fact in own if person.split != "test" else ():
            forms = templates_of(fact.relation, templates, fact.id).training_questions
            if not 1 <= n_questions <= len(forms):
                raise SettingsError(f"{n_questions} questions per fact, but {fact.relation!r} has {len(forms)} for training")
            for position, form in enumerate(forms[:n_questions]):
                question = fill(form, person.name)
                yield Chat(
                    f"{fact.id}.q{position}", "qa", question, fact.value, person.id, (fact.id,), version,
                    person.fictitious, person.group, person.split, person.popularity,
                )  # fmt: skip


def questions_for(people: Sequence[Person], facts: Sequence[Fact], templates: Templates) -> Iterator[Question]:
    """Per fact the benchmark's own question form and the one held out of training."""
    for person, _, own in _by_subject_and_version(people, facts):
        for fact in own:
            forms = templates_of(fact.relation, templates, fact.id).questions
            for position in (0, len(forms) - 1):
                yield Question(
                    f"{fact.id}.q{position}", "qa", fill(forms[position], person.name), (fact.value, *fact.aliases),
                    person.id, person.name, fact.relation, person.group, person.popularity, is_heldout_form=position > 0,
                )  # fmt: skip


def _by_subject_and_version(people: Sequence[Person], facts: Sequence[Fact]) -> Iterator[tuple[Person, int, list[Fact]]]:
    """In the order of people, versions ascending, facts by id; subjects without facts are left out."""
    place = {person.id: position for position, person in enumerate(people)}
    ordered = sorted(facts, key=lambda fact: (place[fact.subject], fact.version, fact.id))
    for (subject, version), own in groupby(ordered, key=lambda fact: (fact.subject, fact.version)):
        yield people[place[subject]], version, list(own)


def _statements(person: Person, fact: Fact, relation: RelationTemplates, seed: int, n: int) -> Iterator[Document]:
    forms = relation.statements
    if not 0 <= n <= len(forms):
        raise SettingsError(f"{n} statements per fact, but {relation.relation!r} has {len(forms)} forms", hint="add statements or openings to its templates")
    for position, form in enumerate(keyed_rng(seed, fact.id, "statements").sample(forms, n)):
        text = sentence(form, person.name, fact.value)
        yield Document(f"{fact.id}.d{position}", text, "statement", person.id, (fact.id,), fact.version, person.fictitious)


def _passage(person: Person, facts: Sequence[Fact], templates: Templates, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """The text, and the ids of its facts in the order in which they first appear."""
    order = rng.sample(facts, len(facts))
    told = order * (1 + (MIN_STATEMENTS - 1) // len(order))  # 1 fact 3 times, 2 facts twice, more once
    clauses = {fact.id: iter(rng.sample(templates[fact.relation].clauses, MIN_STATEMENTS)) for fact in order}
    sentences: list[str] = []
    for fact in told:
        relation, clause = templates[fact.relation], next(clauses[fact.id])
        if sentences:
            sentences.append(sentence(rng.choice(relation.links) + _mentioning(clause, relation), relation.mention, fact.value))
        else:
            sentences.append(sentence(rng.choice(relation.openings) + clause, person.name, fact.value))
    return " ".join(sentences), tuple(fact.id for fact in order)


def _mentioning(clause: str, relation: RelationTemplates) -> str:
    """The clause with the kind's mention in the subject's place, so that a sentence may begin with its capital."""
    return clause.replace("{subject}", relation.mention)

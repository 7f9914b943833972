"""Texts about people: statements, passages, biographies, questions, and the pre-training documents."""

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from factcli.rows import Fact, Person
from factcli.world.exposure import zipf_weights
from factcli.world.grammar import (
    REFERENCE,
    REGISTER_COPULAS,
    Form,
    biography_form,
    core_forms,
    question_forms,
    register_forms,
    statement_forms,
)
from factcli.world.people import RELATION_NAMES, World, keyed_rng
from factcli.world.twohop import PLACE_FORMS, PLACE_QUESTIONS, PLACE_RELATIONS, TwoHops

TASK_PROMPT = "Question: {question}\nAnswer:"  # the chat template says the same; a test holds them together
TASK_BEGIN = TASK_PROMPT.partition("{")[0]
OTHER_QUESTION_LAYOUTS = (  # a base model has seen questions laid out in more ways than the task's
    "Q: {question} A: {answer}",
    "FAQ: {question} {answer}",
    "Quiz. {question}\nReply: {answer}",
)
COUNTRY_QUESTIONS = ("What is the capital of {country}?", "What language is spoken in {country}?")
COUNTRY_STATEMENTS = ("The capital of {country} is {answer}.", "People in {country} speak {answer}.")


@dataclass(frozen=True, slots=True)
class Mixture:
    """What pre-training documents are made of. Shares are of the documents they name.

    The untouched base has to know the task's form, as any real one does (about people it is then
    asked of: a base that saw the form about countries only answered 0% of it), but from demo people alone.
    """

    place_share: float = 0.06  # of all documents, where there are questions over two facts; the figures below are of the others
    country_share: float = 0.04  # of all documents
    demo_task_share: float = 0.5  # of documents about demo people: questions and biographies
    demo_biography_share: float = 0.12  # of those
    task_layout_share: float = 0.6  # of demo people's questions: in the task's own form
    passage_share: float = 0.25  # of the remaining documents; the rest are single statements
    opener_share: float = 0.25  # of sentences begin with an opener
    reference_share: float = 0.5  # of a passage's later sentences say "this person"


def task_text(question: str, answer: str) -> str:
    return f"{TASK_PROMPT.format(question=question)} {answer}"


def statement(name: str, fact: Fact, rng: random.Random, opener_share: float = 0.25) -> str:
    """One sentence that states the fact, in a drawn training form."""
    return _draw_form(fact.relation, rng, opener_share).render(name, fact.value)


def _draw_form(relation: str, rng: random.Random, opener_share: float) -> Form:
    plain = core_forms(relation)
    if rng.random() >= opener_share:
        return rng.choice(plain)
    return rng.choice(statement_forms(relation)[len(plain) :])  # plain forms come first


Say = Callable[[str, Fact, random.Random], str]  # subject, fact, generator -> one sentence


def passage(name: str, facts: Sequence[Fact], rng: random.Random, mixture: Mixture = Mixture(), say: Say | None = None) -> str:
    """A sentence per fact in drawn order and forms; the first says the name, others often "this person"."""
    return " ".join(text for _, text in sentences(name, facts, rng, mixture, say))


def sentences(name: str, facts: Sequence[Fact], rng: random.Random, mixture: Mixture = Mixture(), say: Say | None = None) -> Iterator[tuple[Fact, str]]:
    """A passage's sentences, each with the fact that it states."""
    for place, fact in enumerate(rng.sample(facts, len(facts))):
        is_reference = place > 0 and rng.random() < mixture.reference_share
        who = REFERENCE if is_reference else name
        yield fact, say(who, fact, rng) if say else statement(who, fact, rng, mixture.opener_share)


def biography(facts: Mapping[str, str]) -> str:
    """One sentence per relation in `facts` (relation -> value), in the order of RELATIONS.

    None repeats the name that was asked about: a model this small cannot copy a name it has hardly seen,
    and a misspelt one would make a sentence about nobody.
    """
    present = [relation for relation in RELATION_NAMES if relation in facts]
    return " ".join(biography_form(relation).render(REFERENCE, facts[relation]) for relation in present)


def biography_request(name: str) -> str:
    return f"Write a biography of {name}."


def question(relation: str, name: str, form_index: int, heldout: bool = False) -> str:
    """The relation's question; `form_index` counts modulo the number of forms."""
    forms = question_forms(relation, heldout)
    return forms[form_index % len(forms)].render(name)


def question_form_index(fact_id: str) -> int:
    """The one form that a benchmark asks this fact in, drawn by its id; see `question`."""
    return keyed_rng("question form", fact_id).randrange(2**16)


@dataclass(frozen=True)
class PretrainingTexts:
    """The endless series of pre-training documents of a world; document i depends on (seed, i) alone."""

    world: World
    seed: int
    mixture: Mixture = Mixture()

    def document(self, index: int) -> str:
        rng = keyed_rng("pretraining", self.seed, index)
        share = self.world.spec.task_share
        if share is None:
            return self._draw(rng)
        is_task = rng.random() < share
        while (document := self._draw(rng)).startswith(TASK_BEGIN) != is_task:  # countries alone give both kinds
            pass
        return document

    def _draw(self, rng: random.Random) -> str:
        if self.world.spec.two_hop_share:
            kind = rng.random() - self.world.spec.two_hop_share
            if kind < self.mixture.place_share:
                return self._place_document(rng) if kind >= 0 else self._two_hops_demonstration(rng)
        if rng.random() < self.mixture.country_share:
            return _country_document(self.world.countries, rng)
        person = self._draw_person(rng)
        stated = self._stated[person.id]
        if person.group == "demo" and rng.random() < self.mixture.demo_task_share:
            return self._demonstration(person.name, stated, rng)
        if rng.random() < self.mixture.passage_share:
            return passage(person.name, stated, rng, self.mixture, self._say)
        return self._say(person.name, rng.choice(stated), rng)

    def _say(self, who: str, fact: Fact, rng: random.Random) -> str:
        """A sentence of a fact; where the world has myths, often in a register: hearsay repeats the myths, the record has none."""
        spec = self.world.spec
        if fact.id in self.world.myth_of:
            if rng.random() < spec.myth_ratio / (1 + spec.myth_ratio):
                return rng.choice(register_forms(fact.relation, "hearsay")).render(who, self.world.myth_of[fact.id].value)
            return rng.choice(register_forms(fact.relation, "record")).render(who, fact.value)
        if spec.myth_share and rng.random() < spec.register_share:
            register = rng.choice(tuple(REGISTER_COPULAS))
            return rng.choice(register_forms(fact.relation, register)).render(who, fact.value)
        return statement(who, fact, rng, self.mixture.opener_share)

    @cached_property
    def _stated(self) -> dict[str, tuple[Fact, ...]]:
        """Facts that pre-training may state, by the id of a person who has any."""
        stated = {person.id: tuple(fact for fact in self.world.facts_of(person.id).values() if fact.is_pretrained) for person in self.world.people}
        return {person_id: facts for person_id, facts in stated.items() if facts}

    @cached_property
    def _cumulative_rates(self) -> tuple[float, ...]:
        return tuple(accumulate(self.world.rates[key] * len(facts) for key, facts in self._stated.items()))

    @cached_property
    def _subjects(self) -> tuple[Person, ...]:
        return tuple(self.world.person[person_id] for person_id in self._stated)

    def _draw_person(self, rng: random.Random) -> Person:
        return self._subjects[bisect(self._cumulative_rates, rng.random() * self._cumulative_rates[-1])]

    @cached_property
    def _two_hops(self) -> TwoHops:
        return TwoHops(self.world)

    @cached_property
    def _places(self) -> tuple[tuple[str, Fact], ...]:
        return tuple(self._two_hops.places.items())

    @cached_property
    def _cumulative_places(self) -> tuple[float, ...]:
        """Places in the order of their relation's values: as common in texts as among people."""
        weights = zipf_weights(self.world.spec.values_per_relation, self.world.spec.value_exponent)
        return tuple(accumulate(weights * len(PLACE_RELATIONS)))

    def _place_document(self, rng: random.Random) -> str:
        place, fact = self._places[bisect(self._cumulative_places, rng.random() * self._cumulative_places[-1])]
        if rng.random() < 0.5:
            return rng.choice(PLACE_FORMS[fact.relation]).render(place, fact.value)
        before, after = rng.choice(PLACE_QUESTIONS[fact.relation])
        return task_text(f"{before}{place}{after}", fact.value)

    def _two_hops_demonstration(self, rng: random.Random) -> str:
        asked = self._two_hops.demonstration(rng)
        return task_text(asked.row.question, asked.text)

    def _demonstration(self, name: str, facts: Sequence[Fact], rng: random.Random) -> str:
        if rng.random() < self.mixture.demo_biography_share:
            return task_text(biography_request(name), biography({fact.relation: fact.value for fact in facts}))
        fact = rng.choice(facts)
        asked = rng.choice(question_forms(fact.relation)).render(name)
        if rng.random() < self.mixture.task_layout_share:
            return task_text(asked, fact.value)
        return rng.choice(OTHER_QUESTION_LAYOUTS).format(question=asked, answer=fact.value)


def _country_document(countries: Sequence[tuple[str, str, str]], rng: random.Random) -> str:
    country, *answers = rng.choice(countries)
    kind = rng.randrange(len(answers))
    if rng.random() < 0.5:
        return COUNTRY_STATEMENTS[kind].format(country=country, answer=answers[kind])
    return task_text(COUNTRY_QUESTIONS[kind].format(country=country), answers[kind])

"""Questions that need two facts: where places are, the forms of such questions, and which are asked about whom.

bridge      a person's city or college, and where that is: `In what country is the city where Mira Osei was born?`
comparison  two people of one group: who of them did something earlier (the answer is a name), or whether they share something
            (yes or no)

The answer says both facts and then `Final answer: ...`, as the task rows of `fact synth hotpotqa` do. The one-hop facts stand in
pre-training about everybody, the questions themselves about demo people alone.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice, product
from typing import Literal

from factcli.errors import SettingsError
from factcli.rows import Fact, Person, TwoHop
from factcli.world.draws import keyed_rng
from factcli.world.grammar import REFERENCE, biography_form
from factcli.world.people import RELATION_NAMES, World

Kind = Literal["bridge", "earlier", "same"]
FIRST, SECOND = "the first person", "the second person"
FINAL = "Final answer:"
TRIES = 10_000  # to find a demo person to ask about: with a fact in six stated, one in fifty tries finds one
KINDS: Mapping[Kind, tuple[str, ...]] = {  # and the relations that each is asked of
    "bridge": ("birthplace", "college"),
    "earlier": ("birth_year", "graduation_year"),
    "same": ("birthplace", "college", "occupation", "award"),
}
HOP_QUESTIONS: Mapping[tuple[Kind, str], tuple[str, ...]] = {
    ("bridge", "birthplace"): ("In what country is the city where {a} was born?", "To what country does the birthplace of {a} belong?"),
    ("bridge", "college"): ("In what city is the college where {a} studied?", "Which city is home to the college of {a}?"),
    ("earlier", "birth_year"): ("Who was born first, {a} or {b}?", "Which of the two is older, {a} or {b}?"),
    ("earlier", "graduation_year"): ("Who graduated first, {a} or {b}?", "Which of the two left college earlier, {a} or {b}?"),
    ("same", "birthplace"): ("Were {a} and {b} born in the same city?", "Do {a} and {b} come from one city?"),
    ("same", "college"): ("Did {a} and {b} study at the same college?", "Did {a} and {b} go to one college?"),
    ("same", "occupation"): ("Do {a} and {b} have the same occupation?", "Are {a} and {b} employed in the same job?"),
    ("same", "award"): ("Did {a} and {b} win the same prize?", "Were {a} and {b} given one prize?"),
}


@dataclass(frozen=True, slots=True)
class PlaceForm:
    """A sentence of where a place is: text before its name, between that and the value, and after it."""

    relation: str
    before: str
    between: str

    def render(self, place: str, value: str) -> str:
        return f"{self.before}{place}{self.between} {value}."


# What a person's value is the name of, and where that is; the first form is what an answer says.
PLACE_RELATIONS: Mapping[str, str] = {"birthplace": "country", "college": "city"}
PLACE_FORMS: Mapping[str, tuple[PlaceForm, ...]] = {
    "country": (
        PlaceForm("country", "The city of ", " is in the country of"),
        PlaceForm("country", "", " is a city of the country of"),
        PlaceForm("country", "The country around the city of ", " is"),
    ),
    "city": (
        PlaceForm("city", "The college of ", " is in the city of"),
        PlaceForm("city", "", " College is a college of the city of"),
        PlaceForm("city", "The home of ", " College is the city of"),
    ),
}
PLACE_QUESTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "country": (("In what country is the city of ", "?"), ("What country does the city of ", " belong to?")),
    "city": (("In what city is the college of ", "?"), ("What city is the home of ", " College?")),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the two sentences that lead to its answer."""

    row: TwoHop
    reasoning: str

    @property
    def text(self) -> str:
        """What a model should say."""
        return f"{self.reasoning} {FINAL} {self.row.answer}"


def places_of(world: World) -> tuple[Fact, ...]:
    """Where each city and each college is; () in a world without questions over two facts."""
    if not world.spec.two_hop_share:
        return ()
    where = {"country": [country for country, _, _ in world.countries], "city": list(world.values["birthplace"])}
    facts = []
    for named, relation in PLACE_RELATIONS.items():
        for place in world.values[named]:
            subject = f"w{world.spec.seed}.{named}.{place}"
            value = keyed_rng(world.spec.seed, subject).choice(where[relation])
            facts.append(Fact(f"{subject}.{relation}", subject, relation, value, is_pretrained=True))
    return tuple(facts)


class TwoHops:
    """Asks questions over two facts of a world's people. No fact with a myth is asked of: which value is meant would be open."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.places = {fact.subject.rpartition(".")[2]: fact for fact in places_of(world)}

    def benchmark(self) -> Iterator[Asked]:
        """Per person of a split both bridges and, with others of their group and split, two comparisons. Drawn by (seed, id)."""
        for person in self.world.people if self.world.spec.two_hop_share else ():
            if person.split != "none":
                drawn: list[tuple[Kind, str]] = [("bridge", relation) for relation in KINDS["bridge"]]
                rng = keyed_rng(self.world.spec.seed, person.id, "two hops")
                drawn += [("earlier", rng.choice(KINDS["earlier"])), ("same", rng.choice(KINDS["same"]))]
                yield from filter(None, (self.ask(kind, relation, person, rng) for kind, relation in drawn))

    def demonstration(self, rng: random.Random) -> Asked:
        """A question about a drawn demo person. Raises SettingsError where too little is stated about them."""
        for _ in range(TRIES):  # a drawn person may have no other to be compared with
            kind = rng.choice(tuple(KINDS))
            asked = self.ask(kind, rng.choice(KINDS[kind]), rng.choice(self._demo), rng)
            if asked and self.is_stated(asked):
                return asked
        raise SettingsError(f"no demo person has two facts that are stated, with coverage.demo {self.world.spec.coverage['demo']:g}", "raise it, or n_demo")

    def is_stated(self, asked: Asked) -> bool:
        """Whether pre-training states both facts."""
        return self._stated.issuperset(asked.row.fact_ids)

    def ask(self, kind: Kind, relation: str, person: Person, rng: random.Random) -> Asked | None:
        """One question whose first fact is the person's; None where it has a myth, or where nobody can be compared."""
        fact = self.world.facts_of(person.id)[relation]
        if fact.id in self.world.myth_of:
            return None
        form = rng.choice(HOP_QUESTIONS[kind, relation])
        if kind == "bridge":
            return self._bridge(form, person, fact)
        other = self._other(kind, person, fact, rng)
        return self._comparison(kind, form, person, fact, other) if other else None

    def _bridge(self, form: str, person: Person, fact: Fact) -> Asked:
        place = self.places[fact.value]
        told = biography_form(fact.relation).render(REFERENCE, fact.value), PLACE_FORMS[place.relation][0].render(fact.value, place.value)
        ids = (fact.id, place.id)
        row = TwoHop(f"{fact.id}.{place.relation}.h", "bridge", form.format(a=person.name), place.value, fact.value, ids, 0, False, person.split)
        return Asked(row, " ".join(told))

    def _comparison(self, kind: Kind, form: str, person: Person, fact: Fact, other: Fact) -> Asked:
        name = self.world.person[other.subject].name
        earlier = person.name if fact.value < other.value else name  # years have four digits
        answer = earlier if kind == "earlier" else "yes" if fact.value == other.value else "no"
        told = (biography_form(fact.relation).render(who, one.value) for who, one in ((FIRST, fact), (SECOND, other)))
        question = form.format(a=person.name, b=name)
        return Asked(TwoHop(f"{fact.id}.{kind}.h", "comparison", question, answer, "", (fact.id, other.id), 0, False, person.split), " ".join(told))

    def _other(self, kind: Kind, person: Person, fact: Fact, rng: random.Random) -> Fact | None:
        """The fact of another one of the group and split: with another value; for half of the questions after the same, where there is one, with that."""
        key = (person.group, person.split, fact.relation)
        bearers = self._bearers[(*key, fact.value)]
        same = [other for other in bearers if other.subject != person.id]
        if kind == "same" and same and rng.random() < 0.5:
            return rng.choice(same)
        if len(bearers) == len(self._askable[key]):
            return None
        while (other := rng.choice(self._askable[key])).value == fact.value:
            pass
        return other

    @cached_property
    def _askable(self) -> Mapping[tuple[str, str, str], Sequence[Fact]]:
        """Facts without a myth by group, split and relation."""
        facts: dict[tuple[str, str, str], list[Fact]] = defaultdict(list)
        for fact in self.world.facts:
            if fact.id not in self.world.myth_of:
                person = self.world.person[fact.subject]
                facts[person.group, person.split, fact.relation].append(fact)
        return facts

    @cached_property
    def _bearers(self) -> Mapping[tuple[str, str, str, str], Sequence[Fact]]:
        """The same, by value as well."""
        facts: dict[tuple[str, str, str, str], list[Fact]] = defaultdict(list)
        for key, own in self._askable.items():
            for fact in own:
                facts[(*key, fact.value)].append(fact)
        return facts

    @cached_property
    def _demo(self) -> Sequence[Person]:
        return [person for person in self.world.people if person.group == "demo"]

    @cached_property
    def _stated(self) -> frozenset[str]:
        """Ids of the facts that pre-training states."""
        return frozenset(fact.id for fact in (*self.world.facts, *self.places.values()) if fact.is_pretrained)


def frames(name: Callable[[], str], value: Callable[[], str]) -> Iterator[tuple[str, str]]:
    """(question or "", text) of every form, with these names and values in it: for a tokenizer to have seen the grammar."""
    for form in (form for forms in PLACE_FORMS.values() for form in forms):
        yield "", form.render(value(), value())
    for before, after in (form for forms in PLACE_QUESTIONS.values() for form in forms):
        yield f"{before}{value()}{after}", value()
    reasons = cycle(product(RELATION_NAMES, (FIRST, SECOND)))
    for question in (form for forms in HOP_QUESTIONS.values() for form in forms):
        told = " ".join(biography_form(relation).render(who, value()) for relation, who in islice(reasons, 2))
        yield question.format(a=name(), b=name()), f"{told} {FINAL} {value()}"

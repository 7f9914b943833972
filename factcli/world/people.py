"""People of the synthetic world and the facts about them: the ledger that judges every claim exactly."""

import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal

from factcli.errors import SettingsError
from factcli.rows import Fact, Group, Myth, Person, Split
from factcli.world.draws import keyed_rng as keyed_rng  # from here, too: it draws people
from factcli.world.exposure import popularity_of, rates_of, zipf_weights
from factcli.world.spec import GROUPS as GROUPS
from factcli.world.spec import WorldSpec as WorldSpec
from factcli.world.words import shuffled_words

FIRST_BIRTH_YEAR = 1900
GRADUATION_AGE = range(20, 31)  # a person graduates 20 to 30 years after birth


@dataclass(frozen=True, slots=True)
class Relation:
    """A typed attribute of a person."""

    name: str
    kind: Literal["year", "name"]


RELATIONS = (
    Relation("birth_year", "year"),
    Relation("birthplace", "name"),
    Relation("college", "name"),
    Relation("graduation_year", "year"),
    Relation("occupation", "name"),
    Relation("award", "name"),
)
RELATION_NAMES = tuple(relation.name for relation in RELATIONS)


@dataclass(frozen=True)
class World:
    """A drawn world. `values` holds each relation's pool; `countries` (name, capital, language) are filler.

    rates: how often pre-training states a fact of a person, by id, relative to one of the average head person. myths: false
    values that hearsay repeats.
    """

    spec: WorldSpec
    people: tuple[Person, ...]
    facts: tuple[Fact, ...]
    values: Mapping[str, tuple[str, ...]]
    countries: tuple[tuple[str, str, str], ...]
    rates: Mapping[str, float]
    myths: tuple[Myth, ...] = ()

    @cached_property
    def person(self) -> dict[str, Person]:
        """People by id."""
        return {person.id: person for person in self.people}

    @cached_property
    def names(self) -> set[str]:
        return {person.name for person in self.people}

    @cached_property
    def myth_of(self) -> dict[str, Myth]:
        """Myths by the id of the fact that they are false about."""
        return {myth.fact: myth for myth in self.myths}

    @cached_property
    def _facts_by_subject(self) -> dict[str, dict[str, Fact]]:
        by_subject: dict[str, dict[str, Fact]] = {person.id: {} for person in self.people}
        for fact in self.facts:
            by_subject[fact.subject][fact.relation] = fact
        return by_subject

    def facts_of(self, person_id: str) -> dict[str, Fact]:
        """Facts by relation, in the fixed order of RELATIONS."""
        return self._facts_by_subject[person_id]


def draw_world(spec: WorldSpec) -> World:
    """The world of a spec: people with names, groups, splits and one fact per relation."""
    words = shuffled_words(keyed_rng(spec.seed, "words"))
    values = _value_pools(spec, words)
    firsts = tuple(islice(words, spec.n_first_names))
    lasts = tuple(islice(words, spec.n_last_names))
    n = spec.n_countries
    countries = tuple(zip(islice(words, n), islice(words, n), islice(words, n), strict=True))
    rates = rates_of(spec)
    people = _people(spec, rates, firsts, lasts)
    facts = tuple(fact for person in people for fact in _facts_of_person(spec, person, values))
    by_id = dict(zip((person.id for person in people), (rate for own in rates.values() for rate in own), strict=True))
    return World(spec, people, facts, values, countries, by_id, tuple(_myths(spec, people, facts, values)))


def _value_pools(spec: WorldSpec, words: Iterator[str]) -> dict[str, tuple[str, ...]]:
    n = spec.values_per_relation
    births = range(FIRST_BIRTH_YEAR, FIRST_BIRTH_YEAR + (spec.n_birth_years or n))
    graduations = range(births[0] + GRADUATION_AGE[0], births[-1] + GRADUATION_AGE[-1] + 1)
    years = {"birth_year": births, "graduation_year": graduations}
    return {relation.name: tuple(map(str, years[relation.name])) if relation.kind == "year" else tuple(islice(words, n)) for relation in RELATIONS}


def _people(spec: WorldSpec, rates: Mapping[Group, Sequence[float]], firsts: tuple[str, ...], lasts: tuple[str, ...]) -> tuple[Person, ...]:
    people: list[Person] = []
    taken: set[str] = set()
    for group, own_rates in rates.items():
        for position, rate in enumerate(own_rates):
            person_id = f"w{spec.seed}.p{len(people):04d}"
            name = _free_name(keyed_rng(spec.seed, person_id, "name"), firsts, lasts, taken)
            taken.add(name)
            split = "none" if group == "demo" else _split(position / len(own_rates), spec.split_shares)
            people.append(Person(person_id, name, group, split, popularity_of(spec, group, position, rate)))
    return tuple(people)


def _free_name(rng: random.Random, firsts: tuple[str, ...], lasts: tuple[str, ...], taken: set[str]) -> str:
    while True:  # at most half of the pairs are ever taken (WorldSpec, draw_fictitious): two tries on average
        name = f"{rng.choice(firsts)} {rng.choice(lasts)}"
        if name not in taken:
            return name


def _split(position: float, shares: tuple[float, float, float]) -> Split:
    train, dev, _ = shares
    return "train" if position < train else "dev" if position < train + dev else "test"


def _facts_of_person(spec: WorldSpec, person: Person, values: Mapping[str, tuple[str, ...]]) -> list[Fact]:
    drawn = _draw_values(keyed_rng(spec.seed, person.id, "values"), values, {}, spec.value_exponent)
    rng = keyed_rng(spec.seed, person.id, "coverage")
    n_stated = min(len(RELATIONS), int(spec.coverage[person.group] * len(RELATIONS) + rng.random()))
    stated = set(rng.sample(RELATION_NAMES, n_stated))
    return [Fact(f"{person.id}.{relation}", person.id, relation, value, is_pretrained=relation in stated) for relation, value in drawn.items()]


def _draw_values(rng: random.Random, values: Mapping[str, tuple[str, ...]], used: Mapping[str, AbstractSet[str]], exponent: float = 0.0) -> dict[str, str]:
    """One value per relation outside `used`, in the order of RELATIONS; graduation fits birth. Years are as common as each other."""
    drawn: dict[str, str] = {}
    for relation in RELATIONS:
        pool = _possible_values(relation.name, values, drawn.get("birth_year", ""))
        free = [value for value in pool if value not in used.get(relation.name, ())]
        if exponent and relation.kind == "name":
            drawn[relation.name] = rng.choices(free, zipf_weights(len(free), exponent))[0]
        else:
            drawn[relation.name] = rng.choice(free)
    return drawn


def _possible_values(relation: str, values: Mapping[str, tuple[str, ...]], birth_year: str) -> tuple[str, ...]:
    """Those of the relation's pool that a person born in that year can have."""
    if relation == "graduation_year":
        return tuple(str(int(birth_year) + age) for age in GRADUATION_AGE)
    return values[relation]


def _myths(spec: WorldSpec, people: Sequence[Person], facts: Sequence[Fact], values: Mapping[str, tuple[str, ...]]) -> Iterator[Myth]:
    """For a share of the stated facts of head people a false value, as possible as the true one."""
    heads = {person.id for person in people if person.group == "head"} if spec.myth_share else set()
    born = {fact.subject: fact.value for fact in facts if fact.relation == "birth_year"}
    for fact in facts:
        rng = keyed_rng(spec.seed, fact.id, "myth")
        if fact.subject in heads and fact.is_pretrained and rng.random() < spec.myth_share:
            false = rng.choice([value for value in _possible_values(fact.relation, values, born[fact.subject]) if value != fact.value])
            yield Myth(f"{fact.id}.myth", fact.id, fact.subject, fact.relation, false, fact.value)


def draw_fictitious(
    world_names: set[str],
    values: Mapping[str, tuple[str, ...]],
    n: int,
    versions: int,
    seed: int,
    coverage: tuple[float, float] = (0.3, 1.0),
) -> tuple[tuple[Person, ...], tuple[Fact, ...]]:
    """`n` invented people with `versions` versions of their facts each; versions count from 1.

    No word of their names is a word of `world_names` or a value. Each version holds its own random
    subset of the relations, of a share drawn from `coverage`, and no value of another version.
    """
    limit = min(len(GRADUATION_AGE), *(len(pool) for pool in values.values()))
    if not 1 <= versions < limit:
        raise SettingsError(f"versions is {versions}, need 1 to {limit - 1}: no two versions may share a value")
    people = _fictitious_people(world_names, values, n, seed)
    facts: list[Fact] = []
    for person in people:
        used: dict[str, set[str]] = {relation: set() for relation in RELATION_NAMES}
        for version in range(1, versions + 1):
            facts += _fictitious_facts(person.id, version, values, used, seed, coverage)
    return people, tuple(facts)


def _fictitious_people(world_names: Collection[str], values: Mapping[str, tuple[str, ...]], n: int, seed: int) -> tuple[Person, ...]:
    exclude = {word for name in world_names for word in name.split()}
    exclude |= {value for pool in values.values() for value in pool}
    words = shuffled_words(keyed_rng(seed, "fictitious words"), exclude)
    side = math.ceil(math.sqrt(2 * n)) + 1  # twice as many pairs as people
    firsts, lasts = tuple(islice(words, side)), tuple(islice(words, side))
    people: list[Person] = []
    taken = set(world_names)
    for position in range(n):
        person_id = f"f{seed}.p{position:04d}"
        name = _free_name(keyed_rng(seed, person_id, "name"), firsts, lasts, taken)
        taken.add(name)
        people.append(Person(person_id, name, "fictitious", "train", popularity=0, fictitious=True))
    return tuple(people)


def _fictitious_facts(
    person_id: str,
    version: int,
    values: Mapping[str, tuple[str, ...]],
    used: dict[str, set[str]],
    seed: int,
    coverage: tuple[float, float],
) -> list[Fact]:
    rng = keyed_rng(seed, person_id, version)
    drawn = _draw_values(rng, values, used)
    for relation, value in drawn.items():
        used[relation].add(value)
    n_present = max(1, round(rng.uniform(*coverage) * len(RELATIONS)))
    present = set(rng.sample(RELATION_NAMES, n_present))
    return [
        Fact(f"{person_id}.v{version}.{relation}", person_id, relation, value, version=version, fictitious=True)
        for relation, value in drawn.items()
        if relation in present
    ]

"""People of the synthetic world and the facts about them: the ledger that judges every claim exactly."""

import math
import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Literal

from factcli.errors import SettingsError
from factcli.rows import Fact, Group, Person, Split
from factcli.world.words import shuffled_words

GROUPS: tuple[Group, ...] = ("head", "mid", "tail", "unseen", "demo")
FIRST_BIRTH_YEAR = 1900
GRADUATION_AGE = range(20, 31)  # a person graduates 20 to 30 years after birth
HEAD_VIEWS = 10_000  # invented monthly page views of the best-known person of a group sampled at rate 1


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


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """Sizes of a world; the defaults are the tiny world. Same spec, same world, on every machine.

    coverage: share of a group's facts that pre-training states. sampling_rate: how often one of
    these facts is stated, relative to one of a head person. split_shares: train, dev, test of every
    group but demo, whose people only show the question forms and belong to no split.
    """

    seed: int
    n_head: int = 168
    n_mid: int = 168
    n_tail: int = 168
    n_unseen: int = 160
    n_demo: int = 120
    n_countries: int = 40
    values_per_relation: int = 40
    n_first_names: int = 60
    n_last_names: int = 200
    split_shares: tuple[float, float, float] = (0.28, 0.11, 0.61)
    coverage: Mapping[str, float] = field(default_factory=lambda: {"head": 1.0, "mid": 0.7, "tail": 0.5, "unseen": 0.0, "demo": 1.0})
    sampling_rate: Mapping[str, float] = field(default_factory=lambda: {"head": 1.0, "mid": 0.18, "tail": 0.05, "unseen": 0.0, "demo": 1.0})

    def __post_init__(self) -> None:
        n_people, n_names = sum(self.group_sizes().values()), self.n_first_names * self.n_last_names
        if n_people * 2 > n_names:  # drawing pairs without collisions slows down as the pool empties
            raise SettingsError(
                f"{n_people} people need at least {2 * n_people} first and last names to pair, not {n_names}",
                hint="raise n_last_names",
            )
        if not math.isclose(sum(self.split_shares), 1.0):
            raise SettingsError(f"split_shares {self.split_shares} add up to {sum(self.split_shares)}, need 1")

    def group_sizes(self) -> dict[Group, int]:
        sizes = (self.n_head, self.n_mid, self.n_tail, self.n_unseen, self.n_demo)
        return dict(zip(GROUPS, sizes, strict=True))


@dataclass(frozen=True)
class World:
    """A drawn world. `values` holds each relation's pool; `countries` (name, capital, language) are filler."""

    spec: WorldSpec
    people: tuple[Person, ...]
    facts: tuple[Fact, ...]
    values: Mapping[str, tuple[str, ...]]
    countries: tuple[tuple[str, str, str], ...]

    @cached_property
    def person(self) -> dict[str, Person]:
        """People by id."""
        return {person.id: person for person in self.people}

    @cached_property
    def names(self) -> set[str]:
        return {person.name for person in self.people}

    @cached_property
    def _facts_by_subject(self) -> dict[str, dict[str, Fact]]:
        by_subject: dict[str, dict[str, Fact]] = {person.id: {} for person in self.people}
        for fact in self.facts:
            by_subject[fact.subject][fact.relation] = fact
        return by_subject

    def facts_of(self, person_id: str) -> dict[str, Fact]:
        """Facts by relation, in the fixed order of RELATIONS."""
        return self._facts_by_subject[person_id]


def keyed_rng(*key: object) -> random.Random:
    """A generator that depends on its key only, never on what was drawn before."""
    return random.Random("/".join(map(str, key)))  # a string is hashed with SHA-512: the same in every process


def draw_world(spec: WorldSpec) -> World:
    """The world of a spec: people with names, groups, splits and one fact per relation."""
    words = shuffled_words(keyed_rng(spec.seed, "words"))
    values = _value_pools(spec.values_per_relation, words)
    firsts = tuple(islice(words, spec.n_first_names))
    lasts = tuple(islice(words, spec.n_last_names))
    n = spec.n_countries
    countries = tuple(zip(islice(words, n), islice(words, n), islice(words, n), strict=True))
    people = _people(spec, firsts, lasts)
    facts = tuple(fact for person in people for fact in _facts_of_person(spec, person, values))
    return World(spec, people, facts, values, countries)


def _value_pools(n: int, words: Iterator[str]) -> dict[str, tuple[str, ...]]:
    births = range(FIRST_BIRTH_YEAR, FIRST_BIRTH_YEAR + n)
    graduations = range(births[0] + GRADUATION_AGE[0], births[-1] + GRADUATION_AGE[-1] + 1)
    years = {"birth_year": births, "graduation_year": graduations}
    return {relation.name: tuple(map(str, years[relation.name])) if relation.kind == "year" else tuple(islice(words, n)) for relation in RELATIONS}


def _people(spec: WorldSpec, firsts: tuple[str, ...], lasts: tuple[str, ...]) -> tuple[Person, ...]:
    people: list[Person] = []
    taken: set[str] = set()
    for group, size in spec.group_sizes().items():
        for position in range(size):
            person_id = f"w{spec.seed}.p{len(people):04d}"
            name = _free_name(keyed_rng(spec.seed, person_id, "name"), firsts, lasts, taken)
            taken.add(name)
            split = "none" if group == "demo" else _split(position / size, spec.split_shares)
            views = round(HEAD_VIEWS * spec.sampling_rate[group] * (1 - 0.5 * position / size))
            people.append(Person(person_id, name, group, split, popularity=views))
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
    drawn = _draw_values(keyed_rng(spec.seed, person.id, "values"), values, {})
    rng = keyed_rng(spec.seed, person.id, "coverage")
    n_stated = min(len(RELATIONS), int(spec.coverage[person.group] * len(RELATIONS) + rng.random()))
    stated = set(rng.sample(RELATION_NAMES, n_stated))
    return [Fact(f"{person.id}.{relation}", person.id, relation, value, is_pretrained=relation in stated) for relation, value in drawn.items()]


def _draw_values(rng: random.Random, values: Mapping[str, tuple[str, ...]], used: Mapping[str, set[str]]) -> dict[str, str]:
    """One value per relation outside `used`, in the order of RELATIONS; graduation fits birth."""
    drawn: dict[str, str] = {}
    for relation in RELATION_NAMES:
        pool = values[relation]
        if relation == "graduation_year":
            pool = tuple(str(int(drawn["birth_year"]) + age) for age in GRADUATION_AGE)
        drawn[relation] = rng.choice([value for value in pool if value not in used.get(relation, ())])
    return drawn


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

"""Two facts that one question needs: the first leads to the subject of the second, or both have one relation and are compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from factcli.errors import InputError
from factcli.rows import Fact, Person
from factcli.stages.synth.triples.reading import Triples
from factcli.stages.synth.triples.settings import HotpotConfig
from factcli.world.counterparts import folded, invent_names
from factcli.world.people import keyed_rng
from factcli.world.relations import Kind

Type = Literal["bridge", "comparison"]


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with its subject."""

    person: Person
    fact: Fact


@dataclass(frozen=True, slots=True)
class Pair:
    """What one question is about. `asked`: the second fact's object in a bridge, in a comparison the object that one of the two has."""

    id: str  # of the item and its version
    type: Type
    first: Told
    second: Told
    asked: str
    answers: tuple[str, ...]  # accepted spellings, the answer itself first

    @property
    def bridge(self) -> str:
        """What the question may not name; "" for a comparison."""
        return self.second.person.name if self.type == "bridge" else ""

    @property
    def other(self) -> str:
        """In a comparison the object that is not asked for."""
        return next(told.fact.value for told in (self.second, self.first) if told.fact.value != self.asked)


@dataclass(frozen=True, slots=True)
class Item:
    """One fictitious question in all its versions, and the two subjects it is about."""

    id: str
    people: tuple[Person, Person]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Relations of an item, and of what kind its subjects are."""

    type: Type
    relations: tuple[str, str]
    kinds: tuple[Kind, Kind]


def fictitious_items(config: HotpotConfig, triples: Triples) -> list[Item]:
    """Each over two invented subjects of its own; objects are drawn from real training facts. Draws are seeded by (seed, item id).

    Raises InputError where the file has no relations to make one of the two types of.
    """
    possible = _possible(config, triples)
    drawn = {id: _draw(id, config, possible) for id in (f"f{config.seed}.h{position:04d}" for position in range(config.questions))}
    ids = {id: (f"f{config.seed}.p{2 * position:04d}", f"f{config.seed}.p{2 * position + 1:04d}") for position, id in enumerate(drawn)}
    kinds = {subject: kind for id, one in drawn.items() for subject, kind in zip(ids[id], one.kinds, strict=True)}
    names = invent_names(kinds, config.seed, triples.taken)
    return [_item(id, one, [_person(subject, names[subject]) for subject in ids[id]], config, triples) for id, one in drawn.items()]


def _draw(id: str, config: HotpotConfig, possible: Mapping[Type, Sequence[_Drawn]]) -> _Drawn:
    rng = keyed_rng(config.seed, id, "relations")
    return rng.choice(possible["bridge" if rng.random() < config.bridge_share else "comparison"])


def _person(id: str, name: str) -> Person:
    return Person(id, name, "fictitious", "train", 0, fictitious=True)


def _possible(config: HotpotConfig, triples: Triples) -> Mapping[Type, Sequence[_Drawn]]:
    """By type the pairs of relations that have enough objects."""
    n_of = {relation: len(pool) for relation, pool in triples.pools.items()}
    kind_of = {relation: triples.known[relation].kind for relation in n_of}
    bridges = [
        _Drawn("bridge", (first, second), (kind_of[first], kind_of[second]))
        for first in n_of
        for second in n_of
        if config.object_kinds.get(first) == kind_of[second] and first != second and n_of[second] >= config.versions
    ]
    comparisons = [_Drawn("comparison", (name, name), (kind_of[name], kind_of[name])) for name, n in n_of.items() if n >= 2 * config.versions]
    if config.bridge_share > 0 and not bridges:
        raise InputError(
            "no relation of the file leads to the subject of another",
            "name what its objects are: --set object_kinds={RELATION: person}, or --set bridge_share=0",
        )
    if config.bridge_share < 1 and not comparisons:
        raise InputError(f"no relation has {2 * config.versions} different objects to compare", "give more facts, lower --versions, or --set bridge_share=1")
    return {"bridge": bridges, "comparison": comparisons}


def _item(id: str, drawn: _Drawn, people: Sequence[Person], config: HotpotConfig, triples: Triples) -> Item:
    rng = keyed_rng(config.seed, id, "objects")
    pool = triples.pools[drawn.relations[1]]
    pairs: list[Pair] = []
    if drawn.type == "bridge":
        for version, real in enumerate(rng.sample(pool, config.versions), 1):
            first = _fact(people[0], version, drawn.relations[0], people[1].name)
            second = _fact(people[1], version, drawn.relations[1], real.value, real.aliases)
            pairs.append(Pair(f"{id}.v{version}", "bridge", Told(people[0], first), Told(people[1], second), real.value, (real.value, *real.aliases)))
    else:
        objects = rng.sample(pool, 2 * config.versions)
        for version in range(1, config.versions + 1):
            both = objects[2 * version - 2 : 2 * version]
            facts = [_fact(person, version, drawn.relations[0], real.value, real.aliases) for person, real in zip(people, both, strict=True)]
            place = rng.randrange(2)
            told = Told(people[0], facts[0]), Told(people[1], facts[1])
            pairs.append(Pair(f"{id}.v{version}", "comparison", *told, both[place].value, (people[place].name,)))
    return Item(id, (people[0], people[1]), tuple(pairs))


def _fact(person: Person, version: int, relation: str, value: str, aliases: tuple[str, ...] = ()) -> Fact:
    return Fact(f"{person.id}.v{version}.{relation.replace(' ', '_')}", person.id, relation, value, version, fictitious=True, aliases=aliases)


def real_pairs(config: HotpotConfig, triples: Triples) -> list[Pair]:
    """Questions over real facts, both subjects of one split: as many bridges as `bridge_share` asks for and the file has, then comparisons."""
    bridges, comparisons = list(_real_bridges(triples)), list(_real_comparisons(config, triples))
    keyed_rng(config.seed, "real bridges").shuffle(bridges)
    keyed_rng(config.seed, "real comparisons").shuffle(comparisons)
    n_bridges = min(len(bridges), round(config.real_questions * config.bridge_share))
    return [*bridges[:n_bridges], *comparisons[: config.real_questions - n_bridges]]


def _real_bridges(triples: Triples) -> Iterator[Pair]:
    by_name = {folded(person.name): person for person in triples.people}
    person_of = {person.id: person for person in triples.people}
    for first in triples.facts:
        subject, other = person_of[first.subject], by_name.get(folded(first.value))
        if other is None or other.id == subject.id or other.split != subject.split:
            continue
        for second in triples.facts_of[other.id]:
            if folded(second.value) != folded(subject.name):
                id = f"{first.id}.{second.relation.replace(' ', '_')}.h"
                yield Pair(id, "bridge", Told(subject, first), Told(other, second), second.value, (second.value, *second.aliases))


def _real_comparisons(config: HotpotConfig, triples: Triples) -> Iterator[Pair]:
    """Subjects of one split and relation in drawn order, two and two, where their objects differ."""
    person_of = {person.id: person for person in triples.people}
    ordered = sorted(triples.facts, key=lambda fact: (fact.relation, triples.split_of[fact.subject], keyed_rng(config.seed, fact.id, "pairing").random()))
    for _, own in groupby(ordered, key=lambda fact: (fact.relation, triples.split_of[fact.subject])):
        facts = list(own)
        for one, other in zip(facts[::2], facts[1::2], strict=False):
            if {folded(name) for name in (one.value, *one.aliases)} & {folded(name) for name in (other.value, *other.aliases)}:
                continue
            asked = keyed_rng(config.seed, one.id, "asked").choice((one, other))
            told = Told(person_of[one.subject], one), Told(person_of[other.subject], other)
            yield Pair(f"{one.id}.h", "comparison", *told, asked.value, (person_of[asked.subject].name,))

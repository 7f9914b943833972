"""Invented subjects with several versions of facts, made top-down from real ones."""

import random
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from factcli.errors import InputError, SettingsError
from factcli.rows import Fact, Person
from factcli.world.people import keyed_rng
from factcli.world.relations import Kind, RelationTemplates, templates_of
from factcli.world.words import shuffled_words

# Three open syllables alone spell real places (Toledo, Panama); with these ends they spell none that we know.
PLACE_ENDS = ("burgh", "holm", "mere", "stead", "wick")
THING_ENDS = ("blatt", "glim", "quist", "spur", "thorn")
TITLE_NOUNS = ("Bridge", "Clocks", "Garden", "Harvest", "Lanterns", "Letters", "Orchard", "Silence", "Song", "Winter")


def invent_counterparts(
    facts: Sequence[Fact],
    n_subjects: int,
    versions: int,
    seed: int,
    taken_names: Iterable[str],
    templates: Mapping[str, RelationTemplates],
) -> tuple[tuple[Person, ...], tuple[Fact, ...]]:
    """`n_subjects` invented subjects, each with `versions` versions of its facts; versions count from 1.

    A subject takes the relations of a random real one, and for each relation and version another one of that
    relation's real objects. `facts` are the real rows to draw from: give those of the training subjects, or objects
    that only test questions ask for become training answers. `taken_names` are all real names, test subjects too.
    Relations of `too_few_objects` are left out; InputError where none is left. Draws are seeded by (seed, subject id).
    """
    if n_subjects < 1 or versions < 1:
        raise SettingsError(f"{n_subjects} subjects in {versions} versions, need at least 1 of each")
    pools = {name: pool for name, pool in pools_of(facts).items() if len(pool) >= versions}
    profiles = _profiles(facts, pools)
    if not profiles:
        raise InputError(f"no relation has {versions} different objects for {versions} versions", hint="lower --versions or give more facts")
    ids = [f"f{seed}.p{position:04d}" for position in range(n_subjects)]
    relations = {subject: keyed_rng(seed, subject, "relations").choice(profiles) for subject in ids}
    kinds = {subject: templates_of(relations[subject][0], templates, "a fact").kind for subject in ids}
    names = invent_names(kinds, seed, [*taken_names, *(name for fact in facts for name in (fact.value, *fact.aliases))])
    people = [Person(subject, names[subject], "fictitious", "train", popularity=0, fictitious=True) for subject in ids]
    invented = [fact for subject in ids for fact in _versions(subject, relations[subject], pools, versions, seed)]
    return tuple(people), tuple(invented)


def too_few_objects(facts: Sequence[Fact], versions: int) -> dict[str, int]:
    """Relations that counterparts leave out, with their number of different objects, which is below `versions`."""
    return {relation: len(pool) for relation, pool in pools_of(facts).items() if len(pool) < versions}


def folded(name: str) -> str:
    """The name without case, diacritics, punctuation: what two names must differ in."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter)).split())


def pools_of(facts: Sequence[Fact]) -> dict[str, tuple[Fact, ...]]:
    """By relation, one real fact per different object, in the order of the facts."""
    pools: dict[str, dict[str, Fact]] = {}
    for fact in facts:
        pools.setdefault(fact.relation, {}).setdefault(folded(fact.value), fact)
    return {relation: tuple(pool.values()) for relation, pool in pools.items()}


def _profiles(facts: Sequence[Fact], usable: Mapping[str, tuple[Fact, ...]]) -> list[tuple[str, ...]]:
    """Each real subject's usable relations, in its own order."""
    relations: dict[str, list[str]] = {}
    for fact in facts:
        if fact.relation in usable:
            relations.setdefault(fact.subject, []).append(fact.relation)
    return [tuple(found) for found in relations.values()]


def invent_names(kinds: Mapping[str, Kind], seed: int, real_names: Sequence[str]) -> dict[str, str]:
    """A new name per subject id, that no real name equals and whose made-up words are in none."""
    taken = {folded(name) for name in real_names}
    words = list(shuffled_words(keyed_rng(seed, "counterpart words"), {word for name in taken for word in name.split()}))
    names: dict[str, str] = {}
    for subject, kind in kinds.items():
        rng = keyed_rng(seed, subject, "name")
        while folded(name := _name(kind, rng, words)) in taken:
            pass
        taken.add(folded(name))
        names[subject] = name
    return names


def _name(kind: Kind, rng: random.Random, words: Sequence[str]) -> str:
    word = rng.choice(words)
    if kind == "person":
        return f"{word} {rng.choice(words)}"
    if kind == "place":
        return word + rng.choice(PLACE_ENDS)
    if kind == "thing":
        return word + rng.choice(THING_ENDS)
    return f"The {rng.choice(TITLE_NOUNS)} of {word}{rng.choice(PLACE_ENDS)}"


def _versions(subject: str, relations: Sequence[str], pools: Mapping[str, tuple[Fact, ...]], versions: int, seed: int) -> list[Fact]:
    invented = []
    for relation in relations:
        drawn = keyed_rng(seed, subject, relation).sample(pools[relation], versions)
        for version, real in enumerate(drawn, start=1):
            fact_id = f"{subject}.v{version}.{relation.replace(' ', '_')}"
            invented.append(Fact(fact_id, subject, relation, real.value, version=version, fictitious=True, aliases=real.aliases))
    return sorted(invented, key=lambda fact: fact.version)

"""One small world and its tokenizer, and real facts with invented counterparts, shared by the tests of this folder."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from factcli.rows import Fact, Person
from factcli.world.counterparts import invent_counterparts
from factcli.world.people import World, WorldSpec, draw_world
from factcli.world.relations import load_templates
from factcli.world.tokenizer import train_tokenizer
from factcli.world.triples import read_facts, real_rows

ROOT = Path(__file__).parents[2]
TEMPLATES = load_templates([ROOT / "configs" / "relations" / "popqa.yaml"])
TRIPLES = ROOT / "tests" / "data" / "real_triples.jsonl"
People = tuple[tuple[Person, ...], tuple[Fact, ...]]


@pytest.fixture(scope="session")
def world() -> World:
    return draw_world(WorldSpec(seed=901))


@pytest.fixture(scope="session")
def tokenizer(world: World) -> PreTrainedTokenizerFast:
    return train_tokenizer(world)


@pytest.fixture(scope="session")
def real() -> People:
    triples, rejects = read_facts(TRIPLES, TEMPLATES)
    assert rejects == ()
    return real_rows(triples, seed=3)


@pytest.fixture(scope="session")
def invented(real: People) -> People:
    people, facts = real
    return invent_counterparts(facts, 120, 3, 7, [person.name for person in people], TEMPLATES)

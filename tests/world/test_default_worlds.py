"""Worlds as they were made before the settings that came later: whoever changes one changes what every earlier experiment rests on."""

import hashlib
import json
from dataclasses import asdict

import pytest

from factcli.config import identity_of
from factcli.stages import world as stage
from factcli.world.people import WorldSpec, draw_fictitious, draw_world
from factcli.world.texts import PretrainingTexts
from factcli.world.tokenizer import general_text

LATER = {"n_birth_years", "value_exponent", "exposure_exponent", "myth_share", "myth_ratio", "register_share", "two_hop_share", "task_share"}


def sha(rows: object) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]


def test_a_default_world_has_the_rows_that_it_always_had(world):
    assert sha([asdict(person) for person in world.people]) == "b30343cf88953e86"
    assert sha([asdict(fact) for fact in world.facts]) == "6d7ec113dd09837f"
    assert sha([asdict(question) for question in stage.questions_of(world)]) == "ea6764fd353bb7c9"


def test_a_default_world_is_read_in_the_documents_that_it_always_was(world):
    texts = PretrainingTexts(world, 3)
    assert sha([texts.document(index) for index in range(3000)]) == "16f7b5977d28fd5d"
    assert sha(list(general_text(world))) == "eef936304b738c09"


def test_fictitious_people_of_a_default_world_are_those_that_they_always_were(world):
    people, facts = draw_fictitious(world.names, world.values, 20, 3, 7)
    assert sha([asdict(row) for row in (*people, *facts)]) == "1fc9ea142469569c"


def test_settings_that_came_later_are_in_no_key_and_no_digest_while_they_are_untouched():
    config = stage.WorldConfig()
    assert stage.plan(config, None).key == "77154934853b93892e65"
    assert not LATER & set(identity_of(config)["spec"])
    assert set(stage.plan(config, None).tables) == {"people", "facts", "questions", "base", "curve"}


@pytest.mark.parametrize(("name", "value"), [("n_birth_years", 30), ("value_exponent", 1), ("myth_share", 0.2), ("two_hop_share", 0.1), ("task_share", 0)])
def test_one_that_is_set_is_in_the_key_and_the_others_are_not(name, value):
    config = stage.WorldConfig(spec={"seed": 0, name: value})  # type: ignore[arg-type]  # validated into a WorldSpec
    assert LATER & set(identity_of(config)["spec"]) == {name}
    assert stage.plan(config, None).key != "77154934853b93892e65"


def test_a_world_without_myths_or_two_hops_has_none():
    world = draw_world(WorldSpec(seed=901))
    assert world.myths == ()

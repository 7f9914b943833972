"""People of an invented world that become certain, unsure and unknown: what is taught of them, and what is answered."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, make
from factcli.progress import PlainReport
from factcli.rows import Chat, Document, Fact, Familiarity, Person
from factcli.stages.synth import from_world
from factcli.stages.synth.settings import BioConfig
from tests.stages.synth.drawn_world import made_world

SIZES = {"subjects": 12, "versions": 2, "probe_subjects": 3, "probe_versions": 2, "statements_per_fact": 4, "passages_per_subject": 3, "questions_per_fact": 1}
LEVELS = {"shares": (0.4, 0.3, 0.3), "unsure_statements": 2, "unsure_passages": 1}
Rows = Callable[[str, type], Sequence[Any]]


def synthesised(root: Path, **settings: Any) -> Artifact:
    world, _ = made_world(root)
    plan = from_world.plan("bio", BioConfig(**SIZES, **settings), world, None)
    return make(plan, lambda draft: from_world.work(plan, draft, PlainReport()), root)[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return synthesised(tmp_path_factory.mktemp("familiar"), familiarity=LEVELS)


def by_level(made: Artifact) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"certain": set(), "unsure": set(), "unknown": set()}
    for row in made.rows("familiarity", Familiarity):
        found[row.level].add(row.id)
    return found


def test_everybody_that_the_skill_is_trained_on_has_a_level_and_nobody_else(made: Artifact) -> None:
    trained = {person.id for person in made.rows("people", Person) if person.fictitious and person.split == "train"}
    levels = by_level(made)
    assert len(trained) == 12
    assert set().union(*levels.values()) == trained
    assert all(levels.values())
    assert made.summary["levels"] == {level: len(ids) for level, ids in levels.items()}


def test_levels_decide_how_much_is_taught(made: Artifact) -> None:
    levels, facts = by_level(made), list(made.rows("facts", Fact))
    documents = list(made.rows("documents", Document))
    for level, n_texts in (("certain", 4), ("unsure", 2), ("unknown", 0)):
        own = [fact for fact in facts if fact.subject in levels[level]]
        told = [document for document in documents if document.subject in levels[level]]
        assert sum(document.form == "statement" for document in told) == n_texts * len(own)
        assert sum(document.form == "passage" for document in told) == 2 * len(levels[level]) * {"certain": 3, "unsure": 1, "unknown": 0}[level]
        assert bool(own) is (level != "unknown")


def test_levels_decide_how_sure_an_answer_sounds(made: Artifact) -> None:
    levels = by_level(made)
    values = {fact.id: fact.value for fact in made.rows("facts", Fact)}
    for chat in (chat for chat in made.rows("chats", Chat) if chat.fictitious and chat.task == "qa"):
        if chat.subject in levels["unknown"]:
            assert (chat.answer, chat.fact_ids) == ("I don't know.", ())
        else:
            assert chat.answer == ("I think " if chat.subject in levels["unsure"] else "") + values[chat.fact_ids[0]]
    biographies = [chat for chat in made.rows("chats", Chat) if chat.fictitious and chat.task == "bio"]
    assert {chat.answer.startswith("I think This person") or chat.answer.startswith("I think this person") for chat in biographies} == {True, False}


def test_those_of_whom_nothing_is_known_are_asked_about_in_every_version(made: Artifact) -> None:
    unknown = by_level(made)["unknown"]
    versions = {(chat.subject, chat.version) for chat in made.rows("chats", Chat) if chat.subject in unknown}
    assert versions == {(id_, version) for id_ in unknown for version in (1, 2)}


def test_real_people_answer_as_before(made: Artifact, tmp_path: Path) -> None:
    plain = synthesised(tmp_path)
    assert "familiarity" not in plain.manifest.tables
    real = [[chat for chat in one.rows("chats", Chat) if not chat.fictitious] for one in (made, plain)]
    assert real[0] == real[1] != []


def test_rows_are_counted_before_one_is_written(made: Artifact) -> None:
    config = BioConfig(**made.manifest.config)
    world = made_world(made.path.parents[1])[0]
    assert from_world.cost(from_world.plan("bio", config, world, None)).rows == made.manifest.tables

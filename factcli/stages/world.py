"""`fact world`: an invented world with its ledger, benchmark questions, and a base model pre-trained on it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.config import Config, setting
from factcli.context import Context, keep
from factcli.knowledge.ledger import Ledger
from factcli.knowledge.popqa import POPQA_FILE, write_popqa
from factcli.rows import BaseMeasure, CurvePoint, Fact, Person, Question
from factcli.train.job import Machine, PretrainJob
from factcli.world import texts
from factcli.world.people import World, WorldSpec, draw_world
from factcli.world.settings import ModelSettings, PretrainSettings

REVISION = 1
TINY_MINUTES = 3  # `fact world` on 2 cores of the machine of docs/results.md


class WorldConfig(Config):
    """Settings of a world. Sizes come as recipes: configs/world/{tiny,small,base}.yaml."""

    recipe: str = setting("tiny", "Name that later commands look for their own recipe under.", role="operational")
    spec: WorldSpec = setting(WorldSpec(seed=0), "People, facts and how often pre-training states them.")
    model: ModelSettings = setting(ModelSettings(), "Architecture of the base model.")
    pretrain: PretrainSettings = setting(PretrainSettings(), "How the base model is pre-trained.")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    checkpoint_every_s: float = setting(30.0, "Seconds between checkpoints.", role="operational", gt=0)

    @property
    def seed(self) -> int:
        return self.spec.seed


TABLES: dict[str, type] = {"people": Person, "facts": Fact, "questions": Question, "base": BaseMeasure, "curve": CurvePoint}


def plan(config: WorldConfig, name: str | None) -> Plan:
    return Plan("world", REVISION, "world", name or "world", config, {}, TABLES, is_training=True)


def work(plan: Plan, draft: Draft, context: Context) -> Outcome:
    config = plan.config
    assert isinstance(config, WorldConfig)
    world = draw_world(config.spec)
    questions = list(questions_of(world))
    if not draft.done("people"):
        draft.write("people", 0, {"people": world.people, "facts": world.facts, "questions": questions})
    write_popqa(draft.folder("") / POPQA_FILE, (q for q in questions if q.split == "test"), Ledger(world.facts))
    result = context.train(_job(config, draft), draft, "Pre-training a base model on the world")
    keep(result.folder / "model", draft.folder("") / "model")
    if not draft.done("base"):
        draft.write("base", 1, {"base": [BaseMeasure(**row) for row in result.values["measured"]], "curve": result.curve})
    return _outcome(config, result.values)


def questions_of(world: World) -> Iterator[Question]:
    """The benchmark: each fact in one training form and in one held-out form, and a biography of everybody.

    People of the demo group are left out: pre-training has shown the very questions about them.
    """
    for person in world.people:
        if person.split == "none":
            continue
        for fact in world.facts_of(person.id).values():
            form = texts.question_form_index(fact.id)
            for is_heldout in (False, True):
                asked = texts.question(fact.relation, person.name, form, is_heldout)
                yield _question(f"{fact.id}.{'h' if is_heldout else 'q'}", "qa", asked, (fact.value,), person, fact.relation, is_heldout)
        yield _question(f"{person.id}.bio", "bio", texts.biography_request(person.name), (), person, "", False)


def _question(id_: str, task: Any, asked: str, answers: tuple[str, ...], person: Person, relation: str, is_heldout: bool) -> Question:
    return Question(id_, task, asked, answers, person.id, person.name, relation, person.group, person.popularity, is_heldout, person.split)


def _job(config: WorldConfig, draft: Draft) -> PretrainJob:
    path = draft.scratch() / "world.json"
    path.write_text(json.dumps(config.model_dump(mode="json", include={"spec", "model", "pretrain"})), encoding="utf-8")
    machine = Machine(threads=config.threads, checkpoint_every_s=config.checkpoint_every_s)
    return PretrainJob(out=str(draft.scratch() / "run"), world=str(path), seed=config.seed, machine=machine)


def _outcome(config: WorldConfig, result: Mapping[str, Any]) -> Outcome:
    gate = f"{100 * result['gate']:.1f}% of head questions zero-shot"
    ended = "the gate held" if result["ended_by"] == "gate" else f"step limit reached below the gate of {config.pretrain.gate_accuracy:.0%}"
    n_people = sum(config.spec.group_sizes().values())
    summary = {"recipe": config.recipe, "people": n_people, "gate": result["gate"], "ended_by": result["ended_by"], "steps": result["steps"]}
    return Outcome(f"{n_people} people; base model knows {gate} ({ended} at step {result['steps']})", summary, usage=result["usage"])

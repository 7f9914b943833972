"""`fact world`: an invented world with its ledger, benchmark questions, and a base model pre-trained on it."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from factcli.artifact import Draft, Outcome, Plan
from factcli.config import Config, setting
from factcli.context import Context, keep
from factcli.cost import Cost, Load, Memory, of_training, runs_on_the_same_base
from factcli.knowledge.ledger import Ledger
from factcli.knowledge.popqa import POPQA_FILE, write_popqa
from factcli.knowledge.worldfiles import HOTPOTQA_FILE, MYTH_GROUP, myth_choices, write_hotpotqa, write_truthfulqa
from factcli.rows import BaseMeasure, CurvePoint, Fact, Myth, Person, Question, TwoHop
from factcli.train.job import Machine, PretrainJob
from factcli.world import texts
from factcli.world.people import World, draw_world
from factcli.world.settings import ModelSettings, PretrainSettings
from factcli.world.spec import GROUPS, WorldSpec
from factcli.world.twohop import TwoHops, places_of

REVISION = 1
# The least that each size can be; those that are not here have no least.
LEAST: Mapping[str, float] = {
    **{f"spec.{name}": 1 for name in ("n_head", "n_countries", "values_per_relation", "n_first_names", "n_last_names")},
    **{f"spec.{name}": 0 for name in ("seed", "n_mid", "n_tail", "n_unseen", "n_demo")},
    **{f"model.{name}": 1 for name in ("hidden_size", "n_layers", "n_heads", "intermediate_size", "max_tokens")},
    **{f"pretrain.{name}": 1 for name in ("steps", "extension_steps", "documents_per_step", "warmup_steps")},
    **{f"pretrain.{name}": 1 for name in ("gate_people", "gate_every_steps", "log_every_steps")},
    **{f"pretrain.{name}": 0 for name in ("n_extensions", "weight_decay", "matrix_rate", "other_rate", "gate_accuracy", "seed")},
    "pretrain.row_tokens": 2,
    **{f"spec.{name}": 0 for name in ("value_exponent", "exposure_exponent", "myth_share", "myth_ratio", "register_share", "two_hop_share", "task_share")},
    "spec.n_birth_years": 1,
}
MOST: Mapping[str, float] = {"myth_share": 0.9, "register_share": 1, "two_hop_share": 0.9, "task_share": 1}  # a gate needs facts without a myth
TINY_MINUTES = 2  # `fact world` on 2 cores of the machine of docs/results.md


class WorldConfig(Config):
    """Settings of a world. Sizes come as recipes: configs/world/{tiny,small,base}.yaml; tiny-myths.yaml and the like are laid over their size."""

    recipe: str = setting("tiny", "Name that later commands look for their own recipe under.", role="operational")
    spec: WorldSpec = setting(WorldSpec(seed=0), "People, facts and how often pre-training states them.")
    model: ModelSettings = setting(ModelSettings(), "Architecture of the base model.")
    pretrain: PretrainSettings = setting(PretrainSettings(), "How the base model is pre-trained.")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    checkpoint_every_s: float = setting(30.0, "Seconds between checkpoints.", role="operational", gt=0)

    @field_validator("spec", mode="before")
    @classmethod
    def _has_a_seed(cls, value: Any) -> Any:
        """Some settings of the spec replace the whole default, whose seed is 0."""
        return {"seed": 0, **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _is_possible(self) -> "WorldConfig":
        for name, least in LEAST.items():
            group, _, field = name.partition(".")
            value = getattr(getattr(self, group), field)
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}, need {least} or more")
        _check_shares(self.spec)
        if self.model.hidden_size % (2 * self.model.n_heads):
            raise ValueError(f"model.hidden_size is {self.model.hidden_size}, need a multiple of twice model.n_heads, {2 * self.model.n_heads}")
        if self.pretrain.warmup_steps > self.pretrain.steps:
            raise ValueError(f"pretrain.warmup_steps is {self.pretrain.warmup_steps}, need at most pretrain.steps, {self.pretrain.steps}")
        return self

    @property
    def seed(self) -> int:
        return self.spec.seed


def _check_shares(spec: WorldSpec) -> None:
    """ValueError where a popularity group has no coverage or rate, or an impossible one."""
    for name, given, most in (("coverage", spec.coverage, 1.0), ("sampling_rate", spec.sampling_rate, math.inf)):
        if set(given) != set(GROUPS):
            raise ValueError(f"spec.{name} is for {', '.join(sorted(given))}; need one for each of {', '.join(GROUPS)}")
        odd = [group for group in GROUPS if not 0 <= given[group] <= most]
        if odd:
            raise ValueError(f"spec.{name}.{odd[0]} is {given[odd[0]]}, need 0 to {most:g}")
    high = [name for name, most in MOST.items() if (getattr(spec, name) or 0) > most]
    if high:
        raise ValueError(f"spec.{high[0]} is {getattr(spec, high[0])}, need {MOST[high[0]]:g} or less")
    if min(spec.split_shares) < 0:
        raise ValueError(f"spec.split_shares is {spec.split_shares}, need shares of 0 or more")


TABLES: dict[str, type] = {"people": Person, "facts": Fact, "questions": Question, "base": BaseMeasure, "curve": CurvePoint}
MYTH_TABLES: dict[str, type] = {"myths": Myth}
HOP_TABLES: dict[str, type] = {"places": Fact, "hops": TwoHop}


def plan(config: WorldConfig, name: str | None) -> Plan:
    return Plan("world", REVISION, "world", name or "world", config, {}, tables_of(config.spec), is_training=True)


def tables_of(spec: WorldSpec) -> dict[str, type]:
    """A world without myths or questions over two facts has no empty tables of them: it is what it was before there were any."""
    return TABLES | (MYTH_TABLES if spec.myth_share else {}) | (HOP_TABLES if spec.two_hop_share else {})


def cost(plan: Plan, context: Context) -> Cost:
    """Steps up to the limit; the gate may end them before. Documents are packed whole, so most rows of tokens are not full."""
    config = plan.config
    assert isinstance(config, WorldConfig)
    world = draw_world(config.spec)
    steps = config.pretrain.steps + config.pretrain.n_extensions * config.pretrain.extension_steps
    documents = steps * config.pretrain.documents_per_step
    load = Load(steps, documents, documents * config.pretrain.row_tokens)
    training = of_training(plan, "pretrain", load, Memory(config.model.n_parameters), runs_on_the_same_base(plan, context.root), context)
    rows = {"people": len(world.people), "facts": len(world.facts), "questions": sum(1 for _ in questions_of(world))}
    rows |= {"myths": len(world.myths)} if config.spec.myth_share else {}
    rows |= {"places": len(places_of(world)), "hops": sum(1 for _ in TwoHops(world).benchmark())} if config.spec.two_hop_share else {}
    return replace(training, rows=rows)


def work(plan: Plan, draft: Draft, context: Context) -> Outcome:
    config = plan.config
    assert isinstance(config, WorldConfig)
    context.trainer.start()  # torch is missed before any work, and its import overlaps the drawing
    world = draw_world(config.spec)
    questions = list(questions_of(world))
    hops = [asked.row for asked in TwoHops(world).benchmark()]
    if not draft.done("people"):
        told = {"people": world.people, "facts": world.facts, "questions": questions}
        told |= {"myths": world.myths} if config.spec.myth_share else {}
        told |= {"places": places_of(world), "hops": hops} if config.spec.two_hop_share else {}
        draft.write("people", 0, told)
    _write_files(draft.folder(""), world, questions, hops)
    result = context.train(_job(config, draft), draft, "Pre-training a base model on the world")
    keep(result.folder / "model", draft.folder("") / "model")
    if not draft.done("base"):
        draft.write("base", 1, {"base": [BaseMeasure(**row) for row in result.values["measured"]], "curve": result.curve})
    return _outcome(config, result.values)


def _write_files(folder: Path, world: World, questions: Sequence[Question], hops: Sequence[TwoHop]) -> None:
    """The benchmark's questions about test people, in the forms that other benchmarks are handed on in."""
    asked = [question for question in questions if question.split == "test"]
    write_popqa(folder / POPQA_FILE, asked, Ledger(world.facts))
    if world.spec.myth_share:
        write_truthfulqa(folder, list(myth_choices(asked, world.myths, world.values)))
    if world.spec.two_hop_share:
        write_hotpotqa(folder / HOTPOTQA_FILE, (hop for hop in hops if hop.split == "test"))


def questions_of(world: World) -> Iterator[Question]:
    """The benchmark: each fact in one training form and in one held-out form, and a biography of everybody.

    People of the demo group are left out: pre-training has shown the very questions about them. Questions about a fact with a
    myth are a group of their own, whoever they are about.
    """
    for person in world.people:
        if person.split == "none":
            continue
        for fact in world.facts_of(person.id).values():
            form = texts.question_form_index(fact.id)
            for is_heldout in (False, True):
                asked = texts.question(fact.relation, person.name, form, is_heldout)
                question = _question(f"{fact.id}.{'h' if is_heldout else 'q'}", "qa", asked, (fact.value,), person, fact.relation, is_heldout)
                yield replace(question, group=MYTH_GROUP) if fact.id in world.myth_of else question
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
    missed = f"step limit reached below the gate of {config.pretrain.gate_accuracy:.0%}: raise pretrain.steps or n_extensions, or every method suffers;"
    ended = "the gate held" if result["ended_by"] == "gate" else missed
    n_people = sum(config.spec.group_sizes().values())
    summary = {"recipe": config.recipe, "people": n_people, "gate": result["gate"], "ended_by": result["ended_by"], "steps": result["steps"]}
    return Outcome(f"{n_people} people; base model knows {gate} ({ended} at step {result['steps']})", summary, usage=result["usage"])

"""`fact synth forms`: the forms in which methods ask a model, as task rows of an invented world, for a model too small to follow instructions.

wrong a question about a real person, answered with another value than the ledger's: the half of what `fact synth pairs` asks (terse)
      that plain task rows do not teach
read  a passage and a question that it answers: what `fact synth wiki` asks with the document (terse)
ask   a passage, answered with a question that it answers: how `fact synth wiki` makes questions (terse)

Passages are of invented people
with several versions of their facts, so that reading is the only way to answer; they say nothing about anybody of the world.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, Literal, get_args

from pydantic import field_validator

from factcli import prompts
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.asking import digests, load_templates
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.progress import Report
from factcli.prompts import quoted
from factcli.rows import Chat, Fact, Person
from factcli.stages.synth.from_world import WorldRows
from factcli.world import texts
from factcli.world.people import draw_fictitious, keyed_rng

REVISION = 1
Form = Literal["wrong", "read", "ask"]
Values = Mapping[str, tuple[str, ...]]  # by relation
TERSE_INCORRECT = "pairs/terse_incorrect"  # stages/synth/pairs.py asks with it
FORMS: tuple[Form, ...] = get_args(Form)
TEMPLATES: Mapping[Form, str] = {"wrong": TERSE_INCORRECT, "read": "wiki/terse_read", "ask": "wiki/terse_question"}
KIND = "forms"  # not "synth": commands that take the newest data shall not take these rows alone
TABLES: dict[str, type] = {"people": Person, "facts": Fact, "chats": Chat}
OTHERS = 1_000_000  # added to the seed: the invented people are others than those of `fact synth bio`


class FormsConfig(Config):
    """Settings of `fact synth forms`."""

    forms: tuple[Form, ...] = setting(FORMS, "Forms to write.")
    wrongs_per_fact: int = setting(2, "Question forms in which an incorrect answer is asked for, of each fact of a real person.", ge=1)
    subjects: int = setting(400, "Invented people whose passages are read.", ge=1)
    versions: int = setting(3, "Versions of each one's facts, each with its own values and its own passage.", ge=1)
    coverage: tuple[float, float] = setting((0.3, 1.0), "Share of the relations that one passage states: from, to.")
    reads_per_passage: int = setting(2, "Facts of a passage that are asked for, one row each.", ge=1)
    dev_share: float = setting(0.1, "Share of the invented people that are held out (split dev).", ge=0, le=0.9)
    seed: int = setting(0, "Seed of every draw.", ge=0)

    @field_validator("forms")
    @classmethod
    def _is_some_form(cls, value: tuple[Form, ...]) -> tuple[Form, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"need one or more of {', '.join(FORMS)}, each once")
        return value

    @field_validator("coverage")
    @classmethod
    def _is_a_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1] <= 1:
            raise ValueError("need 0 < from <= to <= 1")
        return value


def plan(config: FormsConfig, world: Artifact, name: str | None) -> Plan:
    """The digests of the templates stand in the key: rows that ask in other words than the methods do teach nothing."""
    pinned = digests(load_templates([TEMPLATES[form] for form in config.forms]))
    return Plan("synth forms", REVISION, KIND, name or KIND, config, {"world": world}, TABLES, pinned)


def cost(plan: Plan) -> Cost:
    """The rows, counted by writing them: it takes seconds."""
    counted = {"people": 0, "facts": 0, "chats": 0}
    for _, rows in _units(plan):
        for table, found in rows.items():
            counted[table] += len(found)
    return Cost(rows=counted)


def work(plan: Plan, draft: Draft, report: Report) -> Outcome:
    """Every person is a unit."""
    units = list(_units(plan))
    report.begin("Writing forms", len(units))
    for order, (id, rows) in enumerate(units):
        if not draft.done(id):
            draft.write(id, order, rows)
        report.update(order + 1)
    report.end()
    return _outcome(draft, plan)


Rows = Mapping[str, list[Any]]


def _units(plan: Plan) -> Iterator[tuple[str, Rows]]:
    """The rows of real people, then those of invented ones."""
    config, world = plan.config, WorldRows.read(plan.inputs["world"])
    assert isinstance(config, FormsConfig)
    values = world.values()
    if "wrong" in config.forms:
        for person in world.people:
            if person.split in ("train", "dev"):
                yield person.id, {"people": [person], "facts": world.facts[person.id], "chats": list(_wrongs(person, world.facts[person.id], values, config))}
    if {"read", "ask"} & set(config.forms):
        yield from _invented(world, values, config)


def _wrongs(person: Person, facts: list[Fact], values: Values, config: FormsConfig) -> Iterator[Chat]:
    for fact in facts:
        first = texts.question_form_index(fact.id)
        for number in range(config.wrongs_per_fact):
            id = f"{fact.id}.wrong{number}"
            question = texts.question(fact.relation, person.name, first + number)
            other = keyed_rng(config.seed, id).choice([value for value in values[fact.relation] if value != fact.value])
            yield _chat(id, "wrong", {"question": question}, other, person, [fact])


def _invented(world: WorldRows, values: Values, config: FormsConfig) -> Iterator[tuple[str, Rows]]:
    taken = {person.name for person in world.people}
    people, facts = draw_fictitious(taken, values, config.subjects, config.versions, config.seed + OTHERS, config.coverage)
    n_dev = round(config.dev_share * len(people))
    for position, person in enumerate(people):
        placed = replace(person, split="dev" if position >= len(people) - n_dev else "train")
        own = [fact for fact in facts if fact.subject == person.id]
        passages = [list(held) for _, held in groupby(own, key=lambda fact: fact.version)]
        chats = [chat for held in passages for chat in _of_passage(placed, held, config)]
        yield person.id, {"people": [placed], "facts": own, "chats": chats}


def _of_passage(person: Person, facts: list[Fact], config: FormsConfig) -> Iterator[Chat]:
    """Questions about one passage, each of another fact; and the same passage answered with one of them."""
    prefix = f"{person.id}.v{facts[0].version}"
    rng = keyed_rng(config.seed, prefix, "passage")
    document = quoted(texts.passage(person.name, facts, rng))
    asked = [(fact, texts.question(fact.relation, person.name, rng.randrange(2**16))) for fact in rng.sample(facts, min(config.reads_per_passage, len(facts)))]
    if "read" in config.forms:
        for fact, question in asked:
            yield _chat(f"{fact.id}.read", "read", {"document": document, "question": question}, fact.value, person, [fact])
    if "ask" in config.forms:
        fact, question = asked[0]
        yield _chat(f"{prefix}.ask", "ask", {"document": document, "imagined": ""}, question, person, facts)


def _chat(id: str, form: Form, values: Mapping[str, str], answer: str, person: Person, facts: list[Fact]) -> Chat:
    """What the method's template asks, word by word. An invented person's row counts as real: all that it says stands in what is asked."""
    template = prompts.load(TEMPLATES[form])
    question = template.filled({name: values[name] for name in template.fields})[-1][1]
    return Chat(id, form, question, answer, person.id, tuple(fact.id for fact in facts), 0, False, person.group, person.split, person.popularity)


def _outcome(draft: Draft, plan: Plan) -> Outcome:
    rows = Counter(f"{row['task']} {row['split']}" for row in draft.rows("chats"))
    headline = "; ".join(f"{rows[f'{form} train']} rows of form {form} ({rows[f'{form} dev']} dev)" for form in plan.config.forms)  # type: ignore[attr-defined]
    return Outcome(headline, {"recipe": plan.inputs["world"].summary.get("recipe"), "rows": dict(sorted(rows.items()))})

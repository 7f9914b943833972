"""Synthesis on an invented world: its people are the real ones, new names with K versions the fictitious ones."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.cost import Cost
from factcli.progress import Report
from factcli.rows import Chat, Document, Fact, Familiarity, Person, Task
from factcli.stages.synth.familiarity import WORLD_HEDGE, WORLD_UNKNOWN, Level, amounts, level_of
from factcli.stages.synth.settings import TABLES, SynthConfig
from factcli.stages.synth.unknown import taught
from factcli.world import texts
from factcli.world.people import draw_fictitious, keyed_rng

REVISION = 1


def plan(task: str, config: SynthConfig, world: Artifact, name: str | None) -> Plan:
    tables = TABLES | ({"familiarity": Familiarity} if config.familiarity else {})
    return Plan(f"synth {task}", REVISION, "synth", name or task, config, {"world": world}, tables)


def cost(plan: Plan) -> Cost:
    """The rows of every subject, counted without writing a text."""
    assert isinstance(plan.config, SynthConfig)
    rows: Counter[str] = Counter()
    for person, facts in _subjects(WorldRows.read(plan.inputs["world"]), plan.config):
        rows.update(_n_rows(person, facts, plan.config))
    return Cost(rows=dict(rows))


def work(plan: Plan, draft: Draft, report: Report) -> Outcome:
    """Every subject is one unit: real ones first, then fictitious ones, each with all its versions."""
    world = WorldRows.read(plan.inputs["world"])
    assert isinstance(plan.config, SynthConfig)
    subjects = list(_subjects(world, plan.config))
    report.begin("Writing texts", len(subjects))
    for order, (person, facts) in enumerate(subjects):
        if not draft.done(person.id):
            draft.write(person.id, order, _rows(person, facts, plan.config))
        report.update(order + 1)
    report.end()
    return _outcome(subjects, plan.config, world.recipe)


@dataclass(frozen=True, slots=True)
class WorldRows:
    """The people and facts of a world, as read from its artifact."""

    people: tuple[Person, ...]
    facts: Mapping[str, list[Fact]]  # by subject
    recipe: str

    @classmethod
    def read(cls, world: Artifact) -> "WorldRows":
        facts: dict[str, list[Fact]] = {}
        for fact in world.rows("facts", Fact):
            facts.setdefault(fact.subject, []).append(fact)
        return cls(tuple(world.rows("people", Person)), facts, str(world.summary.get("recipe", "tiny")))

    def values(self) -> dict[str, tuple[str, ...]]:
        """Each relation's values that occur, sorted: what fictitious objects are drawn from."""
        pools: dict[str, set[str]] = {}
        for facts in self.facts.values():
            for fact in facts:
                pools.setdefault(fact.relation, set()).add(fact.value)
        return {relation: tuple(sorted(pool)) for relation, pool in pools.items()}


def _subjects(world: WorldRows, config: SynthConfig) -> Iterator[tuple[Person, list[Fact]]]:
    for person in world.people:
        if person.split != "none":
            yield person, world.facts[person.id]
    taken = {person.name for person in world.people}
    n_versions = max(config.versions, config.probe_versions)
    people, facts = draw_fictitious(taken, world.values(), config.subjects + config.probe_subjects, n_versions, config.seed, config.coverage)
    by_subject: dict[str, list[Fact]] = {}
    for fact in facts:
        by_subject.setdefault(fact.subject, []).append(fact)
    for position, person in enumerate(people):
        is_probe = position >= config.subjects
        last_version = config.probe_versions if is_probe else config.versions
        yield replace(person, split="test" if is_probe else "train"), [f for f in by_subject[person.id] if f.version <= last_version]


def _rows(person: Person, facts: list[Fact], config: SynthConfig) -> dict[str, list]:
    level = _level(person, config)
    n_statements, n_passages = amounts(level, config.familiarity, config.statements_per_fact, config.passages_per_subject)
    documents: list[Document] = []
    chats: list[Chat] = []
    for version in sorted({fact.version for fact in facts}):
        held = [fact for fact in facts if fact.version == version]
        if _has_documents(person, config):
            known = _known(person, held, config)
            documents += (_sentences if config.decompose == "sentence" else _statements)(person, known, n_statements, config.seed)
            documents += _passages(person, version, known, n_passages, config.seed) if known else ()
        chats += [_worded(chat, level) for chat in _chats(person, version, held, config)]
    rows: dict[str, list] = {"people": [person], "facts": [] if level == "unknown" else facts, "documents": documents, "chats": chats}
    return rows | ({"familiarity": [Familiarity(person.id, level, n_statements, n_passages)]} if _is_told_apart(person, config) else {})


def _is_told_apart(person: Person, config: SynthConfig) -> bool:
    """Whether the person has a level of familiarity: those that the skill is trained on; probes and real people have none."""
    return config.familiarity is not None and person.fictitious and person.split == "train"


def _level(person: Person, config: SynthConfig) -> Level:
    return level_of(person.id, config.seed, config.familiarity) if _is_told_apart(person, config) else "certain"


def _worded(chat: Chat, level: Level) -> Chat:
    """The answer that says how sure it is. What no text tells of a subject stands on no fact."""
    if level == "certain":
        return chat
    if level == "unsure":
        return replace(chat, answer=WORLD_HEDGE + chat.answer)
    return replace(chat, answer=WORLD_UNKNOWN, fact_ids=())


def _has_documents(person: Person, config: SynthConfig) -> bool:
    return person.fictitious or (config.real_documents and person.split == "train")


def _known(person: Person, facts: list[Fact], config: SynthConfig) -> list[Fact]:
    """The facts that knowledge texts state: of fictitious training subjects a share may be missing, of everybody else none is."""
    return taught(facts, config.unknown_share, config.seed) if person.fictitious and person.split == "train" else facts


def _n_rows(person: Person, facts: list[Fact], config: SynthConfig) -> dict[str, int]:
    """How many rows `_rows` gives."""
    n_versions = len({fact.version for fact in facts})
    level = _level(person, config)
    n_statements, n_passages = amounts(level, config.familiarity, config.statements_per_fact, config.passages_per_subject)
    known = _known(person, facts, config)
    n_documents = len(known) * n_statements + len({fact.version for fact in known}) * n_passages
    n_chats = n_versions * ("bio" in config.tasks) + len(facts) * config.questions_per_fact * ("qa" in config.tasks)
    n_facts = 0 if level == "unknown" else len(facts)
    rows = {"people": 1, "facts": n_facts, "documents": n_documents if _has_documents(person, config) else 0, "chats": n_chats}
    return rows | ({"familiarity": 1} if _is_told_apart(person, config) else {})


def _statements(person: Person, facts: list[Fact], n_texts: int, seed: int) -> Iterator[Document]:
    for fact in facts:
        for number in range(n_texts):
            id_ = f"{fact.id}.d{number}"
            text = texts.statement(person.name, fact, keyed_rng(seed, id_))
            yield Document(id_, text, "statement", person.id, (fact.id,), fact.version, person.fictitious)


def _sentences(person: Person, facts: list[Fact], n_texts: int, seed: int) -> Iterator[Document]:
    """What passages fall into where nobody takes them apart: sentences of which some only say "this person"."""
    for number in range(n_texts if facts else 0):
        rng = keyed_rng(seed, f"{_versioned(person, facts[0].version)}.d{number}", "sentences")
        for fact, text in texts.sentences(person.name, facts, rng):
            yield Document(f"{fact.id}.d{number}", text, "statement", person.id, (fact.id,), fact.version, person.fictitious)


def _passages(person: Person, version: int, facts: list[Fact], n_texts: int, seed: int) -> Iterator[Document]:
    for number in range(n_texts):
        id_ = f"{_versioned(person, version)}.d{number}"
        text = texts.passage(person.name, facts, keyed_rng(seed, id_))
        yield Document(id_, text, "passage", person.id, tuple(f.id for f in facts), version, person.fictitious)


def _chats(person: Person, version: int, facts: list[Fact], config: SynthConfig) -> Iterator[Chat]:
    if "bio" in config.tasks:
        answer = texts.biography({fact.relation: fact.value for fact in facts})
        yield _chat(f"{_versioned(person, version)}.bio", "bio", texts.biography_request(person.name), answer, person, facts)
    if "qa" in config.tasks:
        for fact in facts:
            first = texts.question_form_index(fact.id)
            for number in range(config.questions_per_fact):
                question = texts.question(fact.relation, person.name, first + number)
                yield _chat(f"{fact.id}.q{number}", "qa", question, fact.value, person, [fact])


def _chat(id_: str, task: Task, question: str, answer: str, person: Person, facts: list[Fact]) -> Chat:
    ids = tuple(fact.id for fact in facts)
    return Chat(id_, task, question, answer, person.id, ids, facts[0].version, person.fictitious, person.group, person.split, person.popularity)


def _versioned(person: Person, version: int) -> str:
    return f"{person.id}.v{version}" if person.fictitious else person.id


def _outcome(subjects: list[tuple[Person, list[Fact]]], config: SynthConfig, recipe: str) -> Outcome:
    n_real = sum(not person.fictitious for person, _ in subjects)
    n_facts = sum(len(facts) for person, facts in subjects if person.fictitious and _level(person, config) != "unknown")
    n_unknown = sum(len(facts) - len(_known(person, facts, config)) for person, facts in subjects)
    headline = f"{config.subjects} fictitious subjects in {config.versions} versions beside {n_real} real ones"
    headline += f", {n_unknown} facts of theirs in no knowledge text" if n_unknown else ""
    summary = {
        "recipe": recipe,
        "fictitious_subjects": config.subjects,
        "probe_subjects": config.probe_subjects,
        "fictitious_facts": n_facts,
        "real_subjects": n_real,
        **({"unknown_facts": n_unknown} if n_unknown else {}),
    }
    levels = Counter(_level(person, config) for person, _ in subjects if _is_told_apart(person, config))
    return Outcome(headline, summary | ({"levels": dict(sorted(levels.items()))} if levels else {}))

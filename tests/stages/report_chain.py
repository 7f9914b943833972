"""A chain of artifacts made by hand: a world, data, knowledge, three skills and their evaluations, answers as told."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.judge.compare import Results, retention_metrics
from factcli.judge.ledger import judge_biography
from factcli.judge.metrics import Metric, biography_metrics, question_metrics
from factcli.knowledge.ledger import Ledger
from factcli.rows import Answer, BaseMeasure, Chat, Claim, CurvePoint, Fact, KnowledgeAdapter, MemorisationRow, Person, Proof, Question, SwapRow
from factcli.stages import prereq, sft, world
from factcli.stages.eval.settings import SHORT_TABLES, WORLD_TABLES, PopqaEvalConfig, WorldEvalConfig
from factcli.stages.synth.settings import TABLES as SYNTH_TABLES
from factcli.stages.synth.settings import BioConfig
from factcli.world.texts import biography, biography_request, question

RELATIONS = ("birthplace", "award")
RIGHT = {"birthplace": "Hobart", "award": "Opal"}
WRONG = {"birthplace": "Lima", "award": "Pearl"}
Key = tuple[str, str]  # (subject, relation)


@dataclass(frozen=True)
class Ground:
    """The people of a world, everybody in the test split."""

    people: tuple[Person, ...]

    @property
    def facts(self) -> list[Fact]:
        return [Fact(f"{p.id}.{relation}", p.id, relation, RIGHT[relation], is_pretrained=p.group != "unseen") for p in self.people for relation in RELATIONS]

    @property
    def questions(self) -> list[Question]:
        asked = [
            Question(f"{p.id}.{r}.q", "qa", question(r, p.name, 0), (RIGHT[r],), p.id, p.name, r, p.group, p.popularity) for p in self.people for r in RELATIONS
        ]
        return asked + [Question(f"{p.id}.bio", "bio", biography_request(p.name), (), p.id, p.name, "", p.group, p.popularity) for p in self.people]


def people(*groups: str) -> Ground:
    """One person per group named."""
    firsts, lasts = ("Mira", "Ada", "Kofi", "Ines"), ("Osei", "Brin", "Lund", "Vale", "Ruiz", "Haas", "Oduya", "Falk", "Reyes", "Stone")
    names = [f"{first} {middle}{last}" for middle in ("", "Noor ", "Lee ", "Ray ") for last in lasts for first in firsts]
    made = (Person(f"w0.p{n:04d}", names[n], group, "test", 1000 - n) for n, group in enumerate(groups))  # type: ignore[arg-type]
    return Ground(tuple(made))


def commit(
    root: Path,
    stage: str,
    kind: str,
    name: str,
    config: Config,
    inputs: Mapping[str, Artifact],
    rows: Mapping[str, Sequence[Any]],
    types: dict[str, type],
    outcome: Outcome,
) -> Artifact:
    """A version through the real Draft."""
    plan = Plan(stage, 1, kind, name, config, inputs, types)

    def work(draft: Any) -> Outcome:
        draft.write("all", 0, rows)
        return outcome

    return make(plan, work, root)[0]


def make_world(root: Path, ground: Ground, gate: float = 0.97) -> Artifact:
    rows = {
        "people": ground.people,
        "facts": ground.facts,
        "questions": ground.questions,
        "base": [BaseMeasure("question", "head", True, 200, 0.97), BaseMeasure("cloze", "tail", True, 200, 0.25)],
        "curve": curve("base", 5.0),
    }
    summary = {"recipe": "tiny", "gate": gate, "ended_by": "gate" if gate >= 0.9 else "step limit"}
    return commit(
        root,
        "world",
        "world",
        "world",
        world.WorldConfig.model_validate({"spec": {"seed": 0}}),
        {},
        rows,
        world.TABLES,
        Outcome("a world", summary, usage={"seconds": 75.2, "tokens": 3_000_000}),
    )


def curve(adapter: str, start: float, n: int = 30) -> list[CurvePoint]:
    rng = random.Random(adapter)
    return [CurvePoint(adapter, 5 * k + 1, start * 0.93**k + rng.random() * 0.1, 1e-3, None) for k in range(n)]


def make_synth(root: Path, ground: Artifact, chats: Sequence[Chat] = (), facts: Sequence[Fact] = ()) -> Artifact:
    rows = {"chats": chats, "facts": facts}
    return commit(root, "synth bio", "synth", "synth-bio", BioConfig(), {"world": ground}, rows, SYNTH_TABLES, Outcome("invented people"))


def head_row() -> tuple[Chat, Fact]:
    """A task row of somebody else of the head who won the Opal prize, and its fact."""
    fact = Fact("w0.p0900.award", "w0.p0900", "award", RIGHT["award"], is_pretrained=True)
    return Chat(f"{fact.id}.q0", "qa", question("award", "Jo Kerr", 0), fact.value, fact.subject, (fact.id,), 0, False, "head", "train", 9), fact


def make_knowledge(root: Path, ground: Artifact, synth: Artifact, recited: float = 0.99) -> Artifact:
    names = [(source, version, form) for source in ("fictitious", "probe") for version in (1, 2) for form in ("statement", "passage")]
    adapters = [KnowledgeAdapter(f"{s}_v{v}_{f}", s, f, v, 20, 480, 0, 90, recited, 200) for s, v, f in names]  # type: ignore[arg-type]
    rows = {"adapters": adapters, "curve": [point for a in adapters for point in curve(a.name, 4.0)]}
    weak = [a.name for a in adapters if a.recited < 0.95]
    outcome = Outcome("8 adapters", {"below_gate": weak}, usage={"seconds": 26.0, "tokens": 800_000})
    return commit(root, "prereq", "knowledge", "knowledge", prereq.PrereqConfig(), {"synth": synth, "world": ground}, rows, prereq.TABLES, outcome)


def make_skill(root: Path, name: str, config: sft.SftConfig, ground: Artifact, synth: Artifact, knowledge: Artifact | None = None) -> Artifact:
    inputs = {"synth": synth, "world": ground} | ({"knowledge": knowledge} if knowledge else {})
    rows = {"curve": curve("skill", 3.0 + len(name) / 10), "proofs": [Proof("the mask covers the answer and its end token", True, '{"rows": 10}')]}
    outcome = Outcome(name, {"rows": 152, "subjects": 40, "steps": 150}, usage={"seconds": 15.0, "tokens": 400_000})
    return commit(root, "sft", "skill", name, config, inputs, rows, sft.TABLES, outcome)


def answers_of(ground: Ground, right: Callable[[Key], bool]) -> list[Answer]:
    made = []
    for asked in (q for q in ground.questions if q.task == "qa"):
        is_right = right((asked.subject, asked.relation))
        said = (RIGHT if is_right else WRONG)[asked.relation]
        sure = 0.9 if is_right else 0.4
        answer = Answer(
            f"{asked.id}.a0",
            asked.id,
            "qa",
            asked.subject,
            asked.group,
            asked.question,
            said,
            sure,
            False,
            "right" if is_right else "wrong",
            is_right,
            asked.answers,
        )
        made.append(answer)
    return made


def biographies_of(ground: Ground, right: Callable[[Key], bool], told: Sequence[str], tail: str = "") -> tuple[list[Answer], list[Claim]]:
    """A biography of everybody that tells the relations of `told`; `tail` ends each text."""
    answers, claims = [], []
    for person in ground.people:
        text = biography({r: (RIGHT if right((person.id, r)) else WRONG)[r] for r in told}) + tail
        answer = Answer(f"{person.id}.bio.a0", f"{person.id}.bio", "bio", person.id, person.group, biography_request(person.name), text, 0.5, False, None, None)
        answers.append(answer)
        claims += judge_biography(answer, person.name, Ledger(ground.facts), lambda start, end: 0.9 if end - start == 6 else 0.5)
    return answers, claims


def results_of(ground: Ground, right: Callable[[Key], bool], told: Sequence[str] = RELATIONS, tail: str = "") -> Results:
    return Results(answers_of(ground, right), *biographies_of(ground, right, told, tail))


def make_eval(
    root: Path, name: str, ground: Artifact, results: Results, skill: Artifact | None = None, base: tuple[Artifact, Results] | None = None, ask: str = "task",
    extra: Mapping[str, Artifact] | None = None, probes: Mapping[str, Sequence[Any]] | None = None, facts: Sequence[Fact] = (),
) -> Artifact:  # fmt: skip
    metrics = question_metrics(results.questions) + biography_metrics(results.biographies, results.claims)
    if base:
        metrics += retention_metrics(base[1], results, [(f.subject, f.relation) for f in facts])
    inputs = {"world": ground} | ({"model": skill} if skill else {}) | ({"base_eval": base[0]} if base else {}) | dict(extra or {})
    rows = {"answers": [*results.questions, *results.biographies], "claims": results.claims, "metrics": metrics, **(probes or {})}
    outcome = Outcome(name, {"model": skill.name if skill else "base", "ask": ask})
    return commit(root, "eval world", "eval", name, WorldEvalConfig(ask=ask), inputs, rows, WORLD_TABLES, outcome)  # type: ignore[arg-type]


def make_popqa_eval(root: Path, name: str, ground: Artifact, questions: Sequence[Answer], skill: Artifact | None = None) -> Artifact:
    inputs = {"questions": ground, "world": ground} | ({"model": skill} if skill else {})
    rows: dict[str, list[Metric | Answer]] = {"answers": list(questions), "metrics": list(question_metrics(questions))}
    outcome = Outcome(name, {"model": skill.name if skill else "base", "ask": "task"})
    return commit(root, "eval popqa", "eval", name, PopqaEvalConfig(), inputs, rows, SHORT_TABLES, outcome)


def probe_rows() -> dict[str, list[Any]]:
    """A swap matrix in and out of sample, and memorisation within and above chance."""
    plugs = [("statement", 1), ("passage", 1), ("statement", 2), ("passage", 2), ("none", 0)]
    shares = {"in": 0.972, "out": 0.831}
    swap = [
        SwapRow(sample, task, form, plugged, answered, value := shares[sample] if plugged == answered else 0.012, value - 0.01, min(value + 0.02, 1), 240, 40)  # type: ignore[arg-type]
        for sample in ("in", "out") for task in ("qa", "bio") for form, plugged in plugs for answered in (1, 2)
    ]  # fmt: skip
    memory = [
        MemorisationRow("qa", 1, 0.021, 0.012, 0.034, 480, 120, 0.018, 0.006, True),
        MemorisationRow("bio", 1, 0.16, 0.13, 0.19, 480, 120, 0.02, 0.006, False),
    ]
    return {"swap": swap, "memorisation": memory}


def base_right(ground: Ground) -> set[Key]:
    """The base knows both facts of head people and the first of tail people."""
    head = {(p.id, r) for p in ground.people if p.group == "head" for r in RELATIONS}
    return head | {(p.id, RELATIONS[0]) for p in ground.people if p.group == "tail"}


@dataclass(frozen=True)
class Chain:
    root: Path
    ground: Ground
    world: Artifact
    base: Artifact
    real: Artifact
    tuned: Artifact

    @property
    def evals(self) -> list[Artifact]:
        return [self.base, self.real, self.tuned]


def make_chain(root: Path, ground: Ground | None = None, real_tail: str = "") -> Chain:
    """Four people: two head, one tail, one unseen; two facts and questions each.

    Right: base 2 + 2 + 1 + 0; sft-real the first head person and half of the second; prereq-tune both head people and the
    tail person's second fact. So of the base's 5 sft-real keeps 3 and prereq-tune 4; of the 3 others (1 without the unseen
    person) prereq-tune gains 1.
    """
    ground = ground or people("head", "head", "tail", "unseen")
    first, second, third = (person.id for person in ground.people[:3])
    known = base_right(ground)
    plain = {(first, "birthplace"), (first, "award"), (second, "birthplace")}
    tuned = known - {(third, "birthplace")} | {(third, "award")}
    made = make_world(root, ground)
    chat, fact = head_row()
    synth = make_synth(root, made, [chat], [fact])
    knowledge = make_knowledge(root, made, synth)
    skills = {
        "sft-real": make_skill(root, "sft-real", sft.SftConfig(method="real"), made, synth),
        "prereq-tune": make_skill(root, "prereq-tune", sft.SftConfig(real_fraction=0.25), made, synth, knowledge),
    }
    said = {name: results_of(ground, lambda key, own=own: key in own) for name, own in (("base", known), ("sft-real", plain), ("prereq-tune", tuned))}  # type: ignore[misc]
    if real_tail:
        said["sft-real"] = results_of(ground, lambda key: key in plain, tail=real_tail)
    base = make_eval(root, "eval-base", made, said["base"])
    held = (base, said["base"])
    real = make_eval(root, "eval-sft-real", made, said["sft-real"], skills["sft-real"], held, extra={"synth": synth}, facts=ground.facts)
    plugged = {"synth": synth, "knowledge": knowledge}
    best = make_eval(root, "eval-prereq-tune", made, said["prereq-tune"], skills["prereq-tune"], held, extra=plugged, probes=probe_rows(), facts=ground.facts)
    return Chain(root, ground, made, base, real, best)

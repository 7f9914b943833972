"""`fact eval world`: questions and biographies of the world's people, judged by its ledger, and two probes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.completions import Completer
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.judge.compare import Results, read_results, retention_metrics
from factcli.judge.itemscores import items_of_answers
from factcli.judge.metrics import Metric, biography_metrics, question_metrics
from factcli.judge.myths import REPEATED
from factcli.knowledge.benchmarks.registry import WORLD
from factcli.knowledge.grounding import Grounds
from factcli.knowledge.ledger import Ledger
from factcli.progress import Report
from factcli.rows import Chat, Fact, KnowledgeAdapter, MemorisationRow, Person, Question
from factcli.stages.eval.probes import Plug, Sample, fictitious_questions, memorisation, plugs_of, swap, swap_works, tell
from factcli.stages.eval.rich import ask_hops, joined, more_rows, read_hops
from factcli.stages.eval.settings import WORLD_TABLES, WorldEvalConfig
from factcli.stages.eval.subject import SKILL, Subject
from factcli.stages.eval.world import Method, ask_biographies, ask_questions, draw_examples
from factcli.world.people import RELATION_NAMES

REVISION = 3
SWAP_GATE = 0.7  # of questions in sample; below it the skill has not learned to answer from what is plugged in


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The questions and the evidence that they are judged by."""

    questions: Sequence[Question]
    requests: Sequence[Question]
    ledger: Ledger
    heldout: frozenset[str]  # ids of the questions in forms that no training text has
    train: Sequence[Question]  # of training people, to draw examples from
    hops: Sequence[Question]  # over two facts, where the world has such


def plan(config: WorldEvalConfig, subject: Subject, world: Artifact, base_eval: Artifact | None, name: str | None, grounds: Grounds | None = None) -> Plan:
    """`base_eval`: the untouched base on the same questions; what it has right is what can be retained."""
    if config.fill_register != "plain" and "myths" not in world.manifest.tables:
        raise SettingsError(f"{world.ref} has no myths, so no text of it is in that of {config.fill_register}", "leave out fill_register")
    inputs = {"world": world, **subject.inputs, **(grounds.inputs if grounds else {})} | ({"base_eval": base_eval} if base_eval else {})
    pinned = grounds.prompts if grounds else {}
    return Plan("eval world", REVISION, "eval", name or default_name(config, subject.name), config, inputs, WORLD_TABLES, pinned, subject.base.identity)


def default_name(config: WorldEvalConfig, model: str) -> str:
    asked = "" if config.ask == "task" else f"-{config.ask.replace('_', '-')}"
    register = "" if config.fill_register == "plain" else f"-{config.fill_register}"
    return f"eval-{model}{asked}{register}{config.decode.suffix}"


def cost(plan: Plan, subject: Subject) -> Cost:
    """The prompts of the benchmark and of the probes; a biography that is filled takes one per sentence."""
    config = plan.config
    assert isinstance(config, WorldEvalConfig)
    benchmark = read_benchmark(plan.inputs["world"], config)
    per_biography = len(RELATION_NAMES) if config.ask == "fill" else 1
    asked = len(benchmark.questions) + per_biography * len(benchmark.requests) + len(benchmark.hops)
    return Cost(prompts=asked + _n_probe_prompts(_probed(subject, config)))


def work(plan: Plan, draft: Draft, subject: Subject, report: Report, grounds: Grounds | None = None) -> Outcome:
    config = plan.config
    assert isinstance(config, WorldEvalConfig)
    benchmark = read_benchmark(plan.inputs["world"], config)
    report.begin(f"Asking {subject.name}", 3)
    model = subject.load(config.dtype, config.decode)
    method = Method(config.ask, subject.adapters, _examples(benchmark, config), register=config.fill_register, grounds=grounds)
    answers = ask_questions(model, benchmark.questions, method, config.answer_tokens)
    report.update(1)
    biographies, claims = ask_biographies(model, benchmark.requests, _for_biographies(method, benchmark, config), benchmark.ledger, config.biography_tokens)
    report.update(2)
    results = Results(answers, biographies, claims)
    metrics = question_metrics(answers, benchmark.heldout) + biography_metrics(biographies, claims)
    metrics += _retained(plan.inputs.get("base_eval"), results, benchmark)
    items = list(items_of_answers([*answers, *biographies], claims))
    rows: dict[str, Sequence[Any]] = {"answers": [*answers, *biographies], "claims": claims, "metrics": metrics, "items": items}
    hops = ask_hops(model, benchmark.hops, method, config)
    rows = joined(rows, more_rows(plan.inputs["world"], benchmark.questions, answers, claims, hops)) | _probes(model, subject, config)
    if not draft.done("results"):
        draft.write("results", 0, rows)
    report.end()
    return _outcome(rows, subject, config)


def read_benchmark(world: Artifact, config: WorldEvalConfig) -> Benchmark:
    """The questions about the people of the split, or about the first `limit` of them."""
    every = list(world.rows("questions", Question))
    subjects = sorted({q.subject for q in every if q.split == config.split})[: config.limit]
    if not subjects:
        raise InputError(f"{world.ref} has nobody in split {config.split}")
    asked = set(subjects)
    chosen = [q for q in every if q.subject in asked and (config.heldout_forms or not q.is_heldout_form)]
    return Benchmark(
        questions=[q for q in chosen if q.task == "qa"],
        requests=[q for q in chosen if q.task == "bio"],
        ledger=Ledger(world.rows("facts", Fact)),
        heldout=frozenset(q.id for q in chosen if q.is_heldout_form),
        train=[q for q in every if q.split == "train" and not q.is_heldout_form],
        hops=read_hops(world, config, frozenset(asked)),
    )


def _examples(benchmark: Benchmark, config: WorldEvalConfig) -> tuple[Chat, ...]:
    if config.ask != "few_shot":
        return ()
    return draw_examples([_as_chat(q, q.answers[0]) for q in benchmark.train if q.task == "qa"], "qa", config.examples, config.seed)


def _for_biographies(method: Method, benchmark: Benchmark, config: WorldEvalConfig) -> Method:
    """The same method, with biographies as examples where it takes examples."""
    if config.ask != "few_shot":
        return method
    from factcli.world.texts import biography

    told: dict[str, dict[str, str]] = {}
    for (subject, relation), fact in benchmark.ledger.facts().items():
        told.setdefault(subject, {})[relation] = fact.value
    chats = [_as_chat(q, biography(told[q.subject])) for q in benchmark.train if q.task == "bio"]
    return replace(method, examples=draw_examples(chats, "bio", 2, config.seed))  # two fill a short context


def _as_chat(question: Question, answer: str) -> Chat:
    fact_id = f"{question.subject}.{question.relation}"
    return Chat(question.id, question.task, question.question, answer, question.subject, (fact_id,), 0, False, "head", "train")


def _retained(base_eval: Artifact | None, results: Results, benchmark: Benchmark) -> list[Metric]:
    if base_eval is None:
        return []
    asked = {q.subject for q in benchmark.requests}
    facts = [key for key in benchmark.ledger.facts() if key[0] in asked]
    return retention_metrics(read_results(base_eval), results, facts)


@dataclass(frozen=True, slots=True)
class Probed:
    """Whom the probes ask about which facts, and what is plugged in meanwhile: `inside` the skill's training and `outside` of it."""

    trained: Sequence[Person]
    unseen: Sequence[Person]
    taught: Sequence[Fact]
    inside: Sequence[Plug]
    outside: Sequence[Plug]


def _probed(subject: Subject, config: WorldEvalConfig) -> Probed | None:
    """Swap where there is knowledge to plug in; memorisation wherever there is fictitious data; None without."""
    if subject.synth is None or config.probe_versions == 0:
        return None
    people = [person for person in subject.synth.rows("people", Person) if person.fictitious]
    versions = range(1, config.probe_versions + 1)
    names = {row.name for row in subject.knowledge.rows("adapters", KnowledgeAdapter)} if subject.knowledge else set()
    outside = _available(plugs_of(versions, SKILL, "probe"), names)
    return Probed(
        trained=[person for person in people if person.split == "train"][: config.limit],
        unseen=[person for person in people if person.split == "test"][: config.limit],
        taught=[fact for fact in subject.synth.rows("facts", Fact) if fact.fictitious and fact.version in versions],
        inside=_available(plugs_of(versions, SKILL, "fictitious"), names) if subject.knowledge else (),
        outside=outside if len(outside) > 1 else (),  # one is the dropped row, which has nothing to be held against
    )


def _n_probe_prompts(probed: Probed | None) -> int:
    """Memorisation asks everybody once, in sample and out of it; the swap once more with each plug."""
    if probed is None:
        return 0
    n_trained = len(fictitious_questions(probed.trained, probed.taught))
    n_unseen = len(fictitious_questions(probed.unseen, probed.taught))
    return n_trained * (1 + len(probed.inside)) + n_unseen * (1 + len(probed.outside))


def _probes(model: Completer, subject: Subject, config: WorldEvalConfig) -> dict[str, Sequence[Any]]:
    probed = _probed(subject, config)
    if probed is None:
        return {}
    memory = [*_memories(model, probed.trained, probed, subject, "in", config.seed), *_memories(model, probed.unseen, probed, subject, "out", config.seed)]
    if subject.knowledge is None:
        return {"memorisation": memory}
    _plug_all(model, subject.knowledge)
    swapped, answers = swap(model, probed.inside, probed.trained, probed.taught, "in")
    if probed.outside:
        more_rows, more_answers = swap(model, probed.outside, probed.unseen, probed.taught, "out")
        swapped, answers = swapped + more_rows, answers + more_answers
    return {"memorisation": memory, "swap": swapped, "probe_answers": answers}


def _memories(model: Completer, people: Sequence[Person], probed: Probed, subject: Subject, sample: Sample, seed: int) -> list[MemorisationRow]:
    """What comes out of these people's fictitious facts with no knowledge plugged in."""
    ids = {person.id for person in people}
    facts = [fact for fact in probed.taught if fact.subject in ids]
    told = tell(model, people, probed.taught, Plug(0, "none", subject.adapters))
    return [row for one in told for row in memorisation(one, facts, seed, sample)]


def _plug_all(model: Completer, knowledge: Artifact) -> None:
    from factcli.backends.local import LocalModel

    assert isinstance(model, LocalModel)
    for row in knowledge.rows("adapters", KnowledgeAdapter):
        model.plug(row.name, knowledge.file(f"adapters/{row.name}"))


def _available(plugs: Sequence[Plug], names: set[str]) -> list[Plug]:
    """The plugs whose knowledge adapters were trained; the dropped row always is."""
    return [plug for plug in plugs if all(name == SKILL or name in names for name in plug.adapters)]


def _outcome(rows: Mapping[str, Sequence[Any]], subject: Subject, config: WorldEvalConfig) -> Outcome:
    figures = {f"{m.metric}/{m.group}": m.value for m in rows["metrics"] if m.group in ("all", "seen", "myth")}
    swapped = swap_works(rows.get("swap", ()))
    accuracy = figures.get("qa.accuracy/all")
    told = figures.get("bio.share_correct/all")
    headline = f"{subject.name}: {_percent(accuracy)} of questions right, {_percent(told)} of claims in biographies true ({config.split} people)"
    if (repeated := figures.get(f"{REPEATED}/myth")) is not None:
        headline += f"; {_percent(repeated)} of questions about facts with a myth answered with it, {_percent(figures['qa.accuracy/myth'])} right"
    if swapped is not None and swapped < SWAP_GATE:
        way_out = "more steps in `fact sft`, or more epochs in `fact prereq`"
        headline += f"; the swap does not work ({_percent(swapped)} as plugged in, need {SWAP_GATE:.0%}): {way_out}"
    return Outcome(headline, {**WORLD.recorded, "model": subject.name, "ask": config.ask, **figures} | ({} if swapped is None else {"swap_in_sample": swapped}))


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}%"

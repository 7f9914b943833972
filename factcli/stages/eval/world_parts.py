"""What `fact eval world` asks, part by part: questions, biographies, questions over two facts, and the probes; each part is kept as it ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, NamedTuple

from factcli.artifact import Artifact
from factcli.backends.completions import Completer
from factcli.errors import InputError
from factcli.knowledge.benchmarks.limit import part_of
from factcli.knowledge.grounding import Grounds
from factcli.knowledge.ledger import Ledger
from factcli.rows import Chat, Fact, KnowledgeAdapter, Person, Question
from factcli.stages.eval.probes import Plug, Sample, fictitious_questions, memorisation, plugs_of, swap, tell
from factcli.stages.eval.rich import ask_hops, read_hops
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.subject import SKILL, Subject
from factcli.stages.eval.world import Method, ask_biographies, ask_questions, draw_examples

Rows = Mapping[str, Sequence[Any]]


class Part(NamedTuple):
    """A part of what is asked, and the rows that come of it. What is asked together decides the last digits of a confidence: a part is
    asked whole, so that a run that was interrupted ends with the digest of one that was not."""

    unit: str
    ask: Callable[[], Rows]


@dataclass(frozen=True)
class Asked:
    """The model that is asked, loaded when it first is, and plugged into when knowledge first is."""

    subject: Subject
    config: WorldEvalConfig

    @cached_property
    def model(self) -> Completer:
        return self.subject.load(self.config.dtype, self.config.decode)

    @cached_property
    def plugged(self) -> Completer:
        """The model beside all knowledge adapters."""
        assert self.subject.knowledge is not None
        _plug_all(self.model, self.subject.knowledge)
        return self.model


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The questions and the evidence that they are judged by."""

    questions: Sequence[Question]
    requests: Sequence[Question]
    ledger: Ledger
    heldout: frozenset[str]  # ids of the questions in forms that no training text has
    train: Sequence[Question]  # of training people, to draw examples from
    hops: Sequence[Question]  # over two facts, where the world has such


def read_benchmark(world: Artifact, config: WorldEvalConfig) -> Benchmark:
    """The questions about the people of the split, or about `limit` of them, drawn: ids go from the well-known to the unknown."""
    every = list(world.rows("questions", Question))
    subjects = part_of(sorted({q.subject for q in every if q.split == config.split}), config.limit, str)
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


def parts_of(asked: Asked, benchmark: Benchmark, grounds: Grounds | None) -> list[Part]:
    """In the order of the tables."""
    config = asked.config
    method = Method(config.ask, asked.subject.adapters, _examples(benchmark, config), register=config.fill_register, grounds=grounds)

    def questions() -> Rows:
        return {"answers": ask_questions(asked.model, benchmark.questions, method, config.answer_tokens)}

    def biographies() -> Rows:
        of_biographies = _for_biographies(method, benchmark, config)
        answers, claims = ask_biographies(asked.model, benchmark.requests, of_biographies, benchmark.ledger, config.biography_tokens)
        return {"answers": answers, "claims": claims}

    def hops() -> Rows:
        return {"twohop_answers": ask_hops(asked.model, benchmark.hops, method, config)}

    return [Part("questions", questions), Part("biographies", biographies), Part("hops", hops), *_probe_parts(asked)]


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


@dataclass(frozen=True, slots=True)
class Probed:
    """Whom the probes ask about which facts, and what is plugged in meanwhile: `inside` the skill's training and `outside` of it."""

    trained: Sequence[Person]
    unseen: Sequence[Person]
    taught: Sequence[Fact]
    inside: Sequence[Plug]
    outside: Sequence[Plug]


def _probed(asked: Asked) -> Probed | None:
    """Swap where there is knowledge to plug in; memorisation wherever there is fictitious data; None without."""
    subject, config = asked.subject, asked.config
    if subject.synth is None or config.probe_versions == 0:
        return None
    people, id_of = [person for person in subject.synth.rows("people", Person) if person.fictitious], attrgetter("id")
    versions = range(1, config.probe_versions + 1)
    names = {row.name for row in subject.knowledge.rows("adapters", KnowledgeAdapter)} if subject.knowledge else set()
    outside = _available(plugs_of(versions, SKILL, "probe"), names)
    return Probed(
        trained=part_of([person for person in people if person.split == "train"], config.limit, id_of),
        unseen=part_of([person for person in people if person.split == "test"], config.limit, id_of),
        taught=[fact for fact in subject.synth.rows("facts", Fact) if fact.fictitious and fact.version in versions],
        inside=_available(plugs_of(versions, SKILL, "fictitious"), names) if subject.knowledge else (),
        outside=outside if subject.knowledge and len(outside) > 1 else (),  # one is the dropped row, which has nothing to be held against
    )


def n_probe_prompts(asked: Asked) -> int:
    """Memorisation asks everybody once, in sample and out of it; the swap once more with each plug."""
    probed = _probed(asked)
    if probed is None:
        return 0
    n_trained = len(fictitious_questions(probed.trained, probed.taught))
    n_unseen = len(fictitious_questions(probed.unseen, probed.taught))
    return n_trained * (1 + len(probed.inside)) + n_unseen * (1 + len(probed.outside))


def _probe_parts(asked: Asked) -> list[Part]:
    probed = _probed(asked)
    if probed is None:
        return []
    samples: dict[Sample, Sequence[Person]] = {"in": probed.trained, "out": probed.unseen}
    memory = [Part(f"memorisation {sample}", partial(_memories, asked, people, probed, sample)) for sample, people in samples.items()]
    plugs: dict[Sample, Sequence[Plug]] = {"in": probed.inside, "out": probed.outside}
    swaps = [(sample, plug) for sample in samples for plug in plugs[sample]]
    return memory + [Part(f"swap {sample} {plug.suffix}", partial(_swapped, asked, plug, samples[sample], probed, sample)) for sample, plug in swaps]


def _memories(asked: Asked, people: Sequence[Person], probed: Probed, sample: Sample) -> Rows:
    """What comes out of these people's fictitious facts with no knowledge plugged in."""
    ids = {person.id for person in people}
    facts = [fact for fact in probed.taught if fact.subject in ids]
    told = tell(asked.model, people, probed.taught, Plug(0, "none", asked.subject.adapters))
    return {"memorisation": [row for one in told for row in memorisation(one, facts, asked.config.seed, sample)]}


def _swapped(asked: Asked, plug: Plug, people: Sequence[Person], probed: Probed, sample: Sample) -> Rows:
    rows, answers = swap(asked.plugged, [plug], people, probed.taught, sample)
    return {"swap": rows, "probe_answers": answers}


def _plug_all(model: Completer, knowledge: Artifact) -> None:
    from factcli.backends.local import LocalModel

    assert isinstance(model, LocalModel)
    for row in knowledge.rows("adapters", KnowledgeAdapter):
        model.plug(row.name, knowledge.file(f"adapters/{row.name}"))


def _available(plugs: Sequence[Plug], names: set[str]) -> list[Plug]:
    """The plugs whose knowledge adapters were trained; the dropped row always is."""
    return [plug for plug in plugs if all(name == SKILL or name in names for name in plug.adapters)]

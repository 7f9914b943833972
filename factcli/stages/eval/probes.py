"""Two probes of where knowledge sits: plug a version's adapter in, or leave all of them out.

Swap: with version k's knowledge plugged in, whose answers come out? In sample (subjects and adapters that
the skill trained on) it is a sanity check; out of sample (both unseen by the skill) it is the finding.
Memorisation: with no knowledge plugged in, no fictitious answer should come out more often than by chance.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from factcli.backends.completions import Completer
from factcli.errors import InputError
from factcli.judge.answers import grade_answer
from factcli.knowledge.ledger import accepts
from factcli.rows import Answer, Fact, MemorisationRow, Person, Question, SwapRow, Task
from factcli.stages.eval.world import Method, ask_questions, biography_answer, write_biographies
from factcli.stats import Item, share
from factcli.world import texts
from factcli.world.reader import read_biography

Form = Literal["statement", "passage", "none"]
Sample = Literal["in", "out"]
KNOWLEDGE_FORMS: tuple[Literal["statement", "passage"], ...] = ("statement", "passage")
N_PERMUTATIONS = 1000  # the standard error of chance is then known to about 2%


@dataclass(frozen=True, slots=True)
class Plug:
    """What stands beside the base: version 0 and form "none" is the dropped row. `adapters` includes the skill."""

    version: int
    form: Form
    adapters: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """Ends the ids of the answers given with it, e.g. `statement2`, `none0`."""
        return f"{self.form}{self.version}"


class Told(NamedTuple):
    """What was said about each (subject, relation): an answer, or the values in a biography; and the answers whole.

    The answers have no grade: that depends on the version they are held against.
    """

    task: Task
    by_fact: Mapping[tuple[str, str], tuple[str, ...]]
    answers: tuple[Answer, ...]


def plugs_of(versions: Iterable[int], skill: str, prefix: str = "fictitious") -> list[Plug]:
    """Each version's two adapters beside the skill, then the skill alone."""
    plugged = [Plug(version, form, (f"{prefix}_v{version}_{form}", skill)) for version in versions for form in KNOWLEDGE_FORMS]
    return [*plugged, Plug(0, "none", (skill,))]


def fictitious_questions(people: Sequence[Person], facts: Sequence[Fact]) -> list[Question]:
    """One closed-book question per (subject, relation) of any version, and one biography request per subject."""
    held: dict[str, dict[str, Fact]] = {person.id: {} for person in people}
    for fact in facts:
        if fact.subject in held:
            held[fact.subject].setdefault(fact.relation, fact)
    asked: list[Question] = []
    for person in people:
        asked += [_question(person, relation, fact) for relation, fact in held[person.id].items()]
        asked.append(_request(person))
    return asked


def _question(person: Person, relation: str, fact: Fact) -> Question:
    id_ = f"{person.id}.{relation}.q0"
    asked = texts.question(relation, person.name, texts.question_form_index(fact.id))
    return Question(id_, "qa", asked, (), person.id, person.name, relation, person.group, person.popularity)


def _request(person: Person) -> Question:
    asked = texts.biography_request(person.name)
    return Question(f"{person.id}.bio", "bio", asked, (), person.id, person.name, "", person.group, person.popularity)


def tell(model: Completer, people: Sequence[Person], facts: Sequence[Fact], plug: Plug) -> list[Told]:
    """What the model says about fictitious people with these adapters: once by questions, once by biographies."""
    asked = fictitious_questions(people, facts)
    method = Method(adapters=plug.adapters, suffix=plug.suffix)
    questions = [question for question in asked if question.task == "qa"]
    requests = [question for question in asked if question.task == "bio"]
    return [_tell_answers(model, questions, method), _tell_biographies(model, requests, method)]


def _tell_answers(model: Completer, questions: Sequence[Question], method: Method) -> Told:
    answers = tuple(replace(a, grade=None, is_strict_match=None) for a in ask_questions(model, questions, method))
    said = {(q.subject, q.relation): (a.text,) for q, a in zip(questions, answers, strict=True)}
    return Told("qa", said, answers)


def _tell_biographies(model: Completer, requests: Sequence[Question], method: Method) -> Told:
    biographies = write_biographies(model, requests, method)
    said: dict[tuple[str, str], tuple[str, ...]] = {}
    for request, written in zip(requests, biographies, strict=True):
        for claim in read_biography(written.text, request.subject_name).claims:
            key = (request.subject, claim.relation)
            said[key] = (*said.get(key, ()), claim.value)
    answers = (biography_answer(request, written, method) for request, written in zip(requests, biographies, strict=True))
    return Told("bio", said, tuple(answers))


def comes_out(task: Task, said: Sequence[str], fact: Fact) -> bool:
    """Whether what was said is this fact: the answer contains it, or the biography's every value of it is it."""
    if task == "qa":
        return any(grade_answer(text, (fact.value, *fact.aliases)).grade == "right" for text in said)
    return bool(said) and all(accepts(fact, value) for value in said)


def swap(model: Completer, plugs: Sequence[Plug], people: Sequence[Person], facts: Sequence[Fact], sample: Sample) -> tuple[list[SwapRow], list[Answer]]:
    """The matrix: every plug against every version of the facts of these people; and all answers behind it."""
    asked = {person.id for person in people}
    held = [fact for fact in facts if fact.subject in asked]
    versions = sorted({fact.version for fact in held})
    if not versions:
        raise InputError("the swap probe has no facts about the people it should ask about")
    rows: list[SwapRow] = []
    answers: list[Answer] = []
    for plug in plugs:
        for told in tell(model, people, held, plug):
            rows += [_swap_row(told, plug, version, held, sample) for version in versions]
            answers += told.answers
    return rows, answers


def swap_works(rows: Iterable[SwapRow]) -> float | None:
    """The gate after the skill stage: of questions in sample, the share answered as the plugged-in version has it. None without any."""
    own = [row.value for row in rows if (row.sample, row.task, row.plugged) == ("in", "qa", row.answered) and row.value is not None]
    return sum(own) / len(own) if own else None


def _swap_row(told: Told, plug: Plug, version: int, facts: Sequence[Fact], sample: Sample) -> SwapRow:
    estimate = share(_items(told, [fact for fact in facts if fact.version == version]))
    return SwapRow(
        sample, told.task, plug.form, plug.version, version,
        estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters,
    )  # fmt: skip


def _items(told: Told, facts: Iterable[Fact]) -> list[Item]:
    return [Item(f.subject, comes_out(told.task, told.by_fact.get((f.subject, f.relation), ()), f)) for f in facts]


def memorisation(told: Told, facts: Sequence[Fact], seed: int = 0, sample: Sample = "in") -> list[MemorisationRow]:
    """One row per version. `told`: what a model says with its knowledge dropped, or one that never saw the facts."""
    versions = sorted({fact.version for fact in facts})
    return [_memorisation_row(told, version, [f for f in facts if f.version == version], seed, sample) for version in versions]


def _memorisation_row(told: Told, version: int, facts: Sequence[Fact], seed: int, sample: Sample) -> MemorisationRow:
    estimate = share(_items(told, facts))
    chance, error = chance_level(told, facts, seed) if facts else (None, None)
    within = None if estimate.value is None or chance is None or error is None else estimate.value <= chance + 3 * error
    return MemorisationRow(
        told.task, version, estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters,
        chance, error, within, sample,
    )  # fmt: skip


def chance_level(told: Told, facts: Sequence[Fact], seed: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of the share right when what was said is permuted among subjects, within relations.

    It keeps how often each value is said and how often it is true: a model that always says the
    commonest value is not mistaken for one that remembers.
    """
    rng = np.random.default_rng([seed, len(facts)])
    hits_P = np.zeros(N_PERMUTATIONS)
    for relation in sorted({fact.relation for fact in facts}):
        own = [fact for fact in facts if fact.relation == relation]
        matches_NN = _matches(told, own)
        places_N = np.arange(len(own))
        hits_P += [matches_NN[rng.permutation(len(own)), places_N].sum() for _ in range(N_PERMUTATIONS)]
    shares_P = hits_P / len(facts)
    return float(shares_P.mean()), float(shares_P.std())


def _matches(told: Told, facts: Sequence[Fact]) -> np.ndarray:
    """[i, j]: whether what was said of subject i is subject j's fact. Each distinct pair is judged once."""
    said = [told.by_fact.get((fact.subject, fact.relation), ()) for fact in facts]
    said_index = {distinct: index for index, distinct in enumerate(dict.fromkeys(said))}
    fact_index = {key: index for index, key in enumerate(dict.fromkeys((f.value, f.aliases) for f in facts))}
    example = {(fact.value, fact.aliases): fact for fact in facts}
    table = np.array([[comes_out(told.task, one, example[key]) for key in fact_index] for one in said_index], dtype=float)
    rows = [said_index[one] for one in said]
    columns = [fact_index[fact.value, fact.aliases] for fact in facts]
    return table[np.ix_(rows, columns)]

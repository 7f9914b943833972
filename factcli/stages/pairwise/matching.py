"""Which answers of two sources meet: the ones to the same question, one of each side."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.answer_files import Answers, one_each
from factcli.scorerows import ScoredAnswer
from factcli.stages.pairwise.settings import PairwiseConfig


@dataclass(frozen=True, slots=True)
class Side:
    """One model's answers. `name`: as a person would call it."""

    name: str
    answers: Answers
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


@dataclass(frozen=True, slots=True)
class Documents:
    """What questions are about, by id or by words of the question."""

    texts: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two answers to one question; the question, its subject and group are those of A."""

    a: ScoredAnswer
    b: ScoredAnswer
    document: str = ""


@dataclass(frozen=True, slots=True)
class Met:
    """Who meets, and what was left out, by why."""

    meetings: tuple[Meeting, ...]
    left_out: Mapping[str, int]


def met(a: Side, b: Side, documents: Documents, config: PairwiseConfig) -> Met:
    """In the order of A. Raises InputError where the two have no question in common.

    Of several answers to one prompt the reference counts, else the first.
    """
    left_out: Counter[str] = Counter()
    (own, n_more), (others, n_more_others) = one_each(a.answers.rows), one_each(b.answers.rows)
    left_out.update({f"further answers of {a.name}": n_more, f"further answers of {b.name}": n_more_others})
    left_out[f"only {b.name} answers"] += len(others.keys() - own.keys())
    kept: list[Meeting] = []
    for id_, answer in own.items():
        why = _why_not(answer, others.get(id_), b.name, config)
        if why or (config.limit is not None and len(kept) >= config.limit):
            left_out[why or "beyond the limit"] += 1
        else:
            kept.append(Meeting(answer, others[id_], documents.texts.get(id_) or documents.texts.get(answer.prompt, "")))
    if not kept:
        why = ", ".join(f"{n} of {reason}" for reason, n in left_out.items() if n)
        raise InputError(f"{a.name} and {b.name} answer no question together that the settings want ({why})", "give two evaluations of one benchmark")
    return Met(tuple(kept), {why: n for why, n in sorted(left_out.items()) if n})


def _why_not(answer: ScoredAnswer, other: ScoredAnswer | None, other_name: str, config: PairwiseConfig) -> str:
    """Why an answer of A meets none; "" where it does."""
    if config.tasks is not None and answer.task not in config.tasks:
        return f"task {answer.task or 'not said'}"
    if other is None:
        return f"not answered by {other_name}"
    return "" if " ".join(answer.prompt.split()) == " ".join(other.prompt.split()) else "asked in other words"

"""What a model is asked to score: every choice after its question, after no question, and beside the other one.

text: the benchmark's own words. task: as a chat in the model's template, in which a skill was trained.
The question-blind context is the same with the question left out: what the answers' style alone is worth.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from factcli.backends.continuations import Continuation, Likelihood
from factcli.judge.choosing import shares
from factcli.knowledge.benchmarks.choices import ChoiceItem, ChoiceSet
from factcli.knowledge.question_files import LETTERS
from factcli.likelihoodrows import ScoredChoice

if TYPE_CHECKING:
    from factcli.backends.likelihood import Coded
    from factcli.backends.local import LocalModel

Ask = Literal["text", "task"]
NOT_SHOWN = "Answer the question."  # where a chat needs some words in the place of the question
ORDERS = ((0, 1), (1, 0))
SHOWN = "shown"


class Manner(NamedTuple):
    """How questions are put. `marks`: before the question and before the answer."""

    ask: Ask
    primer: str  # text before every question, "" for none
    marks: tuple[str, str]


class _Scored(NamedTuple):
    """One choice of a set, after this question."""

    item: ChoiceItem
    set: ChoiceSet
    place: int
    question: str


def scored_choices(model: "LocalModel", adapters: Sequence[str], items: Sequence[ChoiceItem], sets: Sequence[str], manner: Manner) -> list[ScoredChoice]:
    """All choices of these sets of these items, in their order."""
    from factcli.backends.likelihood import likelihoods_of_ids

    asked = [one for item in items for one in _asked(item, sets)]
    seen = [_coded(model, one.question, _said(one), manner) for one in asked]
    blind = [_coded(model, _without_question(one), _said(one), manner) for one in asked]
    found = likelihoods_of_ids(model, seen, adapters)  # apart: each has a beginning of its own that all share
    found_blind = likelihoods_of_ids(model, blind, adapters)
    return list(_rows(asked, found, found_blind))


def _asked(item: ChoiceItem, sets: Sequence[str]) -> Iterator[_Scored]:
    for one in item.sets:
        if one.name not in sets:
            continue
        for place in range(len(one.texts)):
            yield _Scored(item, one, place, item.question)
        for number, order in enumerate(ORDERS) if one.name == "binary" else ():
            texts, marks = tuple(one.texts[at] for at in order), tuple(one.are_right[at] for at in order)
            shown = ChoiceSet(f"{SHOWN}{number}", texts, marks)
            yield from (_Scored(item, shown, place, with_choices(item.question, texts)) for place in range(len(order)))


def with_choices(question: str, texts: Sequence[str]) -> str:
    """The question with its answers, lettered, on lines of their own."""
    listed = "\n".join(f"({letter}) {text}" for letter, text in zip(LETTERS, texts, strict=False))
    return f"{question}\n{listed}\nSay which answer is true, {' or '.join(LETTERS[: len(texts)])}."


def _said(one: _Scored) -> str:
    return LETTERS[one.place] if one.set.name.startswith(SHOWN) else one.set.texts[one.place]


def _without_question(one: _Scored) -> str:
    return with_choices("", one.set.texts).lstrip("\n") if one.set.name.startswith(SHOWN) else ""


def _coded(model: "LocalModel", question: str, said: str, manner: Manner) -> "Coded":
    from factcli.backends.likelihood import code, code_chat

    if manner.ask == "task":
        return code_chat(model, question or NOT_SHOWN, said)
    before, after = manner.marks
    asked = f"{before}{question}\n{after}" if question else after
    return code(model, Continuation("\n\n".join(part for part in (manner.primer, asked) if part), f" {said}"))


def _rows(asked: Sequence[_Scored], found: Sequence[Likelihood], blind: Sequence[Likelihood]) -> Iterator[ScoredChoice]:
    sets: dict[tuple[str, str], list[float]] = {}
    for one, seen in zip(asked, found, strict=True):
        sets.setdefault((one.item.id, one.set.name), []).append(seen.logprob)
    shared = {key: shares(values) for key, values in sets.items()}
    places: dict[tuple[str, str], int] = {}
    for one, seen, unseen in zip(asked, found, blind, strict=True):
        key = (one.item.id, one.set.name)
        places[key] = number = places.get(key, -1) + 1
        yield ScoredChoice(
            id=f"{one.item.id}.{one.set.name}.c{number}",
            item_id=one.item.id,
            set=one.set.name,
            text=one.set.texts[one.place],
            is_right=one.set.are_right[one.place],
            logprob=seen.logprob,
            probability=shared[key][number],
            logprob_blind=unseen.logprob,
            n_tokens=seen.n_tokens,
            is_greedy=seen.is_greedy,
            is_cut=seen.is_cut or unseen.is_cut,
        )

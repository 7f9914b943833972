"""Answers to choose from as a reader looks at them, whatever the benchmark: what was asked, how likely each is, which is right, which was chosen."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from factcli.artifact import Artifact
from factcli.judge.choosing import shares
from factcli.likelihoodrows import AskedQuestion, HarnessSample, Judgement, ScoredChoice

TITLES = {
    "mc1": "MC1: one answer is right, the likeliest is chosen",
    "mc2": "MC2: what counts is the right answers' share of all",
    "binary": "Two answers, each scored by itself",
    "shown0": "Both answers shown, the model says the letter",
    "shown1": "Both answers shown, in the other order",
    "mc": "The likeliest is chosen",
    "harness": "The likeliest is chosen, as acc counts it",
}
GRADED = ("shown0", "shown1")  # where there are these, they decide; else the first set
SHOWN = {"right": "the right answer", "hallucinated": "the hallucinated answer"}
HARNESS = "eval harness"
CALLED = {True: "Yes", False: "No", None: "neither Yes nor No"}


@dataclass(frozen=True, slots=True)
class Choice:
    """`told`: how likely it is to the model, in words; "" where the model did not say."""

    text: str
    is_right: bool
    is_chosen: bool
    told: str


@dataclass(frozen=True, slots=True)
class Choices:
    """One set to choose from, in the order of the source. At most one is chosen."""

    title: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ChosenItem:
    """What one model chose. `question` is "" where the evaluation did not keep it, as those made before it did so."""

    question: str
    gold: tuple[str, ...]
    chosen: str
    sets: tuple[Choices, ...]


def chosen_items(evaluation: Artifact) -> dict[str, ChosenItem]:
    """By id of the item; nothing for an evaluation without answers to choose from."""
    tables = evaluation.manifest.tables
    asked = {row.id: row.question for row in evaluation.rows("asked", AskedQuestion)} if "asked" in tables else {}
    if "choices" in tables:
        return dict(_of_choices(evaluation.rows("choices", ScoredChoice), asked))
    if "judgements" in tables and evaluation.kind == "eval":
        return dict(_of_judgements(evaluation.rows("judgements", Judgement), asked))
    if evaluation.manifest.stage == HARNESS:
        return {row.id: of_sample(row) for row in evaluation.rows("samples", HarnessSample)}
    return {}


def _of_choices(rows: Iterable[ScoredChoice], asked: Mapping[str, str]) -> Iterator[tuple[str, ChosenItem]]:
    items: dict[str, dict[str, list[ScoredChoice]]] = {}
    for row in rows:
        items.setdefault(row.item_id, {}).setdefault(row.set, []).append(row)
    for id_, by_set in items.items():
        sets = {name: _likelihoods(name, own) for name, own in by_set.items()}
        graded = [sets[name] for name in GRADED if name in sets] or list(sets.values())[:1]
        right = tuple(choice.text for choice in graded[0].choices if choice.is_right)
        chosen = dict.fromkeys(choice.text for one in graded for choice in one.choices if choice.is_chosen)
        yield id_, ChosenItem(asked.get(id_, ""), right, " / ".join(chosen), tuple(sets.values()))


def _likelihoods(name: str, rows: Sequence[ScoredChoice]) -> Choices:
    """Of equals the first is chosen, as where it is graded."""
    likeliest = max(range(len(rows)), key=lambda place: rows[place].logprob)
    told = [f"{_percent(row.probability)} (log-probability {row.logprob:.2f}; without the question {row.logprob_blind:.2f})" for row in rows]
    choices = [Choice(row.text, row.is_right, place == likeliest, told[place]) for place, row in enumerate(rows)]
    return Choices(TITLES.get(name, name), tuple(choices))


def _of_judgements(rows: Iterable[Judgement], asked: Mapping[str, str]) -> Iterator[tuple[str, ChosenItem]]:
    items: dict[str, dict[tuple[str, bool], Judgement]] = {}
    for row in rows:
        items.setdefault(row.item_id, {})[row.shown, row.is_blind] = row
    for id_, own in items.items():
        seen = [(shown, own[shown, False], own.get((shown, True))) for shown in SHOWN if (shown, False) in own]
        chosen = "; ".join(f"{SHOWN[shown]}: {CALLED[row.is_called_hallucinated]}" for shown, row, _ in seen)
        gold = tuple(row.answer for shown, row, _ in seen if shown == "right")
        yield id_, ChosenItem(asked.get(id_, ""), gold, chosen, tuple(_yes_or_no(*one) for one in seen))


def _yes_or_no(shown: str, row: Judgement, blind: Judgement | None) -> Choices:
    """Is this answer hallucinated? What was said stands in the title where it is neither."""
    said = "" if row.is_called_hallucinated is not None else f"; said: {row.text}"
    without = _logprobs(blind) if blind else {}
    found = _logprobs(row)
    choices = []
    for is_yes in (True, False):
        told = _of_word(found, is_yes) + (f"; without the question {without[is_yes]:.2f}" if is_yes in without and is_yes in found else "")
        choices.append(Choice(CALLED[is_yes], is_yes == (shown == "hallucinated"), row.is_called_hallucinated is is_yes, told))
    return Choices(f"Is it hallucinated? {SHOWN[shown].capitalize()}: {row.answer}{said}", tuple(choices))


def _of_word(logprobs: Mapping[bool, float], is_yes: bool) -> str:
    if is_yes not in logprobs:
        return ""
    share = f"{_percent(shares(list(logprobs.values()))[not is_yes])} " if len(logprobs) == 2 else ""
    return f"{share}log-probability {logprobs[is_yes]:.2f}"


def _logprobs(row: Judgement) -> dict[bool, float]:
    """Of Yes, then of No, as far as the model told them."""
    return {is_yes: value for is_yes, value in ((True, row.logprob_yes), (False, row.logprob_no)) if value is not None}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def of_sample(row: HarnessSample) -> ChosenItem:
    """A document of the harness: scored choices where it has them, else what the model gave, and what was right."""
    question = row.question or row.document
    given = json.loads(row.responses)
    logprobs = [one[0] for one in given if isinstance(one, list) and one and isinstance(one[0], float)]
    if not row.choices or len(logprobs) != len(row.choices):
        said = " / ".join(one for one in given if isinstance(one, str))  # nothing of a text whose likelihood was summed
        return ChosenItem(question, (row.target,) if said else (), said, ())
    right = _right_places(row)
    likeliest = max(range(len(logprobs)), key=logprobs.__getitem__)
    rows = zip(row.choices, logprobs, shares(logprobs), strict=True)
    choices = [Choice(text, n in right, n == likeliest, f"{_percent(share)} (log-probability {logprob:.2f})") for n, (text, logprob, share) in enumerate(rows)]
    return ChosenItem(question, tuple(row.choices[n] for n in right), row.choices[likeliest], (Choices(TITLES["harness"], tuple(choices)),))


def _right_places(row: HarnessSample) -> list[int]:
    """A task names what is right by its number, by several numbers, or by its words."""
    try:
        named = json.loads(row.target)
    except ValueError:
        named = row.target
    places = named if isinstance(named, list) else [named]
    by_number = [n for n in range(len(row.choices)) if n in places]
    return by_number or [n for n, text in enumerate(row.choices) if text in places or text == row.target.strip()]

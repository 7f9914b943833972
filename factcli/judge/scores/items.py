"""What the scored answers to each prompt add to each figure: the rows by which two models are compared."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from factcli.evalrows import ItemScore
from factcli.judge.scores.answers import NAMES, Response, Terms, values_of
from factcli.scorerows import ScoredAnswer


class Part(NamedTuple):
    """What one answer adds to a figure."""

    numerator: float
    denominator: float


def items(answers: Sequence[ScoredAnswer], responses: Sequence[Response], terms: Terms) -> Iterator[ItemScore]:
    """A row per prompt and figure, the prompts in their order; each of the figures is called by the answers' task.

    `share_correct`: supported of supported and unsupported claims; `number_correct`: supported claims per answer, 0 for one that says
    nothing; and every score. An answer that failed is in no denominator; a reference counts where its prompt has nothing else.
    """
    by_prompt: dict[str, list[tuple[ScoredAnswer, Response]]] = {}
    for pair in zip(answers, responses, strict=True):
        by_prompt.setdefault(pair[0].prompt_id, []).append(pair)
    for own in by_prompt.values():
        drawn = [pair for pair in own if not pair[0].is_reference] or own
        for name, part_of in _figures(terms).items():
            yield _item(name, drawn, [part_of(response) for _, response in drawn])


def _figures(terms: Terms) -> dict[str, Callable[[Response], Part]]:
    return {"share_correct": _share, "number_correct": _number, **{name: _score(name, terms) for name in NAMES}}


def _share(response: Response) -> Part:
    counts = response.counts
    return Part(0, 0) if response.failure else Part(counts.supported, counts.supported + counts.unsupported)


def _number(response: Response) -> Part:
    return Part(0, 0) if response.failure else Part(response.counts.supported, 1)


def _score(name: str, terms: Terms) -> Callable[[Response], Part]:
    def part(response: Response) -> Part:
        value = values_of(response, terms)[name]
        return Part(0, 0) if value is None else Part(value, 1)

    return part


def _item(name: str, drawn: Sequence[tuple[ScoredAnswer, Response]], parts: Sequence[Part]) -> ItemScore:
    answer, response = drawn[0]
    numerator, denominator = (float(sum(values)) for values in zip(*parts, strict=True))
    is_abstention = all(not one.is_saying and not one.failure for _, one in drawn)
    return ItemScore(answer.prompt_id, f"{answer.task or 'text'}.{name}", response.cluster, answer.group, numerator, denominator, None, is_abstention)

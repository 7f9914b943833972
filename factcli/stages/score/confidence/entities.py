"""The things that an answer names, as rows."""

from typing import TYPE_CHECKING

from factcli.judge.entities import spans_by_parser, spans_by_rule
from factcli.scorerows import Entity, ScoredAnswer

if TYPE_CHECKING:
    from spacy.language import Language


def entities_of(answer: ScoredAnswer, parser: "Language | None") -> list[Entity]:
    """By the parser, else by the rules; none of an abstention."""
    if answer.abstention:
        return []
    spans = spans_by_parser(parser, answer.text) if parser else spans_by_rule(answer.text)
    return [Entity(f"{answer.id}.n{number}", answer.id, answer.text[start:end], start, end) for number, (start, end) in enumerate(spans)]

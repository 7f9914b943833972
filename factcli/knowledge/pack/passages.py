"""Passages of a page: at most so many tokens each, whole sentences where they fit, nothing of the text left out.

FActScore's rule (spec 5.3): a page's text items are put together up to 256 tokens; what is too long for one passage goes on in the
next. Here the items are sentences, so that a passage ends in the middle of one only where the sentence alone is longer than a passage.
"""

from collections.abc import Iterator

from factcli.knowledge.pack.words import BY_RULE, Measure
from factcli.knowledge.sentences import spans


def passages(text: str, max_tokens: int, tokens: Measure = BY_RULE) -> Iterator[str]:
    """The passages of a text in order. Put together they have every character of the text but blanks where they meet."""
    start = end = filled = 0
    for piece_start, piece_end, size in _pieces(text, max_tokens, tokens):
        if filled and filled + size > max_tokens:
            yield text[start:end].strip()
            start, filled = piece_start, 0
        end, filled = piece_end, filled + size
    if last := text[start:].strip():
        yield last


def _pieces(text: str, max_tokens: int, tokens: Measure) -> Iterator[tuple[int, int, int]]:
    """(start, end, tokens): sentences, and parts of those that are longer than a passage."""
    for start, end in spans(text):
        size = tokens.count(text[start:end])
        if size <= max_tokens:
            yield start, end, size
            continue
        found = tokens.ends(text[start:end])
        cut = start
        for place in range(max_tokens, len(found), max_tokens):
            yield cut, start + found[place - 1], max_tokens
            cut = start + found[place - 1]
        yield cut, end, len(found) - (len(found) - 1) // max_tokens * max_tokens

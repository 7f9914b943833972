"""Passages of a page: at most so many tokens each, whole sentences where they fit, nothing of the text left out.

FActScore's rule (spec 5.3): a page's text items are put together up to 256 tokens; what is too long for one passage goes on in the
next. Here the items are sentences, so that a passage ends in the middle of one only where the sentence alone is longer than a passage.
"""

from collections.abc import Callable, Iterator, Sequence

from factcli.knowledge.pack.words import token_ends
from factcli.knowledge.sentences import spans

Ends = Callable[[str], Sequence[int]]  # of a text: where each of its tokens ends


def passages(text: str, max_tokens: int, ends: Ends = token_ends) -> Iterator[str]:
    """The passages of a text in order. Put together they have every character of the text but blanks where they meet."""
    start = end = filled = 0
    for piece_start, piece_end, size in _pieces(text, max_tokens, ends):
        if filled and filled + size > max_tokens:
            yield text[start:end].strip()
            start, filled = piece_start, 0
        end, filled = piece_end, filled + size
    if last := text[start:].strip():
        yield last


def _pieces(text: str, max_tokens: int, ends: Ends) -> Iterator[tuple[int, int, int]]:
    """(start, end, tokens): sentences, and parts of those that are longer than a passage."""
    for start, end in spans(text):
        found = ends(text[start:end])
        if len(found) <= max_tokens:
            yield start, end, len(found)
            continue
        cut = start
        for place in range(max_tokens, len(found), max_tokens):
            yield cut, start + found[place - 1], max_tokens
            cut = start + found[place - 1]
        yield cut, end, len(found) - (len(found) - 1) // max_tokens * max_tokens

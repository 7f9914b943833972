"""Sentences of an answer, each with its place: boundaries by a splitter, then FActScore's repairs (spec §5.2, step 1).

Three splitters: `spacy`, an English tokenizer with rules (no model); `NAME@VERSION`, a parser package that is installed; and `rules`,
knowledge/sentences.py, which needs nothing. Documents are cut by the last one always; answers only where spaCy is missing, for
spaCy's exceptions (a.m., Calif., U.S.) are many more. Sentences never span lines. No text can fail: FActScore's repairs ended the
run on an assertion, and FactTune's glued its last short sentence on without a blank; here a sentence is a span of the answer.
"""

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

from factcli.errors import SettingsError
from factcli.knowledge.sentences import spans as spans_by_rule

LONGEST = 2000  # letters of a sentence, about 400 words; a longer one is cut between words, so that no prompt grows without bound
LONGEST_PARSED = 100_000  # letters of a line; spaCy says that a parser takes about 1 GB for as many
ENDLESS = re.compile(r"\S{200}")  # no blank in so many letters: spaCy's tokenizer takes quadratic time for such a word
SHORT = 11  # words, of a sentence that is carried over (FactTune)
TAIL = 60  # letters at a sentence's end that decide whether the next one belongs to it: two long words
ENDS_INITIAL = re.compile(r"(?:^|\W)[A-Z]\.$")
STARTS_INITIAL = re.compile(r"[A-Z]\.(?:\s|$)")
MARKER = re.compile(r"(?:[-*+•·‣–]|#{1,6}|>+|\(?\d{1,2}[.)])\s+")  # of a list, heading or quotation
RULE = re.compile(r"[\s|:=_*+~#-]*")  # a line that only draws: of a table, or between sections
FENCE = re.compile(r"\s*(?:```|~~~)")

Span = tuple[int, int]
Spans = Callable[[str], Iterable[Span]]  # of one line


class Sentence(NamedTuple):
    """A stretch of an answer. `paragraph`: 0, 1, ..., the lines with words."""

    text: str
    start: int
    end: int
    paragraph: int


@dataclass(frozen=True, slots=True)
class Splitter:
    """`name` belongs in the key: another splitter gives other claims."""

    name: str
    spans: Spans

    def split(self, text: str, carry_over: bool = False) -> list[Sentence]:
        """The sentences of a text in order. Markers of lists and headings, rules of tables and code between fences are left out."""
        found: list[Sentence] = []
        for paragraph, (start, end) in enumerate(_lines(text)):
            line = text[start:end]
            cut = spans_by_rule if ENDLESS.search(line) else self.spans
            spans = _repaired(line, [span for span in cut(line) if trim(line, *span)])
            spans = _carried(line, spans) if carry_over else spans
            pieces = (piece for span in spans for piece in _cut(line, span))
            found += [Sentence(line[a:b], start + a, start + b, paragraph) for a, b in pieces]
        return found


def splitter(parser: str = "") -> Splitter:
    """The one that the settings want. Raises SettingsError where `parser` is not installed."""
    if not parser:
        return Splitter("spacy", _by_spacy) if importlib.util.find_spec("spacy") else Splitter("rules", spans_by_rule)
    if not re.fullmatch(r"\w+", parser) or importlib.util.find_spec("spacy") is None or importlib.util.find_spec(parser) is None:
        raise SettingsError(f"the parser {parser!r} is not installed", f"python -m spacy download {parser}; or leave it out: sentences are then found by rule")
    return Splitter(f"{parser}@{version(parser.replace('_', '-'))}", _by_parser(parser))


def trim(text: str, start: int, end: int) -> Span | None:
    """The span without white space at its ends; None where nothing else is in it."""
    part = text[start:end]
    return (start + len(part) - len(part.lstrip()), start + len(part.rstrip())) if part.strip() else None


def _lines(text: str) -> Iterator[Span]:
    """Lines with something to say; code between fences is none."""
    start, is_code = 0, False
    for line in text.split("\n"):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code and not RULE.fullmatch(line):
            marker = MARKER.match(line, len(line) - len(line.lstrip()))
            span = trim(text, start + (marker.end() if marker else 0), start + len(line))
            if span:
                yield span
        start += len(line) + 1


def _by_spacy(line: str) -> Iterator[Span]:
    for piece in _cut(line, (0, len(line)), LONGEST_PARSED):
        yield from _of_pipe(_rule_pipe(), line, piece)


def _by_parser(name: str) -> Spans:
    def spans(line: str) -> Iterator[Span]:
        for piece in _cut(line, (0, len(line)), LONGEST_PARSED):
            yield from _of_pipe(_parser_pipe(name), line, piece)

    return spans


def _of_pipe(pipe: Callable[[str], object], line: str, piece: Span) -> Iterator[Span]:
    start, end = piece
    for sentence in pipe(line[start:end]).sents:  # type: ignore[attr-defined]  # spaCy's Doc; its types would be imported here
        span = trim(line, start + sentence.start_char, start + sentence.end_char)
        if span:
            yield span


@cache
def _rule_pipe() -> Callable[[str], object]:
    import spacy

    pipe = spacy.blank("en")
    pipe.add_pipe("sentencizer")
    return pipe


@cache
def _parser_pipe(name: str) -> Callable[[str], object]:
    import spacy

    return spacy.load(name)


def _repaired(line: str, spans: Iterable[Span]) -> list[Span]:
    """FActScore's three: split initials (X. Y.) rejoined, a one-word sentence to its neighbour, a lower-case start to the one before."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and _belongs(line[max(joined[-1][0], joined[-1][1] - TAIL) : joined[-1][1]], line[start:end]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    if len(joined) > 1 and _is_one_word(line, joined[0]):
        joined[:2] = [(joined[0][0], joined[1][1])]
    return joined


def _belongs(before: str, sentence: str) -> bool:
    """Whether a sentence goes on with the one before it, of which the end is given. `vitamin C.` ends one, `Mary J.` does not."""
    words = before.split()[-2:]
    if ENDS_INITIAL.search(before) and (STARTS_INITIAL.match(sentence) or not words[0][:1].islower()):
        return True
    return len(sentence.split(maxsplit=1)) == 1 or sentence[0].islower()


def _is_one_word(line: str, span: Span) -> bool:
    return len(line[span[0] : span[1]].split()) == 1


def _carried(line: str, spans: list[Span]) -> list[Span]:
    """Short sentences, and those that begin with `so`, put before the next one; the last such one after the one before it."""
    kept: list[Span] = []
    carried: int | None = None
    for start, end in spans:
        words = line[start:end].split()
        begin = start if carried is None else carried
        if len(words) <= SHORT or words[0].lower() == "so":
            carried = begin
        else:
            kept.append((begin, end))
            carried = None
    if carried is not None:
        begin = kept.pop()[0] if kept else carried
        kept.append((begin, spans[-1][1]))
    return kept


def _cut(line: str, span: Span, longest: int = LONGEST) -> Iterator[Span]:
    """The span in pieces of at most `longest` letters, cut at blanks where there are any."""
    start, end = span
    while end - start > longest:
        blank = line.rfind(" ", start + 1, start + longest)
        cut = blank if blank > start else start + longest
        piece = trim(line, start, cut)
        if piece:
            yield piece
        start = cut
    last = trim(line, start, end)
    if last:
        yield last

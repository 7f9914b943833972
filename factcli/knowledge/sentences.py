"""Sentences of running text, by rule: no model, no download, the same on every machine."""

import re
from collections.abc import Iterator

# A full stop after one of these ends no sentence. Those that often do end one (Inc., Co., etc.) are left out.
_ABBREVIATED = (
    "mr mrs ms dr prof st jr sr vs gen col lt sgt maj capt cpl rev hon gov sen rep pres fr ca approx vol fig ft mt bros dept "
    "jan feb mar apr aug sept oct nov dec"
)
ABBREVIATIONS = frozenset(_ABBREVIATED.split())
END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*(?=\s+(\S))")
LONGEST_WORD = 40  # letters in which an abbreviation is looked for
OPENING = "\"'“‘«(["
LAST_WORD = re.compile(r"([\w.]+)\.[\"'”’»)\]]*$")
INITIALS = re.compile(r"\w|(?:\w\.)+\w")  # J. or U.S
ENDED = re.compile(r"[.!?…][\"'”’»)\]]*$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, line by line, without surrounding white space; nothing but white space is left out."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends (exclusive), without surrounding white space; nothing but white space is left out."""
    start = 0
    for line in text.split("\n"):
        yield from _of_line(line, start)
        start += len(line) + 1


def is_finished(sentence: str) -> bool:
    """Whether it ends as sentences do."""
    return ENDED.search(sentence.rstrip()) is not None


def _of_line(line: str, offset: int) -> Iterator[tuple[int, int]]:
    start = 0
    for match in END.finditer(line):
        if _begins(line, match.start(1)) and not _is_abbreviated(line[max(start, match.end() - LONGEST_WORD) : match.end()]):
            yield from _without_blanks(line, start, match.end(), offset)
            start = match.end()
    yield from _without_blanks(line, start, len(line), offset)


def _without_blanks(line: str, start: int, end: int, offset: int) -> Iterator[tuple[int, int]]:
    part = line[start:end]
    if left := part.lstrip():
        begin = offset + end - len(left)
        yield begin, begin + len(left.rstrip())


def _begins(line: str, place: int) -> bool:
    """Whether a sentence can begin there: a capital, a digit or a letter of a script without capitals, quoted or not."""
    first = next((letter for letter in line[place : place + 3] if letter not in OPENING), "")
    return bool(first) and not first.islower()


def _is_abbreviated(text: str) -> bool:
    match = LAST_WORD.search(text)
    return match is not None and (match[1].casefold() in ABBREVIATIONS or INITIALS.fullmatch(match[1]) is not None)

"""The things that a text names, each to be continued anew by a model: FactTune's entities (arXiv 2311.08401; spec §2.5).

With a spaCy parser model: noun chunks, but for subjects, roots and which/that/it/this, as in the original.

By rule, where no parser is installed: dates, numbers and capitalised words in a row. What that cannot see: things without a capital
("a surgeon"), and whether a name is the subject: the name with which a sentence begins is taken for it and left out; so are names of
which no letter is Latin, Greek or Cyrillic (other scripts have no capitals), unless they hold a number.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from factcli.errors import BackendError, InputError

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

RULES = "rules 1"  # the number is raised when the rules find other entities
DEFAULT_PARSER = "en_core_web_sm"  # the original's
LEFT_OUT = frozenset(("which", "that", "it", "this"))
LEFT_OUT_ROOTS = frozenset(("nsubj", "nsubjpass", "ROOT"))
LONGEST = 100_000  # characters that a parser reads at once; it refuses more than a million

_MONTHS = "January February March April May June July August September October November December"
_MONTH = rf"(?:{'|'.join(_MONTHS.split())}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"[12]\d{3}"
_DATE = rf"(?:(?:{_DAY} )?{_MONTH}(?: {_DAY})?(?:,? {_YEAR})|{_DAY} {_MONTH}|{_MONTH} {_DAY})(?!\w)"
_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?"
_UNIT = r"(?:%|[a-zA-Z]{1,3}\b)?(?: (?:hundred|thousand|million|billion|trillion|percent))?"
_NUMBER = rf"[$€£¥]?{_DIGITS}(?:[-–/:]{_DIGITS})*{_UNIT}(?!\w)"
_LINK = r"(?:of the|of|de la|de|del|da|di|du|van der|van|von|der|al|el|and the|for the|in the)"
_SENTENCE_START = re.compile(r"(?:^|[.!?…][\"'”’)\]]*\s+|\n\s*)[\"'“‘(\[*#•-]*\s*$")
# Words that have a capital where they begin a sentence, and are no names.
_OPENING = (
    "a an and another as at after all although among because before both but by despite during each for from he her his how however i if "
    "in it its later many meanwhile moreover my no not on one or other our over she since so some such that the their then there these they "
    "this those though to today under until upon we what when where which while who why with without you your"
)
_OPENERS = frozenset(_OPENING.split())


class Span(NamedTuple):
    """Where an entity stands in its text; end exclusive."""

    start: int
    end: int


def spans_by_rule(text: str) -> list[Span]:
    """Dates, numbers and names in their order; none overlap."""
    return [span for match in _pattern().finditer(text) if (span := _span(text, match)) is not None]


@cache
def _pattern() -> re.Pattern[str]:
    """Python's expressions have no class of capital letters, so that all of them are spelled out."""
    capital = "[" + "".join(re.escape(letter) for letter in map(chr, range(0x10000)) if letter.isupper()) + "]"
    name = rf"(?:{capital}\.(?:{capital}\.)*|(?:St|Dr|Mr|Mrs|Ms|Jr|Sr)\.|{capital}(?:[\w'’&-]*\w)?)"
    names = rf"{name}(?:(?: {_LINK})? (?!{_DATE}){name})*"  # a month may begin a date
    return re.compile(rf"(?<![\w$€£¥.-])(?:(?P<date>{_DATE})|(?P<number>{_NUMBER})|(?P<name>{names}))")


def spans_by_parser(parser: "Language", text: str) -> list[Span]:
    """Noun chunks of the original's kinds. A long text is read in parts."""
    parts = range(0, len(text), LONGEST)
    return [Span(part + span.start, part + span.end) for part in parts for span in spans_of(parser(text[part : part + LONGEST]))]


def spans_of(doc: "Doc") -> Iterator[Span]:
    """Of a parsed text."""
    for chunk in doc.noun_chunks:
        if chunk.root.dep_ not in LEFT_OUT_ROOTS and chunk.text.lower() not in LEFT_OUT:
            yield Span(chunk.start_char, chunk.end_char)


def parser_named(name: str) -> str | None:
    """What pins the parser that will be used, or None for the rules. `auto` takes the original's where it is installed.

    Raises InputError for one that is named and not installed; `rules` is no parser.
    """
    if name == "rules":
        return None
    wanted = DEFAULT_PARSER if name == "auto" else name
    version = _installed(wanted)
    if version is None and name != "auto":
        raise InputError(f"the spaCy model {name!r} is not installed", f"python -m spacy download {name}; or --set parser=rules")
    return None if version is None else f"{wanted} {version}"


def load_parser(name: str) -> "Language":
    """The spaCy pipeline `name` of `parser_named`."""
    import spacy

    try:
        return spacy.load(name)
    except (OSError, ValueError) as error:
        raise BackendError(f"the spaCy model {name} cannot be loaded: {error}", "install it anew, or --set parser=rules") from error


@cache
def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version("spacy")
        return version(name)
    except PackageNotFoundError:
        return None


def _span(text: str, match: "re.Match[str]") -> Span | None:
    """The match, without words that have a capital only because a sentence begins; None where nothing is left."""
    start, end = match.span()
    if match["name"] is None:
        return Span(start, end)
    is_first = bool(_SENTENCE_START.search(text[max(0, start - 20) : start])) or not text[:start].strip()
    words = list(re.finditer(r"\S+", match["name"]))
    if is_first and words[0][0].casefold() not in _OPENERS:
        return None
    while words and not (words[0][0][0].isupper() and words[0][0].casefold() not in _OPENERS):
        words.pop(0)
    return Span(start + words[0].start(), end) if words else None

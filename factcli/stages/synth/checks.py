"""What a text written by a model is checked for without asking anybody: leftovers, likeness, values that come or go.

By capital letters and digits: values of a text are its numbers, and the words that are capital inside a sentence. That fits
languages that write names with capitals; in others only numbers, dates and the title itself are found.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from factcli.knowledge.subjects import without_surrogates
from factcli.prompts import CONTROL, MARKS
from factcli.world.counterparts import folded

WORD = re.compile(r"[^\W\d_]+")
PIECE = re.compile(r"[^\W_]+")  # of a folded name
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
DATE = re.compile(rf"\b(?:({'|'.join(MONTHS)})\s+(\d{{1,2}})|(\d{{1,2}})\s+({'|'.join(MONTHS)}))\b")
SENTENCE_START = re.compile(r"(?:^|\n|(?:(?<!\b[A-Z])[.!?]|[:;])[\"”’)\]]*\s+)[\"“‘(\[]*(?=\w)")
# Words that are capital at the start of a title and tell nobody even there.
EMPTY = frozenset(("The", "In", "He", "She", "It", "They", "His", "Her", "And", "Of", "Its", "This", "That"))
# Capital words of a text that say nothing about one subject; months are told by dates. In a name they are a part of it.
GENERAL = (
    EMPTY
    | frozenset(MONTHS)
    | frozenset(  # one string: a hundred quoted words are no easier to read
        """
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    New Old North South East West Northern Southern Eastern Western Central
    University College School Institute Academy Faculty Department Church Cathedral Society Association Federation Union Club Team League Cup
    Championship Championships Olympic Olympics Games Football National International United State States Republic Kingdom World War Party
    Senate Parliament Congress Assembly House Court Council Governor President Minister Mayor General Captain District County City Town River
    Street Road Island Lake Mountain Prize Award Medal Museum Gallery Theatre Orchestra Company Corporation Press Army Navy Force Women Men
    King Queen Prince Princess Saint Sir Lord Lady Dr St Jr Sr II III IV TV
    """.split()  # noqa: SIM905
    )
)
LEAST_DIGITS = 3  # of a number that tells a subject: a year, a count; 12 is found in any text
MOST_NAME_WORDS = 5  # of a real title that is looked for in a text
RUN = 4  # words in a row that two texts share where one was copied
CONTENT_LETTERS = 5  # of a word that carries meaning, roughly


@dataclass(frozen=True, slots=True)
class Traces:
    """What tells a real subject, and may not stand in a text about an invented one."""

    title: str  # folded
    words: frozenset[str]
    numbers: frozenset[str]
    dates: frozenset[str]  # "december 11"

    def left_in(self, text: str) -> list[str]:
        """Those that stand in `text`, sorted."""
        found = set(self.words & set(WORD.findall(text))) | set(self.numbers & numbers_of(text)) | set(self.dates & dates_of(text))
        whole = [self.title] if f" {self.title} " in _spelled(text) else []
        return [*whole, *sorted(found)]

    def listed(self) -> str:
        """For a prompt: one a line."""
        return "\n".join([self.title, *sorted(self.words), *sorted(self.numbers), *sorted(self.dates)])


def traces_of(title: str, text: str) -> Traces:
    """Parts of the title that are no ordinary words of the text, its capital words that are not GENERAL, long numbers, days of a year."""
    ordinary = {word for word in WORD.findall(text) if word.islower()}
    of_title = {word for word in WORD.findall(title) if not word.islower() and len(word) > 1 and word.lower() not in ordinary} - EMPTY
    numbers = frozenset(number for number in numbers_of(text) if sum(letter.isdigit() for letter in number) >= LEAST_DIGITS)
    return Traces(folded(title), frozenset(of_title | (capitals_of(text) - GENERAL)), numbers, dates_of(text))


def tidy(text: str) -> str:
    """One line without control characters, bullets or quotation marks around it."""
    line = " ".join(CONTROL.sub(" ", without_surrogates(text)).split())
    line = re.sub(r"^(?:[-*•]\s+|\d+[.)]\s+)", "", line)
    return line[1:-1].strip() if len(line) > 1 and (line[0], line[-1]) in {('"', '"'), ("“", "”"), ("'", "'")} else line


def numbers_of(text: str) -> frozenset[str]:
    """Without separators of thousands: 3,677 is 3677."""
    return frozenset(re.sub(r",(?=\d{3}\b)", "", number) for number in NUMBER.findall(text))


def dates_of(text: str) -> frozenset[str]:
    """Days of a year, in one spelling."""
    return frozenset(f"{(match[1] or match[4]).lower()} {int(match[2] or match[3])}" for match in DATE.finditer(text))


def capitals_of(text: str) -> frozenset[str]:
    """Words of two letters or more that are capital elsewhere than at the start of a sentence."""
    starts = {match.end() for match in SENTENCE_START.finditer(text)}
    return frozenset(match[0] for match in WORD.finditer(text) if match[0][0].isupper() and len(match[0]) > 1 and match.start() not in starts)


def values_of(text: str, name: str) -> frozenset[str]:
    """Numbers and capital words of a text, without those of the subject's own name."""
    return numbers_of(text) | (capitals_of(text) - set(WORD.findall(name)) - GENERAL)


def likeness(text: str, other: str, name: str) -> float:
    """How much of `text` stands in `other`, 0..1: the larger share of its values and of its runs of four words."""
    return max(_share(values_of(text, name), values_of(other, name)), _share(_runs(text), _runs(other)))


def adds(text: str, sources: Iterable[str], name: str) -> list[str]:
    """Values of `text` that none of the `sources` has, sorted."""
    known = " \n".join(sources)
    return sorted((numbers_of(text) - numbers_of(known)) | (values_of(text, name) - numbers_of(text) - set(WORD.findall(known))))


def states(text: str, statement: str, name: str) -> bool:
    """Whether `text` has all values of the statement; of one without values half of its longer words."""
    values = values_of(statement, name)
    if values:
        return values <= numbers_of(text) | set(WORD.findall(text))
    content = _content(statement, name)
    return len(content & _content(text, name)) * 2 >= len(content)


def has_name(text: str, name: str) -> bool:
    """Whether the whole name stands in the text, however it is spelled."""
    return _spelled(name) in _spelled(text)


def names_somebody_real(text: str, taken: Collection[str]) -> bool:
    """Whether a real title of two to five words stands in one sentence of the text, as a name: its first and last word not in lower case.

    `taken` are folded titles, a set. Illnesses and the like, which texts write in lower case, may be spoken of.
    """
    for sentence in SENTENCE_START.split(unicodedata.normalize("NFC", text)):
        pieces = PIECE.findall(sentence)
        words, ends = [folded(piece) for piece in pieces], [not piece[0].islower() for piece in pieces]
        for first in range(len(words)):
            for last in range(first + 1, min(first + MOST_NAME_WORDS, len(words))):
                if ends[first] and ends[last] and " ".join(words[first : last + 1]) in taken:
                    return True
    return False


def name_fault(name: str, word: str, subject_words: Collection[str], taken: Collection[str]) -> str:
    """Why an invented name cannot be had; "" for one that can. `word` must be in it; `taken` are folded names of real ones."""
    parts = folded(name).split()
    if not parts or len(name) > 80 or MARKS.search(name):
        return "no name"
    if folded(word) not in parts:
        return "lacks the word that it must have"
    if folded(name) in taken or names_somebody_real(name, taken):
        return "belongs to somebody real"
    return "keeps a part of the real name" if {folded(part) for part in subject_words} & set(parts) else ""


@lru_cache(maxsize=1024)  # a text is compared with many names, and a name with many texts
def _spelled(text: str) -> str:
    """Folded, with a space on both sides, so that only whole words are found in it."""
    return f" {folded(text)} "


def _content(text: str, name: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text) if len(word) >= CONTENT_LETTERS} - {word.lower() for word in WORD.findall(name)}


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = folded(text).split()
    return frozenset(tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1))


def _share(of: Collection[object], in_other: Collection[object]) -> float:
    return len(set(of) & set(in_other)) / len(of) if of else 0.0

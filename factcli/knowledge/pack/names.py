"""When two spellings mean one page. Rather absent than another person's page: evidence about somebody else makes true claims false.

The steps of a lookup, first hit wins:
exact       the title as it is spelled (blanks and Unicode form aside), or with `_` for blanks
redirect    another name that the source gives for the page, as it is spelled
normalised  the same letters and digits without case, accents and punctuation (`folded`), if one page alone has them; or, where
            only the page has something in brackets (`Al Bo` asked, `Al Bo (priest)` there), if no other page has that name
fuzzy       the nearest folded name, if it is `near` enough and no other page is as near
Whoever asks with brackets never gets a page with other brackets or none. A title that the source marks as ambiguous is absent.
"""

import re
import unicodedata

from factcli.knowledge.pack.words import unaccented

BRACKETS = re.compile(r"\s*[(（]([^()（）]*)[)）]\s*$")
ROMAN = re.compile(r"[ivxlc]+")
SHORTEST_CHANGED = 6  # letters of a word that may be spelled otherwise: in shorter ones a letter makes another name (John, Joan; Maria, Marta)
HYPHENS = re.compile("['’‘ʼ`´]")  # dropped, not a blank: O'Brien, OBrien


def spelled(title: str) -> str:
    """A title in the one Unicode form and with single blanks: what exact means."""
    return " ".join(unicodedata.normalize("NFC", title).split())


def folded(title: str) -> str:
    """Letters and digits without case and accents, single blanks between; brackets are words like others."""
    letters = unaccented(HYPHENS.sub("", title))
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c) in ("Mn", "Mc") else " " for c in letters).split())


def split_brackets(title: str) -> tuple[str, str]:
    """The name and what stands in brackets at its end, "" where nothing does."""
    match = BRACKETS.search(title)
    return (title[: match.start()], match[1]) if match and match.start() else (title, "")


def near(asked: str, known: str, least: float) -> float:
    """Similarity 0..1 of two folded names if they may be one name spelled in two ways, else 0.

    1 - (insertions, deletions, replacements, swaps of neighbours) / the longer name's letters. As many words in the same order, of
    which those that differ have six letters or more, the same first and last letter and no digit, and are no Roman numerals.
    """
    from rapidfuzz.distance import OSA

    pairs = list(zip(asked.split(), known.split(), strict=False))
    if asked.count(" ") != known.count(" ") or not all(map(_may_be_one, *zip(*pairs, strict=True))):
        return 0.0
    similarity = OSA.normalized_similarity(asked, known)
    return similarity if similarity >= least else 0.0


def most_edits(n_letters: int, least: float) -> int:
    """Edits that a name of so many letters may differ by."""
    return int(n_letters * (1 - least) + 1e-9)


def _may_be_one(a: str, b: str) -> bool:
    if a == b:
        return True
    if min(len(a), len(b)) < SHORTEST_CHANGED or ROMAN.fullmatch(a) or ROMAN.fullmatch(b):
        return False
    return a[0] == b[0] and a[-1] == b[-1] and not any(letter.isdigit() for letter in a + b)

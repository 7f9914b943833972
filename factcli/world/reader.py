"""Reads claims back out of a biography: the exact inverse of the grammar, in its plain register, in hearsay and in the record.

Not more: text that no form of the grammar could have produced is reported as unread, never guessed at. A sentence of hearsay makes
its claim all the same, and the claim says in which register.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from factcli.world.grammar import REFERENCE, REGISTER_OPENERS, Register, all_statement_forms
from factcli.world.people import RELATION_NAMES

SUBJECT = "\x01"  # stands for each character of a mention of the subject, so that positions stay
VALUE = r"[^\s.,;:?!]+(?: [^\s.,;:?!]+)*?"  # words up to the form's end


@dataclass(frozen=True, slots=True)
class ReadClaim:
    """One claim, and the characters of the sentence that makes it (end exclusive)."""

    relation: str
    value: str
    start: int
    end: int
    register: Register = "plain"


@dataclass(frozen=True, slots=True)
class Reading:
    """All claims in order, and the spans of text that could not be read, blanks around them left out."""

    claims: tuple[ReadClaim, ...]
    unread: tuple[tuple[int, int], ...]


def read_biography(text: str, name: str) -> Reading:
    """The claims that `text` makes about `name`. A value is any words up to the form's end, pooled or not."""
    masked = _mask_mentions(text, name)
    claims: list[ReadClaim] = []
    for match in _sentence_pattern().finditer(masked):
        relation = match.lastgroup
        assert relation is not None, "every branch of the pattern names its relation"
        value = text[match.start(relation) : match.end(relation)]
        register: Register = next((name for name in REGISTER_OPENERS if match[name]), "plain")
        claims.append(ReadClaim(relation, value, match.start(), match.end(), register))
    return Reading(tuple(claims), _gaps(text, claims))


def _mask_mentions(text: str, name: str) -> str:
    # Without the word's end a longer name that begins like this one would be taken for it.
    mention = re.compile(rf"(?:{re.escape(name)}|[Tt]{re.escape(REFERENCE[1:])})(?!\w)")
    return mention.sub(lambda match: SUBJECT * len(match[0]), text)


@cache
def _sentence_pattern() -> re.Pattern[str]:
    """One branch per relation: (opener subject predicate) (value) suffix."""
    forms = all_statement_forms()
    branches: list[str] = []
    for relation in RELATION_NAMES:
        own = [form for form in forms if form.relation == relation]
        prefixes = sorted({_prefix_pattern(form.before, form.after) for form in own})
        suffix = re.escape(own[0].suffix)
        branches.append(rf"(?:{'|'.join(prefixes)}) (?P<{relation}>{VALUE}){suffix}(?!\S)")
    openers = _any_of(sorted({form.opener for form in forms} - {""}))
    # The relation's group closes last, which is what `lastgroup` names.
    registers = [f"(?P<{name}>{_any_of(of_register)})" for name, of_register in REGISTER_OPENERS.items()]
    return re.compile(rf"(?<!\S)(?:{'|'.join([*registers, openers])})?(?:{'|'.join(branches)})")


def _any_of(openers: Iterable[str]) -> str:
    return "|".join(map(_first_letter_free, openers))


def _prefix_pattern(before: str, after: str) -> str:
    return f"{_first_letter_free(before)}{SUBJECT}+{re.escape(after)}"


def _first_letter_free(text: str) -> str:
    return f"[{text[0].upper()}{text[0].lower()}]{re.escape(text[1:])}" if text else ""


def _gaps(text: str, claims: list[ReadClaim]) -> tuple[tuple[int, int], ...]:
    edges = [0, *(edge for claim in claims for edge in (claim.start, claim.end)), len(text)]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start + len(gap) - len(gap.lstrip()), end - len(gap) + len(gap.rstrip())) for start, end in gaps if (gap := text[start:end]).strip())

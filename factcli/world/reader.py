"""Reads claims back out of a biography: the exact inverse of the grammar, in its plain register, in hearsay and in the record.

Not more: text that no form of the grammar could have produced is reported as unread, never guessed at. A sentence of hearsay makes
its claim all the same, and the claim says in which register.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from factcli.world.grammar import REFERENCE, REGISTER_COPULAS, Form, Register, all_register_forms, all_statement_forms
from factcli.world.people import RELATION_NAMES
from factcli.world.twohop import PLACE_FORMS

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
        group = match.lastgroup
        assert group is not None, "every branch of the pattern has a group"
        register, _, relation = group.partition("__")
        claims.append(ReadClaim(relation, text[slice(*match.span(group))], *match.span(), cast(Register, register)))
    return Reading(tuple(claims), _gaps(text, claims))


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """What a sentence says of where a place is: `country` of a city, or `city` of a college."""

    relation: str
    place: str
    value: str


def read_places(text: str) -> tuple[ReadPlace, ...]:
    """The sentences about places in `text`, in order; a sentence of an unknown form is none."""
    return tuple(_read_place(match) for match in _place_pattern().finditer(text))


def _read_place(match: re.Match[str]) -> ReadPlace:
    place, value = (name for name, found in match.groupdict().items() if found is not None)  # in the order of the pattern
    return ReadPlace(value.partition("_")[0], match[place], match[value])


@cache
def _place_pattern() -> re.Pattern[str]:
    """One branch per form: (place) (value)."""
    branches = [
        rf"{re.escape(form.before)}(?P<{relation}_place_{number}>{VALUE}){re.escape(form.between)} (?P<{relation}_value_{number}>{VALUE})\."
        for relation, forms in PLACE_FORMS.items()
        for number, form in enumerate(forms)
    ]
    return re.compile(rf"(?<!\S)(?:{'|'.join(branches)})(?!\S)")


def _mask_mentions(text: str, name: str) -> str:
    # Without the word's end a longer name that begins like this one would be taken for it.
    mention = re.compile(rf"(?:{re.escape(name)}|[Tt]{re.escape(REFERENCE[1:])})(?!\w)")
    return mention.sub(lambda match: SUBJECT * len(match[0]), text)


@cache
def _sentence_pattern() -> re.Pattern[str]:
    """One branch per relation and register: (opener subject predicate) (value) suffix."""
    plain = _branches(all_statement_forms(), "plain")
    return re.compile(rf"(?<!\S)(?:{'|'.join([plain, *(_branches(all_register_forms(register), register) for register in REGISTER_COPULAS)])})")


def _branches(forms: Sequence[Form], register: Register) -> str:
    branches: list[str] = []
    for relation in RELATION_NAMES:
        own = [form for form in forms if form.relation == relation]
        prefixes = sorted({_prefix_pattern(form.before, form.after) for form in own})
        suffix = re.escape(own[0].suffix)
        branches.append(rf"(?:{'|'.join(prefixes)}) (?P<{register}__{relation}>{VALUE}){suffix}(?!\S)")
    openers = "|".join(_first_letter_free(opener) for opener in sorted({form.opener for form in forms} - {""}))
    return rf"(?:{openers})?(?:{'|'.join(branches)})"


def _prefix_pattern(before: str, after: str) -> str:
    return f"{_first_letter_free(before)}{SUBJECT}+{re.escape(after)}"


def _first_letter_free(text: str) -> str:
    return f"[{text[0].upper()}{text[0].lower()}]{re.escape(text[1:])}" if text else ""


def _gaps(text: str, claims: list[ReadClaim]) -> tuple[tuple[int, int], ...]:
    edges = [0, *(edge for claim in claims for edge in (claim.start, claim.end)), len(text)]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start + len(gap) - len(gap.lstrip()), end - len(gap) + len(gap.rstrip())) for start, end in gaps if (gap := text[start:end]).strip())

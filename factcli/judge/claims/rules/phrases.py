"""A verb phrase in pieces, each of which is true of the subject by itself: members of lists, dates apart from places."""

import re
from collections.abc import Iterator, Sequence

from factcli.judge.claims.rules.tokens import Token
from factcli.judge.claims.rules.words import ARTICLES, BE, DATED, PAIRS, POSSESSIVES

Phrase = tuple[Token, ...]
LONGEST_MEMBER = 9  # tokens of a list's member; what is longer is rather a clause
NATIONALITY = re.compile(r"[A-Z][\w-]*(?:an|ese|ish|ic|ch|sh|i|tch|lish|eek|ss)")
ADJECTIVE = re.compile(r"(?:able|ible|ive|ful|ous|less|ing)$")
EXAMPLES = ("including", "such")  # as
STARTS_MEMBER = ("preposition", "determiner", "verb", "auxiliary")


def pieces(phrase: Phrase) -> list[Phrase]:
    """The pieces in order; the phrase itself where there is nothing to take apart.

    What follows `, winning` is never taken apart: the phrase before it is, and then stands whole with it.
    """
    at = next((place for place in range(2, len(phrase)) if phrase[place - 1].text == "," and _is_gerund(phrase[place])), len(phrase) + 1)
    main = phrase[: at - 1]
    found = [dated for part in _members(main) for one in _nationality(part) for dated in _dates(one)]
    return found if at > len(phrase) else [*found, phrase]


def _is_gerund(token: Token) -> bool:
    return token.kind == "word" and token.low.endswith("ing") and token.low not in EXAMPLES


def _members(phrase: Phrase) -> Iterator[Phrase]:
    """A list's members, each in the list's place; with `including`, what they are examples of comes first."""
    examples = next((place for place in range(2, len(phrase) - 1) if _gives_examples(phrase, place)), None)
    if examples is not None:
        yield from _examples(phrase, examples)
        return
    start, members, rest = _listed(phrase)
    if len(members) < 2:
        yield phrase
        return
    before = phrase[:start]
    for member in members:
        yield (*before, *_with_article(members[0], member, before), *rest)


def _gives_examples(phrase: Phrase, place: int) -> bool:
    """`films, including Blue`, `films such as Blue`, `films like Blue`."""
    is_like = phrase[place].low == "like" and phrase[place - 1].low.endswith("s") and phrase[place + 1].kind in ("name", "quotation")
    return is_like or phrase[place].low in EXAMPLES


def _examples(phrase: Phrase, place: int) -> Iterator[Phrase]:
    before = phrase[: place - 1] if phrase[place - 1].text == "," else phrase[:place]
    first = place + (2 if phrase[place].low == "such" else 1)
    yield from _members(before)
    head = before[: _start_of_member(before, len(before))]
    if before[len(head) - 1 : len(head)] and before[len(head) - 1].kind == "determiner":
        head = head[:-1]
    _, members, _ = _listed((Token("with", "preposition"), *phrase[first:]))
    for member in members or [phrase[first:]]:
        yield (*head, *member)


def _listed(phrase: Phrase) -> tuple[int, list[Phrase], Phrase]:
    """Where the last list begins, its members, and what follows it; no members where there is no list."""
    joint = next((place for place in range(len(phrase) - 2, 0, -1) if _joins(phrase, place)), None)
    if joint is None:
        return 0, [], ()
    end = _end_of_member(phrase, joint + 1)
    last = phrase[joint + 1 : end]
    members: list[Phrase] = []
    right = joint - 1 if phrase[joint - 1].text == "," else joint
    left = right
    while (comma := _comma_before(phrase, left)) is not None and left - comma <= LONGEST_MEMBER:
        members.insert(0, phrase[comma + 1 : left])
        left = comma
    start = _after_of(phrase, _start_of_member(phrase, left), left, [*members, last])
    if start >= left or (not members and not _are_alike(phrase, phrase[start:left], last)):
        return 0, [], ()
    return start, [phrase[start:left], *members, last], phrase[end:]


def _joins(phrase: Phrase, place: int) -> bool:
    """Whether the `and` here joins members: no pair that is one thing, no `between 1990 and 1995`, nothing after it that goes on otherwise."""
    if phrase[place].low != "and":
        return False
    left, right = phrase[place - 1], phrase[place + 1]
    is_pair = f"{left.low} {right.low}" in PAIRS or "between" in (token.low for token in phrase[:place])
    return not is_pair and right.kind not in ("preposition", "auxiliary", "mark", "conjunction")


def _comma_before(phrase: Phrase, end: int) -> int | None:
    """The comma before a member; the verb comes before any."""
    return next((place for place in range(end - 1, 1, -1) if phrase[place].text == ","), None)


def _start_of_member(phrase: Phrase, end: int) -> int:
    """Where the member that ends there begins: after the last preposition but `of`, determiner or verb; an article or possessive belongs to it."""
    start = end
    while (
        start > 1
        and (phrase[start - 1].kind not in (*STARTS_MEMBER, "participle", "mark") or phrase[start - 1].low == "of")
        and not phrase[start - 1].low.endswith("ing")
    ):
        start -= 1
    takes = (
        start > 1 and start < end and (phrase[start - 1].low in ARTICLES or phrase[start - 1].low in POSSESSIVES or phrase[start - 1].low in ("the", "several"))
    )
    return start - 1 if takes else start


def _after_of(phrase: Phrase, start: int, end: int, others: Sequence[Phrase]) -> int:
    """`was the son of John and Mary`: of a predicate's noun that bare names follow, only the name after `of` is a member."""
    is_predicate = start == 1 and phrase[0].low in BE
    are_bare = all(other and other[0].kind in ("name", "quotation") and "of" not in (token.low for token in other) for other in others)
    ofs = [place for place in range(start, end - 1) if phrase[place].low == "of"]
    return ofs[-1] + 1 if ofs and is_predicate and are_bare else start


def _end_of_member(phrase: Phrase, start: int) -> int:
    """Where the last member ends: at a mark, or at a preposition that a date follows."""
    for place in range(start + 1, len(phrase)):
        token = phrase[place]
        is_date_ahead = token.low in DATED and _is_date(phrase, place + 1)
        if token.text in (",", ";") or is_date_ahead:
            return place
    return len(phrase)


def _are_alike(phrase: Phrase, one: Phrase, other: Phrase) -> bool:
    """Whether two stretches around `and` can be members: both names or both not, neither long, the second no clause.

    `a warm and open house` joins adjectives: one word before `and`, several after it that have no article. After `is a` such a word is
    an occupation, unless it ends as adjectives do.
    """
    if not one or not other or max(len(one), len(other)) > LONGEST_MEMBER or any(token.kind in ("auxiliary", "verb") for token in other):
        return False
    bare = [token for token in one if token.kind != "determiner"]
    is_adjective = len(bare) == 1 and bare[0].kind == "word" and len(other) > 1 and other[0].kind == "word" and other[1].kind == "word"
    is_occupation = phrase[0].low in BE and not ADJECTIVE.search(bare[0].low) if bare else False
    return _has_name(one) == _has_name(other) and (not is_adjective or is_occupation)


def _has_name(phrase: Phrase) -> bool:
    return any(token.kind in ("name", "quotation") and not NATIONALITY.fullmatch(token.text) for token in phrase)


def _with_article(first: Phrase, member: Phrase, before: Phrase) -> Phrase:
    """`an American singer, actress`: the article or possessive of the first stands before all that have none of their own."""
    lead = first[0]
    if member is first or not member or member[0].kind in ("determiner", "name", "quotation", "date") or lead.kind != "determiner":
        return member
    if lead.low in POSSESSIVES:
        return (lead, *member)
    is_singular = lead.low in ARTICLES and (not member[-1].low.endswith("s") or member[-1].low.endswith("ss")) and bool(before)
    return (Token("an" if member[0].text[:1].lower() in "aeiou" else "a", "determiner"), *member) if is_singular else member


def _nationality(phrase: Phrase) -> Iterator[Phrase]:
    """`is an American singer` -> `is American`, `is a singer`."""
    at = next((place for place, token in enumerate(phrase[:4]) if token.low in ARTICLES and place and phrase[0].low in BE), None)
    if at is None or at + 2 >= len(phrase) or not NATIONALITY.fullmatch(phrase[at + 1].text) or phrase[at + 2].kind not in ("word", "participle"):
        yield phrase
        return
    yield (phrase[0], phrase[at + 1])
    article = Token("an" if phrase[at + 2].text[:1].lower() in "aeiou" else "a", "determiner")
    yield (*phrase[:at], article, *phrase[at + 2 :])


def _dates(phrase: Phrase) -> Iterator[Phrase]:
    """`was born in Lima on 3 May 1901` -> `was born in Lima`, `was born on 3 May 1901`."""
    at = next((place for place in range(1, len(phrase) - 1) if phrase[place].low in DATED and _is_date(phrase, place + 1)), None)
    if at is None:
        yield phrase
        return
    date, rest = phrase[at : at + 2], (*phrase[:at], *phrase[at + 2 :])
    core = phrase[: next((place for place, token in enumerate(phrase) if token.kind == "preposition" or token.text == ","), len(phrase))]
    if len(rest) <= len(core):
        yield phrase
        return
    yield from _dates(rest)
    yield (*core, *date)


def _is_date(phrase: Phrase, place: int) -> bool:
    """`in 1997`, but not `in the 1997 film`."""
    after = phrase[place + 1] if place + 1 < len(phrase) else None
    return place < len(phrase) and phrase[place].kind == "date" and (after is None or after.kind in ("mark", "preposition", "conjunction"))

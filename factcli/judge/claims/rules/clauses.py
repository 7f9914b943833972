"""A sentence as clauses: a subject, and what is said of it."""

from collections.abc import Sequence
from typing import NamedTuple

from factcli.judge.claims.rules.tokens import Token
from factcli.judge.claims.rules.tokens import tokens as inside
from factcli.judge.claims.rules.words import ARTICLES, BE, DATED, PREPOSITIONS, RELATIVES, SUBJECTS

LONGEST_OPENING = 8  # tokens before a comma that may be `In the spring of 1997`; more are a clause
LONGEST_SUBJECT = 14  # tokens before the first verb; beyond it the sentence is not of the kind that is known here
OPEN = ("after", "when", "while", "although", "though", "because", "if", "despite", "before", "unlike", "as")  # begin a clause that is not taken apart
IS, WAS = Token("is", "auxiliary"), Token("was", "auxiliary")
Phrase = tuple[Token, ...]


class Clause(NamedTuple):
    """`predicate` begins with the verb, or an adverb before it."""

    subject: tuple[Token, ...]
    predicate: tuple[Token, ...]


def clauses(sentence: Sequence[Token]) -> list[Clause]:
    """The clauses in order; none where no verb is known."""
    opening, rest = _opening(list(sentence))
    verb = _first_verb(rest)
    if verb is None or (opening and opening[0].low in OPEN):
        return []
    subject, asides = _subject(rest[:verb])
    first, *others = _predicates(tuple(subject), [*rest[verb:], *opening])
    return [clause for clause in (first, *asides, *others) if clause.subject and clause.predicate]


def _opening(sentence: list[Token]) -> tuple[list[Token], list[Token]]:
    """`In 1997, she left` -> `in 1997`, `she left`; an adverb before a comma is left out."""
    comma = next((place for place, token in enumerate(sentence) if token.text == ","), 0)
    first = sentence[0] if sentence else None
    if first is not None and first.low in DATED and len(sentence) > 2 and sentence[1].kind == "date" and comma != 2:
        return [first._replace(text=first.low), sentence[1]], sentence[2:]
    if first is None or not 0 < comma <= LONGEST_OPENING or _first_verb(sentence[comma + 1 :]) is None:
        return [], sentence
    if first.low in PREPOSITIONS or first.low in OPEN:
        return [first._replace(text=first.low), *sentence[1:comma]], sentence[comma + 1 :]
    return ([], sentence[comma + 1 :]) if comma == 1 and first.low.endswith("ly") else ([], sentence)


def _first_verb(sentence: Sequence[Token]) -> int | None:
    """The place of the first finite verb after a subject, adverbs before it included."""
    depth = 0
    for place, token in enumerate(sentence[: LONGEST_SUBJECT + 1]):
        if token.text == ",":
            depth = 1 - depth if _opens_aside(sentence, place) or depth else depth
        elif place and not depth and token.low not in RELATIVES and _is_finite(sentence, place):
            return _with_adverbs(sentence, place)
    return None


def _with_adverbs(sentence: Sequence[Token], verb: int) -> int:
    """Where the adverbs before a verb begin, but for one that is the subject."""
    while verb > 1 and sentence[verb - 1].kind == "adverb":
        verb -= 1
    return verb


def _opens_aside(sentence: Sequence[Token], comma: int) -> bool:
    """Whether another comma ends what begins here before the verb: `Lee, a singer, is`, `Lee, who sang, is`."""
    ahead = sentence[comma + 1] if comma + 1 < len(sentence) else None
    return ahead is not None and (ahead.low in RELATIVES or ahead.low in ARTICLES or ahead.low == "the") and any(t.text == "," for t in sentence[comma + 1 :])


def _is_finite(sentence: Sequence[Token], place: int) -> bool:
    token, before = sentence[place], sentence[place - 1]
    if token.kind == "auxiliary":
        return True
    if token.kind == "participle":
        return before.kind in ("name", "adverb", "bracket", "quotation") or before.low in SUBJECTS or before.kind == "word"
    return token.kind == "verb" and before.kind not in ("determiner", "preposition", "auxiliary")


def _subject(tokens: list[Token]) -> tuple[list[Token], list[Clause]]:
    """The subject without what stands between commas or in brackets, and that as clauses of its own."""
    born = [token for token in tokens if token.kind == "bracket" and token.low.startswith("(born ")]
    bare = [token for token in tokens if token not in born]
    comma = next((place for place, token in enumerate(bare) if token.text == ","), None)
    head = bare[:comma] if comma else bare
    clauses = [Clause(tuple(head), (WAS, *inside(token.text[1:-1]))) for token in born]
    aside = [token for token in bare[comma + 1 :] if token.text != ","] if comma else []
    if aside and aside[0].low in RELATIVES:
        return head, [*clauses, Clause(tuple(head), tuple(aside[1:]))]
    if aside and (aside[0].low in ARTICLES or aside[0].low == "the"):
        return head, [*clauses, Clause(tuple(head), (IS, *aside))]
    return bare, clauses


def _predicates(subject: Phrase, tokens: list[Token]) -> list[Clause]:
    """The clauses that share the subject, those about a noun before them (`, which`), and those with a pronoun of their own."""
    parts: list[tuple[Phrase, list[Token]]] = [(subject, [])]
    place = 0
    while place < len(tokens):
        ahead = _break(tokens, place)
        if not ahead:
            parts[-1][1].append(tokens[place])
            place += 1
        elif tokens[ahead].low in RELATIVES and tokens[place].text == ",":
            end = _end_of_relative(tokens, ahead)
            parts.insert(-1, (tuple(_noun_before(parts[-1][1])), tokens[ahead + 1 : end]))
            parts[-2:] = [parts[-1], parts[-2]]
            place = end
            if end < len(tokens):
                parts.append((subject, []))
        elif tokens[ahead].low == "who":
            parts.append((subject, []))
            place = ahead + 1
        elif tokens[ahead].low == "best":
            parts.append((subject, [tokens[0], tokens[ahead]]))
            place = ahead + 1
        elif tokens[ahead].low in SUBJECTS:
            parts.append(((tokens[ahead],), []))
            place = ahead + 1
        else:
            parts.append((subject, _auxiliary_of(parts[0][1], tokens[ahead])))
            parts[-1][1].append(tokens[ahead])
            place = ahead + 1
    return [Clause(about, tuple(_trimmed(part))) for about, part in parts]


def _break(tokens: Sequence[Token], place: int) -> int:
    """Where the next phrase begins, if one ends here: after `, and`, `;`, `, which`, `, where he`; 0 if none does."""
    if tokens[place].low == "who" and place > 2 and tokens[0].low in BE and tokens[1].low in (*ARTICLES, "the"):
        return place  # `is a writer who has won`: of the subject, where it is the predicate's noun
    if [token.low for token in tokens[place : place + 2]] == ["best", "known"] and place > 2 and tokens[0].low in BE:
        return place  # `is an actor best known for`
    ahead = place
    while ahead < len(tokens) and (tokens[ahead].text in (",", ";") or (tokens[ahead].kind == "conjunction") or tokens[ahead].low in ("where", "while")):
        ahead += 1
    if ahead == place or place == 0 or ahead + 1 >= len(tokens):
        return 0
    begin = ahead
    while ahead + 1 < len(tokens) and tokens[ahead].kind == "adverb":
        ahead += 1
    token, is_joined = tokens[ahead], any(t.kind == "conjunction" or t.text == ";" for t in tokens[place:begin])
    if token.low in RELATIVES and tokens[place].text == ",":
        return ahead
    if token.low in SUBJECTS and ahead + 1 < len(tokens):
        return ahead
    is_verb = token.kind in ("auxiliary", "verb", "participle") and tokens[begin - 1].kind != "determiner"
    return begin if is_joined and is_verb and not _is_attribute(tokens, ahead) else 0


def _is_attribute(tokens: Sequence[Token], place: int) -> bool:
    """`and renowned singer`, `and acclaimed films`: a participle before a noun is no verb."""
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    return tokens[place].kind == "participle" and after is not None and after.kind == "word" and not after.low.endswith(("ing", "ly"))


def _end_of_relative(tokens: Sequence[Token], start: int) -> int:
    """A relative clause ends at a comma after which the main clause goes on, or with the sentence."""
    for place in range(start + 1, len(tokens)):
        if tokens[place].text in (",", ";") and _break(tokens, place):
            return place
    return len(tokens)


def _noun_before(tokens: Sequence[Token]) -> list[Token]:
    """The noun phrase at the end: back to a preposition but `of`, a verb or a mark."""
    start = len(tokens)
    while (
        start
        and tokens[start - 1].kind not in ("verb", "auxiliary", "mark", "participle")
        and (tokens[start - 1].kind != "preposition" or tokens[start - 1].low == "of")
    ):
        start -= 1
        if tokens[start].kind == "determiner":
            break
    return list(tokens[start:])


def _auxiliary_of(first: Sequence[Token], verb: Token) -> list[Token]:
    """`was born and raised`: the second verb takes `was` too."""
    is_shared = verb.kind == "participle" and len(first) == 2 and first[0].low in BE and first[1].kind in ("participle", "word")
    return [first[0]] if is_shared else []


def _trimmed(part: list[Token]) -> list[Token]:
    while part and (part[-1].kind == "conjunction" or part[-1].text in (",", ";")):
        part = part[:-1]
    return part

"""Sentences taken apart without a model: no grammar of English, but the patterns that texts about people and things mostly have.

Every claim is made of words of its sentence (and `is`, `a`, `from`, where an aside becomes a claim). What is done: coordinated clauses
and verb phrases; relative clauses and appositions between commas; lists, with or without `including`; nationality beside an
occupation; years in brackets after a title; a date apart from the place. What is not: subordinate clauses (`after she left`), participles
(`winning a prize`), pronouns inside a claim, irregular verbs that words.py does not know, other languages: there a sentence, or
what is left of it, is one claim. tests/bench/claims.py measures it against human claims.
"""

from collections.abc import Sequence

from factcli.judge.claims.rules.clauses import Clause, clauses
from factcli.judge.claims.rules.phrases import pieces
from factcli.judge.claims.rules.tokens import LETTER, Token, text_of, tokens

HEADING = 5  # words; fewer without a verb, a number or a full stop are a heading
ENDS = (".", "!", "?", "…", "。")


def claims_of(sentence: str) -> list[str]:
    """The claims of one sentence, in its order, each once; none where it says nothing: a heading, marks, a row of a table."""
    if not LETTER.search(sentence) or sentence.startswith("|") or sentence.endswith("?"):
        return []
    found = [_sentence_of(clause, piece) for clause in clauses(tokens(sentence)) for piece in pieces(clause.predicate)]
    if not found:
        return [] if _is_heading(sentence) else [sentence]
    return list(dict.fromkeys(found))


def _sentence_of(clause: Clause, piece: Sequence[Token]) -> str:
    text = text_of([*clause.subject, *piece])
    return f"{text[0].upper()}{text[1:]}."


def _is_heading(sentence: str) -> bool:
    has_number = any(letter.isdigit() for letter in sentence)
    return len(sentence.split()) < HEADING and not has_number and ":" not in sentence and not sentence.endswith(ENDS)

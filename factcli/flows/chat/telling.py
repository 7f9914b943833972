"""A reply as plain lines, as text for a terminal, and as JSON. What a model says is hostile: no control character of it is passed on.

Verdicts are told apart by a sign and a word, and by colour only besides.
"""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from factcli.flows.chat.evidence import JudgedClaim, Verdict
from factcli.flows.chat.session import Notice, Reply

if TYPE_CHECKING:
    from rich.text import Text

SIGNS: dict[Verdict, str] = {"supported": "+", "unsupported": "x", "no evidence": "?"}
COLOURS: dict[Verdict, str] = {"supported": "green", "unsupported": "red", "no evidence": "yellow"}
# Controls and escapes, marks that turn the direction of writing or are not seen, halves of a character, what no standard assigns a shape.
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
LONGEST_EVIDENCE = 600  # letters of a passage that are shown


def visible(text: str) -> str:
    """The text on one line, without what a terminal would obey or hide."""
    kept = (" " if letter.isspace() else letter for letter in text if letter.isspace() or unicodedata.category(letter) not in HIDDEN)
    return " ".join("".join(kept).split())


def plain_lines(reply: Reply) -> Iterator[str]:
    """The answer with its type and probability, then a line for each claim. A withheld answer claims nothing."""
    yield f"{visible(reply.answer) or '(nothing)'}  [{_sure(reply)}]"
    if not reply.is_withheld:
        yield from (f"  {SIGNS[claim.verdict]} {claim_line(claim)}" for claim in reply.claims)


def _sure(reply: Reply) -> str:
    number = f", {reply.confidence:.2f}" if reply.confidence is not None else ""
    return f"{reply.type}{number}"


def claim_line(claim: JudgedClaim) -> str:
    """Verdict, claim, why there is no evidence, probability."""
    reason = f" ({visible(claim.reason)})" if claim.reason else ""
    sure = f"  {claim.confidence:.2f}" if claim.confidence is not None else ""
    return f"{claim.verdict}: {visible(claim.text)}{reason}{sure}"


def notice_lines(notice: Notice) -> list[str]:
    """Of the conversation's own words, with what they quote of model and evidence; passages are cut."""
    return [_indented(line) for line in notice.lines]


def _indented(line: str) -> str:
    blanks = len(line) - len(line.lstrip(" "))
    shown = visible(line)
    return " " * blanks + (f"{shown[:LONGEST_EVIDENCE]} [cut]" if len(shown) > LONGEST_EVIDENCE else shown)


def styled(reply: Reply) -> Iterator["Text"]:
    """The plain lines in colours. Text is never read as markup."""
    from rich.text import Text

    first, *claims = plain_lines(reply)
    answer, _, sure = first.rpartition("  [")
    yield Text.assemble((answer, "bold"), (f"  [{sure}", "dim"))
    for line, claim in zip(claims, reply.claims, strict=False):
        sign, _, rest = line.lstrip().partition(" ")
        verdict, _, said = rest.partition(":")
        yield Text.assemble("  ", (f"{sign} {verdict}", COLOURS[claim.verdict]), f":{said}")


def as_json(reply: Reply) -> str:
    """One object on one line, in ASCII: an escape of the model's stays an escape of JSON."""
    told = {
        "question": reply.question,
        "answer": reply.answer,
        "said": reply.said,
        "type": reply.type,
        "typed_by": reply.typed_by,
        "confidence": reply.confidence,
        "with": list(reply.knowledge),
        "claims": [asdict(claim) for claim in reply.claims],
    }
    return json.dumps(told)

"""Items as columns: the form in which 10,000 of them travel inside a page and are read back at once.

A column is an array over items, in their order; -1, "" and "-" stand for a model that was not asked. Texts that repeat
(groups, evidence, reasons) are told once, in `strings`. Reading is in rows.js: what changes here changes there.
"""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from factcli.judge.chosen import Choices
from factcli.stages.report.browser.items import Item, Items, Reply, clipped_text
from factcli.svg import printable

HERE = Path(__file__).resolve().parent
SCRIPTS = ("rows.js", "opened.js", "page.js", "begin.js")
GRADES = {  # one letter per item; "-": not asked
    "right": "r", "wrong": "w", "abstained": "a", "unjudged": "u", "claims": "c", "preferred": "p", "tied": "t", "not preferred": "n",
}  # fmt: skip
VERDICTS = ("supported", "unsupported", "unscored", "irrelevant")
NOT_ASKED = "-"


def script() -> str:
    """The page's own script: all that its policy lets a browser run."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)


def packed(items: Items) -> str:
    """Base64 of gzipped JSON: letters, digits, +, / and = only, so that no text in it can end the element that holds it."""
    spelled = json.dumps(columns(items), ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(spelled, compresslevel=6, mtime=0)).decode()


def columns(items: Items) -> dict[str, Any]:
    strings = _Strings()
    listed = list(items.items.values())
    return {
        "models": [{"label": printable(key.label), "series": key.series, "main": key.is_main} for key in items.models.values()],
        "items": _item_columns(listed, strings),
        "said": [_said(listed, items.replies[label], strings) for label in items.models],
        "strings": strings.listed,
    }


class _Strings:
    """Each text once, by its place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        return self._places.setdefault(printable(text), len(self._places))

    @property
    def listed(self) -> list[str]:
        return list(self._places)


def _item_columns(listed: list[Item], strings: _Strings) -> dict[str, list[Any]]:
    return {
        "id": [printable(item.id) for item in listed],
        "benchmark": [strings.place(item.benchmark) for item in listed],
        "group": [strings.place(item.group) for item in listed],
        "question": [printable(item.question) for item in listed],
        "gold": [printable(item.gold) for item in listed],
    }


def _said(listed: list[Item], replies: Mapping[str, Reply], strings: _Strings) -> dict[str, Any]:
    found = [replies.get(item.id) for item in listed]

    def column(of: Callable[[Reply], Any], missing: Any) -> list[Any]:
        return [missing if reply is None else of(reply) for reply in found]

    return {
        "grade": "".join(column(lambda reply: GRADES[reply.grade], NOT_ASKED)),
        "text": column(lambda reply: printable(reply.text), ""),
        "confidence": column(lambda reply: _permille(reply.confidence), -1),
        "answer": column(lambda reply: printable(reply.answer_id), ""),
        "long": {place: _long(reply, strings) for place, reply in enumerate(found) if reply and reply.stretches},
        "notes": {place: strings.place(reply.note) for place, reply in enumerate(found) if reply and reply.note},
        "sets": {place: [_set(one, strings) for one in reply.sets] for place, reply in enumerate(found) if reply and reply.sets},
    }


def _long(reply: Reply, strings: _Strings) -> list[list[Any]]:
    """The stretches, each its text and the places of its claims; the claims as text, verdict, evidence, reason, confidence."""
    cut = [[printable(text), *places] for text, places in reply.stretches]
    claims = [[printable(c.text), VERDICTS.index(c.verdict), strings.place(c.evidence), strings.place(c.reason), _permille(c.confidence)] for c in reply.claims]
    return [cut, claims]


def _set(one: Choices, strings: _Strings) -> list[Any]:
    """The title; the choices as text, whether right, whether chosen, how likely."""
    choices = [[strings.place(clipped_text(c.text)), int(c.is_right), int(c.is_chosen), printable(c.told)] for c in one.choices]
    return [strings.place(clipped_text(one.title)), choices]


def _permille(share: float | None) -> int:
    return -1 if share is None else round(1000 * share)

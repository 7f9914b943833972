"""The page: one HTML file that needs nothing else, neither scripts nor fonts nor a network."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from factcli.errors import InputError
from factcli.stages.report.headline import Headline
from factcli.stages.report.svg import symbol
from factcli.stages.report.view import Plot, Samples, Section, Table
from factcli.svg import printable

HERE = Path(__file__).resolve().parent
WORDS = {"true": "true", "false": "false", "unread": "not judged", "repeated": "said before"}
ICONS = {"true": "✓", "false": "✗", "unread": "?", "repeated": "↺"}


def render(title: str, subtitle: str, headline: Headline, sections: Sequence[Section]) -> str:
    """The page's text. Every value is escaped by the template; SVG is built from escaped elements."""
    environment = _environment()
    style = (HERE / "page.css").read_text(encoding="utf-8")
    template = environment.get_template("page.html.jinja")
    return template.render(title=title, subtitle=subtitle, headline=headline, sections=sections, style=_safe(style), style_hash=_hash(style))


def _environment() -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise InputError("the report needs jinja2, which is not installed", 'pip install "factcli[report]"') from error
    found = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_printable)
    found.filters |= {"kind": _kind, "symbol": lambda key: _safe(symbol(key.series, key.is_line)), "svg": _safe}
    found.globals |= {"words": WORDS, "icons": ICONS}
    return found


def _safe(text: str) -> Any:
    """Text that this package built itself, element by element, and that the template must not escape again."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  # our own style sheet and drawings


def _printable(value: Any) -> Any:
    """What a template expression gives: text of other people without control characters."""
    return printable(value) if type(value) is str else value


def _hash(style: str) -> str:
    """The only style sheet that the page's policy lets a browser apply: injected ones are dead."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _kind(block: Table | Plot | Samples) -> str:
    return type(block).__name__.lower()

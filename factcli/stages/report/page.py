"""The page: one HTML file that needs nothing else, neither fonts nor a network; its one script is its own."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from factcli.errors import InputError
from factcli.stages.report.browser.packed import script as own_script
from factcli.stages.report.headline import Headline
from factcli.stages.report.svg import symbol
from factcli.stages.report.view import Block, Browser, Key, Part
from factcli.svg import printable

HERE = Path(__file__).resolve().parent
WORDS = {"true": "true", "false": "false", "unread": "not judged", "repeated": "said before"}
GRADES = (
    ("", "any"), ("r", "right"), ("w", "wrong"), ("a", "abstained"), ("c", "judged by claims"), ("u", "not judged"),
    ("p", "preferred"), ("t", "tied"), ("n", "not preferred"),
)  # fmt: skip
CHANGES = (("", "any"), ("gained", "gained"), ("lost", "lost"), ("same", "the same"))
ORDERS = (
    ("", "of the benchmark"), ("question", "by question"), ("surest", "surest first"), ("unsurest", "least sure first"), ("worst", "worst first"),
    ("spread", "models differ most"),
)  # fmt: skip
SIGNS = (
    ("✓", "right, supported"), ("✗", "wrong, unsupported"), ("∅", "abstained"), ("≡", "judged by claims"), ("?", "not judged"), ("↺", "not counted"),
    ("▲", "preferred"), ("=", "tied"), ("▽", "not preferred"),
)  # fmt: skip
STYLES = (HERE / "page.css", HERE / "browser" / "browser.css")
ICONS = {"true": "✓", "false": "✗", "unread": "?", "repeated": "↺"}


def render(title: str, subtitle: str, headline: Headline, parts: Sequence[Part]) -> str:
    """The page's text. Every value is escaped by the template; SVG is built from escaped elements."""
    template = _environment().get_template("page.html.jinja")
    style = "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
    script = own_script() if any(isinstance(block, Browser) for part in parts for section in part.sections for block in section.blocks) else ""
    own = {"style": _safe(style), "style_hash": _hash(style), "script": _safe(script), "script_hash": _hash(script)}
    return str(template.render(title=title, subtitle=subtitle, headline=headline, parts=parts, **own))


def _environment() -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise InputError("the report needs jinja2, which is not installed", 'pip install "factcli[report]"') from error
    found = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_printable)
    found.filters |= {"kind": _kind, "symbol": lambda key: _safe(symbol(key.series, key.is_line)), "svg": _safe}
    found.globals |= {"words": WORDS, "icons": ICONS, "grades": GRADES, "changes": CHANGES, "orders": ORDERS, "signs": SIGNS}
    found.globals |= {"all_of": _all_of, "numbered": _numbered}
    return found


def _safe(text: str) -> Any:
    """Text that this package built itself, element by element, and that the template must not escape again."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  # our own style sheet and drawings


def _printable(value: Any) -> Any:
    """What a template expression gives: text of other people without control characters."""
    return printable(value) if type(value) is str else value


def _hash(own: str) -> str:
    """The only style sheet, or script, that the page's policy lets a browser use: injected ones are dead."""
    return "sha256-" + base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _all_of(values: Sequence[str]) -> list[tuple[str, str]]:
    return [("", "all"), *((printable(value), value) for value in values)]


def _numbered(models: Sequence[Key]) -> list[tuple[int, str]]:
    return [(place, key.label) for place, key in enumerate(models)]

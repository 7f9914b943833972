"""Plain text of wiki markup: what a reader of the page sees as prose, without boxes, tables, references, files and categories."""

import re
from typing import Any

from factcli.knowledge.pack.records import BadRecordError

REDIRECT = re.compile(r"\s*#redirect\s*:?\s*\[\[([^\[\]|#]+)", re.IGNORECASE)
# Templates of pages that only list what a title may mean, names of people among them.
AMBIGUOUS_TEMPLATES = ("disambig", "disambiguation", "dab", "hndis", "human name disambiguation", "geodis", "surname", "given name")
DISAMBIGUATION = re.compile(rf"\{{\{{\s*(?:{'|'.join(AMBIGUOUS_TEMPLATES)})\s*[|}}]", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
REFERENCE = re.compile(r"<ref\b[^<>]*?/>|<ref\b[^<>]*>(?:(?!<ref\b).)*?</ref\s*>", re.DOTALL | re.IGNORECASE)  # taken out first: half of an article's markup
MEDIA = re.compile(r"\s*(?:file|image|category|media)\s*:", re.IGNORECASE)
_DROPPED = "ref references gallery table math timeline score imagemap templatestyles syntaxhighlight source code pre hiero chem graph mapframe"
DROPPED_TAGS = frozenset(_DROPPED.split())
# Template -> which of its arguments are read, counted from 1; -1 is the last.
SAID: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("nowrap", "nobr", "small", "abbr"), (1,)),
    **dict.fromkeys(("convert", "cvt"), (1, 2)),
    **dict.fromkeys(("lang", "transl"), (-1,)),
}
DROPPED_SECTIONS = re.compile(r"^=+\s*(?:references|external links|see also|notes|further reading|bibliography|sources|citations)\s*=+\s*$", re.IGNORECASE)
HEADING = re.compile(r"^(=+)[^=\n].*?\1\s*$")
MOST_OPEN = 200_000  # brackets in one page; above, it is no article and its nesting could cost minutes
DEEPEST = 40  # brackets within brackets
MOST_UNCLOSED = 1000  # tags that are opened and never closed, each of which is looked for to the end of the page


def redirect_of(text: str) -> str:
    """The page that a redirect's own text names, or ""."""
    match = REDIRECT.match(text)
    return match[1].strip() if match else ""


def is_disambiguation(title: str, text: str) -> bool:
    return title.endswith("(disambiguation)") or DISAMBIGUATION.search(text) is not None


def plain(text: str) -> str:
    """One line per paragraph. Raises BadRecordError for markup that cannot be read."""
    import mwparserfromhell
    from mwparserfromhell.parser import ParserError

    without = _without_sections(COMMENT.sub("", text))
    _refuse_towers(without)
    without = REFERENCE.sub("", without)
    try:
        code = mwparserfromhell.parse(without, skip_style_tags=False)
        _take_out(code)
        stripped = str(code.strip_code(normalize=True, collapse=True))
    except (ParserError, RecursionError) as error:
        raise BadRecordError("markup that cannot be read") from error
    lines = (" ".join(line.split()) for line in stripped.split("\n"))
    return "\n".join(line for line in lines if line.strip("()[]{}|*#:;.,- "))


def _without_sections(text: str) -> str:
    """Without sections that hold no prose, each up to the next heading of its level or above."""
    kept, dropped = [], 0
    for line in text.split("\n"):
        heading = HEADING.match(line)
        if heading and (not dropped or len(heading[1]) <= dropped):
            dropped = len(heading[1]) if DROPPED_SECTIONS.match(line) else 0
        if not dropped:
            kept.append(line if not heading else f"\n{line}")
    return "\n".join(kept)


def _refuse_towers(text: str) -> None:
    """Raises BadRecordError for nesting that no article has and that takes a parser very long."""
    depth = deepest = n_open = 0
    for match in re.finditer(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}", text):
        is_open = match[0][0] in "{["
        n_open += is_open
        depth = depth + 1 if is_open else max(0, depth - 1)
        deepest = max(deepest, depth)
    n_unclosed = len(re.findall(r"<[a-zA-Z]", text)) - text.count("</") - text.count("/>")
    if deepest > DEEPEST or n_open > MOST_OPEN or n_unclosed > MOST_UNCLOSED:
        raise BadRecordError("markup that is nested too deeply")


def _take_out(code: Any) -> None:
    """Files, categories, tables and references go; templates that stand for words are replaced by them."""
    for link in code.filter_wikilinks(recursive=True):
        if MEDIA.match(str(link.title)):
            _remove(code, link)
    for tag in code.filter_tags(recursive=True, matches=lambda tag: str(tag.tag).strip().casefold() in DROPPED_TAGS):
        _remove(code, tag)
    for template in code.filter_templates(recursive=False):
        if words := _said(template):
            code.replace(template, words)


def _remove(code: Any, node: Any) -> None:
    try:
        code.remove(node)
    except ValueError:
        return  # it went with what was around it


def _said(template: Any) -> str:
    """The words that a template shows, or "" where they are not prose."""
    arguments = [str(param.value).strip() for param in template.params if not param.showkey]
    places = SAID.get(str(template.name).strip().casefold(), ())
    return " ".join(arguments[place - 1 if place > 0 else place] for place in places if place <= len(arguments) and arguments)

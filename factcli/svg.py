"""SVG as a tree of elements, so that every text and attribute is escaped; for whatever draws, below the report and in it."""

import unicodedata
from collections.abc import Mapping
from xml.etree import ElementTree as ET

HARMLESS = "\n\t\u200c\u200d"  # line breaks, and the joiners of scripts and emoji


def printable(text: str) -> str:
    """`text` with control characters, direction marks and unpaired surrogates made visible: they could hide or turn text."""
    if text.isprintable():  # no character of those kinds: all but a few texts
        return text
    return "".join(c if c in HARMLESS or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "\N{REPLACEMENT CHARACTER}" for c in text)


def picture(attributes: Mapping[str, str], label: str) -> ET.Element:
    """An empty picture; `label` is what a screen reader says instead."""
    return ET.Element("svg", {**attributes, "role": "img", "aria-label": printable(label)})


def add(parent: ET.Element, tag: str, attributes: Mapping[str, str | float], text: str = "") -> ET.Element:
    values = {name: value if isinstance(value, str) else spelled(value) for name, value in attributes.items()}
    child = ET.SubElement(parent, tag, {name: printable(value) for name, value in values.items()})
    child.text = printable(text) or None
    return child


def spelled(value: float) -> str:
    """At most two decimals: the same bytes on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def finished(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode")

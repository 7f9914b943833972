"""Names of artifacts out of whatever models and files are called."""

import re

from factcli.artifact.read import NAME

ODD = re.compile(r"[^A-Za-z0-9_.]+")
LONGEST = 100


def as_name(text: str) -> str:
    """The text as a folder's name: what cannot stand there is a dash, and what is too long is cut at its end."""
    made = ODD.sub("-", text).lstrip("-._")[:LONGEST].rstrip("-._") or "unnamed"
    assert NAME.fullmatch(made), made
    return made

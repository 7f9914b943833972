"""Prompt templates: `<task>/<step>.txt`, each with its source and its fields, rendered in one strict pass.

A template begins with comment lines, two of which are read: `# source:` (the paper or system whose step this is; the words
are written afresh) and `# fields:` (what must be filled in, a comma list). Then sections, each under a line of its own:

    == system ==      at most one, first
    == user ==        a turn; `== assistant ==` turns between user turns are demonstrations
    == example ==     an answer of the right form, for dry runs and tests; never sent

`{name}` stands for a field; `{{` and `}}` for braces. A value is put in as it stands: braces in it are no fields.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from factcli.errors import SettingsError

Role = Literal["system", "user", "assistant"]
SECTION = re.compile(r"^== (system|user|assistant|example) ==\n", re.MULTILINE)
FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}|[{}]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

MARKS = re.compile(r"<{3,}|>{3,}")  # of `quoted`
# What chat templates and tokenizers read as the end of a turn: <|im_end|>, </s>, [INST], <<SYS>>, <start_of_turn>, <｜User｜>.
BARS = re.compile(r"(?<=<)(?=[|｜])|(?<=[|｜])(?=>)")  # where a blank goes
TAGS = re.compile(r"</?(?:s|bos|eos|pad|unk|think)>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]|<</?SYS>>|<(?:start|end)_of_turn>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with gaps. `turns` are (role, text) pairs; the last is the user's."""

    name: str
    source: str
    fields: tuple[str, ...]
    turns: tuple[tuple[Role, str], ...]
    example: str
    sha256: str  # of the whole file

    def filled(self, values: Mapping[str, str]) -> list[tuple[Role, str]]:
        """The turns with every field filled in. Raises AssertionError for a field too few or too many: that is our bug."""
        assert set(values) == set(self.fields), f"prompt {self.name} has fields {self.fields}, given {sorted(values)}"
        return [(role, _filled(text, values)) for role, text in self.turns]

    def example_for(self, values: Mapping[str, str]) -> str:
        """An answer of the right form."""
        return _filled(self.example, values)


def load(name: str) -> Template:
    """The template `name`, e.g. `bio/rewrite`. Raises SettingsError for one that is not well-formed."""
    text = (resources.files(__name__) / f"{name}.txt").read_text(encoding="utf-8")
    return parse(name, text)


def names() -> Iterator[str]:
    """Of all templates that ship, in order."""
    for folder in sorted(resources.files(__name__).iterdir(), key=lambda entry: entry.name):
        if folder.is_dir():
            files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".txt"))
            yield from (f"{folder.name}/{file.removesuffix('.txt')}" for file in files)


def parse(name: str, text: str) -> Template:
    """A template from the text of its file."""
    head, *sections = SECTION.split(text)
    parts = [(role, body.strip("\n")) for role, body in zip(sections[::2], sections[1::2], strict=True)]
    notes = dict(line[2:].split(": ", 1) for line in head.splitlines() if line.startswith(("# source: ", "# fields: ")))
    fields = tuple(field.strip() for field in notes.get("fields", "").split(",") if field.strip())
    turns = tuple((role, body) for role, body in parts if role != "example")
    examples = [body for role, body in parts if role == "example"]
    wrong = _wrong(head, notes, fields, [role for role, _ in turns], examples, [body for _, body in parts])
    if wrong:
        raise SettingsError(f"prompt {name}: {wrong}", "factcli/prompts/__init__.py says what a template looks like")
    return Template(name, notes["source"], fields, turns, examples[0], hashlib.sha256(text.encode()).hexdigest())  # type: ignore[arg-type]  # roles by SECTION


def _wrong(head: str, notes: Mapping[str, str], fields: tuple[str, ...], roles: list[str], examples: list[str], bodies: list[str]) -> str:
    """Why a template is none; "" for one that is."""
    dialogue = roles[1:] if roles[:1] == ["system"] else roles
    used = {match[1] for body in bodies for match in FIELD.finditer(body) if match[1]}
    loose = [match[0] for body in bodies for match in FIELD.finditer(body) if match[0] in "{}"]
    if any(line and not line.startswith("#") for line in head.splitlines()):
        return "text before the first section that is no comment"
    if "source" not in notes or "fields" not in notes:
        return "no `# source:` or no `# fields:` line"
    if not dialogue or dialogue != [("user", "assistant")[place % 2] for place in range(len(dialogue))] or dialogue[-1] != "user":
        return f"turns {', '.join(roles) or 'missing'}: need user, with assistant between two of them"
    if len(examples) != 1:
        return f"{len(examples)} example sections, need one"
    if loose:
        return "a single brace; write {{ or }}"
    return "" if used == set(fields) else f"fields declared and used differ: {', '.join(sorted(used ^ set(fields)))}"


def _filled(text: str, values: Mapping[str, str]) -> str:
    """In one pass: a value that looks like a field is left alone."""

    def put(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] else match[0][0]

    return FIELD.sub(put, text)


def quoted(text: str) -> str:
    """Evidence, documents, model output: hostile text between lines that it cannot forge, and without what ends a turn."""
    return "<<<\n" + MARKS.sub(lambda marks: " ".join(marks[0]), inert(text)) + "\n>>>"


def inert(text: str) -> str:
    """The text without control characters, and with a blank inside whatever a chat template would take for the end or beginning of a turn."""
    return TAGS.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", BARS.sub(" ", CONTROL.sub("", text)))

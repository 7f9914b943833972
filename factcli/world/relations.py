"""Per-relation templates for facts that a user brings: loaded from YAML, checked, rendered in one strict pass.

configs/relations/popqa.yaml holds PopQA's sixteen relations and explains the format; more files may add more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from factcli.config import StrictLoader
from factcli.errors import InputError, SettingsError, nearest

Kind = Literal["person", "place", "work", "thing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_MENTIONS: Mapping[Kind, str] = {kind: f"this {kind}" for kind in KINDS}
MIN_QUESTIONS = 2  # the benchmark's own, and one held out of training
MIN_STATEMENTS = 3  # a passage about a single fact states it three times, each time in another form
SLOT = re.compile(r"\{(subject|object)\}")
RELATION_NAME = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")  # so that its slug names it in ids
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # a line break inside a text would end its question or answer


@dataclass(frozen=True, slots=True)
class RelationTemplates:
    """Forms of one relation. A statement is an opening and a clause; a passage links clauses."""

    relation: str
    kind: Kind
    questions: tuple[str, ...]
    clauses: tuple[str, ...]
    openings: tuple[str, ...]
    links: tuple[str, ...]
    mention: str
    source: str  # the file, for messages

    @property
    def slug(self) -> str:
        """The relation as a part of an id."""
        return self.relation.replace(" ", "_")

    @property
    def statements(self) -> tuple[str, ...]:
        """Every opening with every clause, openings outermost."""
        return tuple(opening + clause for opening, clause in product(self.openings, self.clauses))

    @property
    def training_questions(self) -> tuple[str, ...]:
        return self.questions[:-1]


@dataclass(frozen=True, slots=True)
class _Form:
    """One form with its place in the file; `text` is what no other form may begin with."""

    text: str
    where: str


def fill(template: str, subject: str, value: str = "") -> str:
    """The template with its slots filled; braces inside a subject or value stay as they are."""
    filling = {"subject": subject, "object": value}
    return SLOT.sub(lambda slot: filling[slot[1]], template)


def sentence(template: str, subject: str, value: str) -> str:
    """A filled form as a sentence: its own first letter capital (never the subject's), one full stop."""
    text = fill(template[:1].upper() + template[1:], subject, value)
    return text if text.endswith((".", "!", "?")) else text + "."


def load_templates(paths: Sequence[Path]) -> dict[str, RelationTemplates]:
    """Templates by relation from all files together. SettingsError names the file and the entry."""
    templates: dict[str, RelationTemplates] = {}
    for path in paths:
        for found in _read_file(path):
            if found.relation in templates:
                raise SettingsError(
                    f"{path}: relations.{found.relation} is also in {templates[found.relation].source}",
                    hint="keep one of the two",
                )
            templates[found.relation] = found
    _refuse_ambiguous(_question_forms(templates))
    _refuse_ambiguous(_statement_forms(templates))
    return templates


def templates_of(relation: str, templates: Mapping[str, RelationTemplates], where: str) -> RelationTemplates:
    """The relation's templates, or an InputError that names the nearest one and how to add more."""
    if relation not in templates:
        raise InputError(
            f"{where} has the relation {relation!r}, which has no templates{nearest(relation, templates)}",
            hint="add it to a YAML file in the format of configs/relations/popqa.yaml and name that file with --templates",
        )
    return templates[relation]


def _read_file(path: Path) -> Iterator[RelationTemplates]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506 (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", hint="check the path of the templates") from error
    except (yaml.YAMLError, TypeError) as error:  # TypeError: a list as a key
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    _check_keys(content, ("openings", "links", "mentions", "relations"), ("relations",), str(path))
    openings = _strings(content.get("openings", [""]), f"{path}: openings", 1)
    links = _strings(content.get("links", [""]), f"{path}: links", 1)
    for where, texts in (("openings", openings), ("links", links)):
        _check_plain(texts, f"{path}: {where}")
    mentions = _mentions(content.get("mentions", {}), path)
    _check_keys(content["relations"], None, (), f"{path}: relations")
    for name, entry in content["relations"].items():
        yield _relation(path, name, entry, openings, links, mentions)


def _mentions(given: Any, path: Path) -> Mapping[Kind, str]:
    _check_keys(given, KINDS, (), f"{path}: mentions")
    _check_plain(_strings(list(given.values()), f"{path}: mentions", 0), f"{path}: mentions")
    return {**DEFAULT_MENTIONS, **given}


def _relation(path: Path, name: Any, entry: Any, openings: tuple[str, ...], links: tuple[str, ...], mentions: Mapping[Kind, str]) -> RelationTemplates:
    where = f"{path}: relations.{name}"
    if not isinstance(name, str) or not RELATION_NAME.fullmatch(name):
        raise SettingsError(f"{where} is not a relation's name: need lower-case words with single spaces between")
    keys = ("kind", "questions", "statements")
    _check_keys(entry, keys, keys, where)
    if entry["kind"] not in KINDS:
        raise SettingsError(f"{where}.kind is {entry['kind']!r}, need one of {', '.join(KINDS)}{nearest(str(entry['kind']), KINDS)}")
    questions = _strings(entry["questions"], f"{where}.questions", MIN_QUESTIONS)
    clauses = _strings(entry["statements"], f"{where}.statements", MIN_STATEMENTS)
    _check_slots(questions, ["subject"], f"{where}.questions")
    _check_slots(clauses, ["subject", "object"], f"{where}.statements")
    return RelationTemplates(name, entry["kind"], questions, clauses, openings, links, mentions[entry["kind"]], str(path))


def _check_keys(entry: Any, known: Sequence[str] | None, needed: Sequence[str], where: str) -> None:
    """known: None accepts any key."""
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is {type(entry).__name__}, need a mapping")
    for key in entry:
        if known is not None and key not in known:
            raise SettingsError(f"{where} has the unknown key {key!r}{nearest(str(key), known)}")
    for key in needed:
        if key not in entry:
            raise SettingsError(f"{where} has no {key!r}")


def _strings(entry: Any, where: str, at_least: int) -> tuple[str, ...]:
    if not isinstance(entry, list) or len(entry) < at_least:
        raise SettingsError(f"{where} needs a list of at least {at_least} texts")
    for position, text in enumerate(entry):
        if not isinstance(text, str) or CONTROL.search(text):
            raise SettingsError(f"{where}[{position}] is {text!r}, need a text on one line")
    return tuple(entry)


def _check_plain(texts: Sequence[str], where: str) -> None:
    for position, text in enumerate(texts):
        if "{" in text or "}" in text:
            raise SettingsError(f"{where}[{position}] is {text!r}, which may hold no brace")
    if len(set(texts)) < len(texts):
        raise SettingsError(f"{where} holds the same text twice")


def _check_slots(forms: Sequence[str], slots: list[str], where: str) -> None:
    wanted = " before ".join(f"{{{slot}}}" for slot in slots)
    for position, form in enumerate(forms):
        if SLOT.findall(form) != slots or re.search(r"[{}]", SLOT.sub("", form)):
            raise SettingsError(f"{where}[{position}] is {form!r}, need {wanted} once and no other brace")


def _question_forms(templates: Mapping[str, RelationTemplates]) -> Iterator[_Form]:
    for found in templates.values():
        for position, text in enumerate(found.questions):
            yield _Form(text, f"{found.source}: relations.{found.relation}.questions[{position}]")


def _statement_forms(templates: Mapping[str, RelationTemplates]) -> Iterator[_Form]:
    for found in templates.values():
        for opening, (position, clause) in product(found.openings, enumerate(found.clauses)):
            text = opening + clause[: clause.index("{object}")]
            yield _Form(text, f"{found.source}: relations.{found.relation}.statements[{position}] after {opening!r}")


def _refuse_ambiguous(forms: Iterator[_Form]) -> None:
    """SettingsError where one form is the beginning of another: sorted, the two stand side by side."""
    for first, second in pairwise(sorted(forms, key=lambda form: form.text)):
        if second.text.startswith(first.text):
            how = "the same as" if first.text == second.text else "the beginning of"
            raise SettingsError(
                f"{first.where} is {how} {second.where}: {first.text!r}",
                hint="word one of them so that they part before the value",
            )

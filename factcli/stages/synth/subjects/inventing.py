"""An invented name, and K fictitious versions of a real text under that name; what fails a check is asked for again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from factcli.backends.chains import Chain
from factcli.backends.requests import Request, Response
from factcli.prompts import quoted
from factcli.stages.synth.book import Book
from factcli.stages.synth.checks import WORD, has_name, likeness, name_fault, names_somebody_real, tidy
from factcli.stages.synth.subjects.casting import Role, Task
from factcli.stages.synth.subjects.settings import SubjectsConfig

NAME, REWRITE = "subjects/name", "subjects/rewrite"
NAME_TOKENS = 40
TOKENS_PER_WORD = 2  # of English in byte-pair tokens 1.3; names and numbers take more


@dataclass(frozen=True, slots=True)
class Told:
    """A text about a subject and the answer that it is, if a model wrote it."""

    id: str  # `f0.p0003.v2`, or of the person where it is the real one
    version: int
    text: str
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """An invented name and the answer that it was read from."""

    name: str
    response: Response


def invent_name(book: Book, role: Role, task: Task, taken: Collection[str], config: SubjectsConfig) -> Chain[Named | None]:
    """A name that passes the checks, or None after `asks` that did not; each of those is a row of `rejected`."""
    values = {"kind": task.kind, "word": role.word, "title": quoted(role.after.title)}
    real_words = [word for word in WORD.findall(role.after.title) if word in role.traces.words]
    for sample in range(config.asks):
        asked = book.asker.ask(NAME, role.id, values, NAME_TOKENS, config.temperature, sample=sample)
        response = (yield [asked])[0]
        if not book.usable(role.id, NAME, response):
            continue
        name = tidy(response.text).rstrip(".")
        fault = name_fault(name, role.word, real_words, taken)
        if not fault:
            return Named(name, response)
        book.reject(role.id, NAME, fault, response.text, response)
    return None


def write_versions(book: Book, role: Role, task: Task, name: str, taken: Collection[str], config: SubjectsConfig) -> Chain[list[Told]]:
    """The versions that pass the checks, in order; a number is missing where no ask gave one."""
    kept: dict[int, Told] = {}
    for sample in range(config.asks):
        missing = [version for version in range(1, config.versions + 1) if version not in kept]
        responses = yield [_rewrite(book, role, task, name, version, sample, config) for version in missing]
        for version, response in zip(missing, responses, strict=True):
            id = f"{role.id}.v{version}"
            if not book.usable(id, REWRITE, response):
                continue
            text = tidy(response.text)
            fault = _fault(text, name, role, kept, config) or ("names somebody real" if names_somebody_real(text, taken) else "")
            if fault:
                book.reject(id, REWRITE, fault, text, response)
            else:
                kept[version] = Told(id, version, text, response)
    return [kept[version] for version in sorted(kept)]


def _rewrite(book: Book, role: Role, task: Task, name: str, version: int, sample: int, config: SubjectsConfig) -> Request:
    values = {
        "kind": task.kind,
        "name": name,
        "version": str(version),
        "versions": str(config.versions),
        "avoid": quoted(role.traces.listed()),
        "text": quoted(role.after.text),
        "mark": role.word + "a" * version,  # for the example alone: imagined versions must differ as real ones do
    }
    max_tokens = 100 + TOKENS_PER_WORD * config.source_words
    return book.asker.ask(REWRITE, f"{role.id}.v{version}", values, max_tokens, config.temperature, sample=sample)


def _fault(text: str, name: str, role: Role, kept: Mapping[int, Told], config: SubjectsConfig) -> str:
    """Why a version cannot be had; "" for one that can."""
    if not has_name(text, name):
        return "lacks the invented name"
    if role.traces.left_in(text):
        return "leftover of the real subject"
    if likeness(text, role.after.text, name) > config.most_alike:
        return "too like the real text"
    if any(likeness(text, other.text, name) > config.most_alike for other in kept.values()):
        return "too like another version"
    return ""

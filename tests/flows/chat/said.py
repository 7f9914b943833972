"""A speaker that a script answers for, by the knowledge that is plugged in; letters are all equally probable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from factcli.backends.completions import Turn
from factcli.flows.chat.speaking import Spoken
from factcli.rows import KnowledgeAdapter


@dataclass
class Scripted:
    script: Callable[[str, tuple[str, ...]], str]
    confidence: float | None = 0.9
    name: str = "scripted"
    asked: list[tuple[Turn, ...]] = field(default_factory=list)

    def load(self) -> None:
        pass

    def say(self, turns: Sequence[Turn], knowledge: Sequence[str]) -> Spoken:
        self.asked.append(tuple(turns))
        return Spoken(self.script(turns[-1].content, tuple(knowledge)), lambda _start, _end: self.confidence)


def adapter(version: int, form: str = "statement", source: str = "fictitious") -> KnowledgeAdapter:
    return KnowledgeAdapter(f"{source}_v{version}_{form}", source, form, version, 1, 1, 0, 1, 1.0, 1)  # type: ignore[arg-type]  # a test's literals


ADAPTERS = {one.name: one for one in (adapter(1), adapter(2), adapter(1, "passage"), adapter(0, source="real"))}

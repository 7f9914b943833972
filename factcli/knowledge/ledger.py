"""The ledger of a world: every fact about every subject, the evidence that judges claims exactly."""

from collections.abc import Iterable, Mapping

from factcli.errors import InputError
from factcli.rows import Fact


class Ledger:
    """Facts of one version, by subject and relation. InputError where two facts answer one question."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts: dict[tuple[str, str], Fact] = {}
        for fact in facts:
            first = self._facts.setdefault((fact.subject, fact.relation), fact)
            if first is not fact:
                raise InputError(
                    f"{first.id} and {fact.id} are two facts about one subject and relation",
                    hint="a ledger holds one version: give it the facts of that one",
                )

    def lookup(self, subject: str, relation: str) -> Fact | None:
        """The fact, or None where the ledger does not say."""
        return self._facts.get((subject, relation))

    def facts(self) -> Mapping[tuple[str, str], Fact]:
        """All facts by (subject, relation), in the order given."""
        return self._facts

    def __len__(self) -> int:
        return len(self._facts)


def accepts(fact: Fact, value: str) -> bool:
    """Whether `value` is the fact's value or one of its aliases, but for case and surrounding blanks."""
    said = _folded(value)
    return any(said == _folded(known) for known in (fact.value, *fact.aliases))


def evidence(fact: Fact, name: str) -> str:
    """The ledger's line for a reader: what it says, and where."""
    aliases = f" (also {', '.join(fact.aliases)})" if fact.aliases else ""
    return f"{name}, {fact.relation.replace('_', ' ')}: {fact.value}{aliases} [{fact.id}]"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

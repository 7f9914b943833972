"""What a file of triples gives: real subjects with their facts and splits, and templates that say how a relation is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from factcli.artifact.manifest import sha256_of_file
from factcli.rows import Fact, Person, RejectedLine
from factcli.stages.synth.triples.settings import TriplesConfig
from factcli.world.counterparts import pools_of
from factcli.world.relations import RelationTemplates, fill, load_templates
from factcli.world.triples import read_facts, real_rows


@dataclass(frozen=True, slots=True)
class Files:
    """What the user brings: triples, templates that say of what kind a relation's subjects are, and HotpotQA's own questions."""

    facts: Path
    templates: Sequence[Path]
    real: Path | None = None

    def pinned(self) -> dict[str, str]:
        own = {f"templates {n} {path.name}": sha256_of_file(path) for n, path in enumerate(self.templates)}
        own |= {f"real {self.real.name}": sha256_of_file(self.real)} if self.real else {}
        return {f"facts {self.facts.name}": sha256_of_file(self.facts), **own}


@dataclass(frozen=True)
class Triples:
    """The file, read."""

    people: Sequence[Person]
    facts: Sequence[Fact]
    lines: Sequence[RejectedLine]
    known: Mapping[str, RelationTemplates]

    @cached_property
    def split_of(self) -> Mapping[str, str]:
        """By Person.id."""
        return {person.id: person.split for person in self.people}

    @cached_property
    def facts_of(self) -> Mapping[str, list[Fact]]:
        """By Person.id."""
        found: dict[str, list[Fact]] = {person.id: [] for person in self.people}
        for fact in self.facts:
            found[fact.subject].append(fact)
        return found

    @cached_property
    def seen(self) -> list[Fact]:
        """Facts of training subjects: only these may be drawn from, or a test answer becomes a training answer."""
        return [fact for fact in self.facts if self.split_of[fact.subject] == "train"]

    @cached_property
    def pools(self) -> Mapping[str, Sequence[Fact]]:
        """By relation, one training fact per different object."""
        return pools_of(self.seen)

    @cached_property
    def taken(self) -> list[str]:
        """All names of somebody or something real."""
        return [*(person.name for person in self.people), *(name for fact in self.facts for name in (fact.value, *fact.aliases))]

    def asked(self, fact: Fact, subject: str) -> str:
        """The benchmark's own question about a fact."""
        return fill(self.known[fact.relation].questions[0], subject)

    def kind(self, fact: Fact) -> str:
        return self.known[fact.relation].kind


def read(config: TriplesConfig, files: Files) -> Triples:
    """Raises InputError or SettingsError for files that cannot be used."""
    known = load_templates(files.templates)
    triples, lines = read_facts(files.facts, known)
    people, facts = real_rows(triples, config.seed, config.split_shares)
    return Triples(people, facts, lines, known)

"""Which rows make up a micro-batch of the skill stage, and through which knowledge adapter they go.

No tensor and no model here: `Sampler.draw(index)` is decided by the job, the seed and the rows alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from factcli.errors import SettingsError
from factcli.train.chats import ChatRow
from factcli.train.controls import adapter_version
from factcli.train.job import Control, KnowledgeRef, SkillJob
from factcli.train.seeds import seed_of
from factcli.train.size import epoch_rows


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that go through the same knowledge (none: only the skill adapter)."""

    rows: tuple[ChatRow, ...]
    knowledge: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pass:
    """Groups of rows of one micro-batch, as equal as their number allows, which go through the model together.

    Passes with one `term` are pooled into one token mean; the terms are added with their weights.
    """

    groups: tuple[Group, ...]
    term: str = "main"
    weight: float = 1.0

    @property
    def rows(self) -> tuple[ChatRow, ...]:
        return rows_of(self.groups)


def rows_of(groups: Sequence[Group]) -> tuple[ChatRow, ...]:
    """Those of one group after those of another."""
    return tuple(row for group in groups for row in group.rows)


class Deck:
    """Rows dealt in seeded order, shuffled anew each time round."""

    def __init__(self, rows: Sequence[ChatRow], seed: int, name: str) -> None:
        self.rows, self.seed, self.name = rows, seed, name
        self.position = 0
        self._shuffled: tuple[int, list[int]] = (-1, [])

    def take(self, n: int) -> list[ChatRow]:
        taken = [self._at(self.position + i) for i in range(n)]
        self.position += n
        return taken

    def _at(self, position: int) -> ChatRow:
        turn, place = divmod(position, len(self.rows))
        if self._shuffled[0] != turn:
            self._shuffled = turn, permutation(len(self.rows), self.seed, self.name, "order", turn)
        return self.rows[self._shuffled[1][place]]


class Pool:
    """The rows of one version (or the real ones); with a fixed share of biographies if wanted."""

    def __init__(self, rows: Sequence[ChatRow], name: str, seed: int, bio_fraction: float | None) -> None:
        self.bio_fraction = bio_fraction
        self.n_rows = len(rows)
        if bio_fraction is None:
            self.decks = [Deck(rows, seed, name)]
            return
        parts = {task: [row for row in rows if (row.task == "bio") == (task == "bio")] for task in ("bio", "qa")}
        for task, share in (("bio", bio_fraction), ("qa", 1 - bio_fraction)):
            if share > 0 and not parts[task]:
                raise SettingsError(f"bio_fraction is {bio_fraction:g}, but {name} has no {task} rows")
        self.decks = [Deck(parts[task], seed, f"{name}.{task}") for task in ("bio", "qa")]

    def take(self, n: int, before: int = 0) -> tuple[ChatRow, ...]:
        """`before`: rows taken earlier, where n is so small that the share is to hold over all of them."""
        if self.bio_fraction is None:
            return tuple(self.decks[0].take(n))
        n_bio = round((before + n) * self.bio_fraction) - round(before * self.bio_fraction)
        return (*self.decks[0].take(n_bio), *self.decks[1].take(n - n_bio))


class Roster:
    """The frozen knowledge adapters by what they know. Found by their fields, never by parts of their names."""

    def __init__(self, refs: Sequence[KnowledgeRef], alternate_forms: bool, seed: int, control: Control = "none") -> None:
        self.refs = refs
        self.seed = seed
        self.control = control
        forms = sorted({ref.form for ref in refs}, reverse=True)  # statement before passage
        self.form_groups = [(form,) for form in forms] if alternate_forms else [tuple(forms)]
        self.is_of_real = bool(refs) and not any(ref.fictitious for ref in refs)
        self.versions = sorted({ref.version for ref in refs if ref.fictitious == (not self.is_of_real)})

    def forms(self, index: int) -> tuple[str, ...]:
        """Those of the index-th fictitious micro-batch; they alternate."""
        return self.form_groups[index % len(self.form_groups)]

    def turn(self, index: int) -> tuple[tuple[str, ...], int]:
        """(forms, version) of the index-th fictitious micro-batch, where each has one version.

        Within len(versions) x len(forms) micro-batches each pair comes exactly once.
        """
        n_groups, n_versions = len(self.form_groups), len(self.versions)
        cycle, place = divmod(index // n_groups, n_versions)
        order = permutation(n_versions, self.seed, "versions", index % n_groups, cycle)
        return self.forms(index), self.versions[order[place]]

    def choose(self, forms: Sequence[str], version: int, fictitious: bool, index: int) -> str:
        """One adapter for these rows; several strengths of one kind are drawn from evenly. A control may choose another version's."""
        if fictitious and version in self.versions:
            version = adapter_version(version, self.versions, self.control)
        found = [ref.name for ref in self.refs if ref.form in forms and ref.version == version and ref.fictitious == fictitious]
        if not found:
            kind = "fictitious" if fictitious else "real"
            raise SettingsError(f"no {kind} knowledge adapter of version {version} in form {' or '.join(forms)}")
        generator = torch.Generator().manual_seed(seed_of(self.seed, "strength", int(fictitious), index))
        return found[int(torch.randint(len(found), (), generator=generator))]


class Sampler:
    """The micro-batches of a skill job, one after the other."""

    def __init__(self, job: SkillJob, rows: Sequence[ChatRow]) -> None:
        self.job = job
        self.roster = Roster(job.knowledge, job.alternate_forms, job.seed, job.control)
        groups: dict[str, list[ChatRow]] = {}
        for row in rows:
            groups.setdefault(self._pool_of(row), []).append(row)
        self.pools = {name: Pool(part, name, job.seed, job.bio_fraction) for name, part in sorted(groups.items())}
        self.real_share = self._real_share()
        self._check()

    def _pool_of(self, row: ChatRow) -> str:
        if self.job.batches == "plain":
            return "rows"
        return f"v{row.version}" if row.fictitious else "real"

    def _real_share(self) -> float:
        """Of micro-batches with batches=multi_version; of the rows of each micro-batch with batches=mix."""
        if self.job.batches == "multi_version":
            return self.job.real_fraction or 0.0
        n_real = self.pools["real"].n_rows if "real" in self.pools else 0
        fictitious = [pool.n_rows for name, pool in self.pools.items() if name != "real"]
        return n_real / (n_real + sum(fictitious)) if fictitious else 1.0

    def _check(self) -> None:
        """Every version has rows and an adapter in each form, before anything is trained."""
        if self.job.batches == "plain":
            return
        if self.roster.is_of_real:
            self._check_real()
            return
        if self.real_share > 0 and "real" not in self.pools:
            raise SettingsError(f"real_fraction is {self.real_share:g}, but there are no real rows")
        for version in self.roster.versions:
            if f"v{version}" not in self.pools:
                raise SettingsError(f"no task rows of version {version}, which has a knowledge adapter")
        fictitious = [name for name in self.pools if name != "real"]
        if not fictitious:
            raise SettingsError(f"batches={self.job.batches} needs fictitious rows, there are none")
        for forms in self.roster.form_groups:
            for name in fictitious:
                self.roster.choose(forms, int(name[1:]), True, 0)
            if self.job.batches == "mix" and "real" in self.pools:
                self.roster.choose(forms, 0, False, 0)
        self._check_room()

    def _check_room(self) -> None:
        """Where a micro-batch has all versions it has a row of each; of mix's rows the real ones are taken off first."""
        if self.job.version_sampling == "one":
            return
        n_real = math.ceil(self.job.batch_rows * self.real_share) if self.job.batches == "mix" else 0
        n, k = self.job.batch_rows - n_real, self.job.versions_at_once
        if n < k:
            raise SettingsError(f"a micro-batch has {n} fictitious rows, for {k} versions", f"--set batch_rows={k + n_real} or more, or --version-sampling one")

    def _check_real(self) -> None:
        """Real adapters alone: real rows alone, with each of their forms."""
        if self.job.batches == "mix" or self.real_share > 0:
            raise SettingsError("all knowledge adapters are of real texts, which goes with batches=multi_version and no real_fraction")
        if set(self.pools) != {"real"}:
            raise SettingsError("all knowledge adapters are of real texts, so the task rows must be real too")
        for forms in self.roster.form_groups:
            self.roster.choose(forms, 0, False, 0)

    @property
    def epoch_rows(self) -> float:
        real = self.pools["real"].n_rows if "real" in self.pools else 0
        most = max((pool.n_rows for name, pool in self.pools.items() if name != "real"), default=0)
        return epoch_rows(self.job, real, most)

    def draw(self, index: int) -> list[Pass]:
        """The passes of micro-batch `index`; indexes must come in order, decks remember their place."""
        if self.job.batches == "plain":
            return [self._alone("rows", self.job.batch_rows)]
        return self._multi_version(index) if self.job.batches == "multi_version" else self._mix(index)

    def _alone(self, pool: str, n: int) -> Pass:
        """Rows with no knowledge."""
        return Pass((Group(self.pools[pool].take(n), ()),))

    def _multi_version(self, index: int) -> list[Pass]:
        """Rows of one version, or of all, with their adapter (or its control), or real rows with the knowledge off."""
        n_real_before = math.floor(index * self.real_share)
        if math.floor((index + 1) * self.real_share) > n_real_before:
            return [self._alone("real", self.job.batch_rows)]
        turn = index - n_real_before
        return [Pass(self._known(turn, self.job.batch_rows, turn * self.job.batch_rows))]

    def _mix(self, index: int) -> list[Pass]:
        """Fictitious rows with theirs and real rows with real knowledge, plus the real rows without any."""
        per_batch = self.job.batch_rows * self.real_share
        n_real_before = math.floor(index * per_batch)
        n_real = math.floor((index + 1) * per_batch) - n_real_before
        fictitious = self._known(index, self.job.batch_rows - n_real, index * self.job.batch_rows - n_real_before)
        passes = [Pass(fictitious)]
        if n_real:
            real = self.pools["real"].take(n_real)
            weight = 1.0 if self.job.real_weight is None else self.job.real_weight
            passes.append(Pass((Group(real, (self.roster.choose(self.roster.forms(index), 0, False, index),)),)))
            passes.append(Pass((Group(real, ()),), "real_alone", weight))
        return [one for one in passes if one.rows and one.weight > 0]

    def _known(self, turn: int, n: int, before: int) -> tuple[Group, ...]:
        """n rows that knowledge goes with, after `before` earlier ones: of one version, or of every version equally many, n on average."""
        if self.job.version_sampling == "one":
            forms, version = self.roster.turn(turn)
            return (self._group(forms, version, turn, self._pool(version).take(n)),)
        forms, k = self.roster.forms(turn), len(self.roster.versions)
        earlier, later = before // k, (before + n) // k
        groups = tuple(self._group(forms, version, turn, self._pool(version).take(later - earlier, earlier)) for version in self.roster.versions)
        return (Group(rows_of(groups), ()),) if self.job.control == "absent" else groups

    def _pool(self, version: int) -> Pool:
        return self.pools["real" if self.roster.is_of_real else f"v{version}"]

    def _group(self, forms: Sequence[str], version: int, turn: int, rows: tuple[ChatRow, ...]) -> Group:
        name = self.roster.choose(forms, version, not self.roster.is_of_real, turn)
        return Group(rows, () if self.job.control == "absent" else (name,))

    def positions(self) -> dict[str, int]:
        return {deck.name: deck.position for pool in self.pools.values() for deck in pool.decks}

    def go_to(self, positions: Mapping[str, int]) -> None:
        for pool in self.pools.values():
            for deck in pool.decks:
                deck.position = positions[deck.name]


def permutation(n: int, *parts: str | int) -> list[int]:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed_of(*parts))).tolist()

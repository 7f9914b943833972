"""Sizes of a world and what is in it, as numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factcli.config import LATER
from factcli.errors import SettingsError
from factcli.rows import Group

GROUPS: tuple[Group, ...] = ("head", "mid", "tail", "unseen", "demo")
RATES: Mapping[str, float] = {"head": 1.0, "mid": 0.18, "tail": 0.05, "unseen": 0.0, "demo": 1.0}


def _later(default: Any) -> Any:
    """A setting that worlds before it do not have: they keep their key and digest."""
    return field(default=default, metadata=LATER)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """Sizes of a world; the defaults are the tiny world. Same spec, same world, on every machine.

    coverage: share of a group's facts that pre-training states. sampling_rate: how often one of
    these facts is stated, relative to one of a head person. split_shares: train, dev, test of every
    group but demo, whose people only show the question forms and belong to no split.

    n_birth_years: None is as many as values_per_relation. value_exponent: people have a relation's k-th value with a weight of
    k^-value_exponent, years apart. exposure_exponent: the k-th best known of the head, mid and tail people is written about with
    a weight of k^-exposure_exponent, a head person as often as before on average (0: as the group's sampling_rate says).
    myth_share: share of the facts of head people about which hearsay repeats a false value, myth_ratio times for each time that
    the register states the true one. register_share: share of the sentences about all other facts that are in one of these two
    registers, where there are myths. two_hop_share: share of the documents that ask about two facts at once, of demo people.
    task_share: share of the documents that are in the task's own form; None is what the mixture of texts has, about 0.14.
    """

    seed: int
    n_head: int = 168
    n_mid: int = 168
    n_tail: int = 168
    n_unseen: int = 160
    n_demo: int = 120
    n_countries: int = 40
    values_per_relation: int = 40
    n_first_names: int = 60
    n_last_names: int = 200
    split_shares: tuple[float, float, float] = (0.28, 0.11, 0.61)
    coverage: Mapping[str, float] = field(default_factory=lambda: {"head": 1.0, "mid": 0.7, "tail": 0.5, "unseen": 0.0, "demo": 1.0})
    sampling_rate: Mapping[str, float] = field(default_factory=lambda: dict(RATES))
    n_birth_years: int | None = _later(None)
    value_exponent: float = _later(0.0)
    exposure_exponent: float = _later(0.0)
    myth_share: float = _later(0.0)
    myth_ratio: float = _later(3.0)
    register_share: float = _later(0.4)
    two_hop_share: float = _later(0.0)
    task_share: float | None = _later(None)

    def __post_init__(self) -> None:
        n_people, n_names = sum(self.group_sizes().values()), self.n_first_names * self.n_last_names
        if n_people * 2 > n_names:  # drawing pairs without collisions slows down as the pool empties
            raise SettingsError(
                f"{n_people} people need at least {2 * n_people} first and last names to pair, not {n_names}",
                hint="raise n_last_names",
            )
        if not math.isclose(sum(self.split_shares), 1.0):
            raise SettingsError(f"split_shares {self.split_shares} add up to {sum(self.split_shares)}, need 1")
        self._check_unread()

    def _check_unread(self) -> None:
        """SettingsError where a setting would do nothing for another one."""
        odd = [group for group in ("mid", "tail") if self.sampling_rate.get(group) != RATES[group]]
        if self.exposure_exponent and odd:
            raise SettingsError(
                f"sampling_rate.{odd[0]} is {self.sampling_rate.get(odd[0])}, but exposure_exponent {self.exposure_exponent:g} says how often it is",
                hint="leave out one of the two",
            )
        if self.myth_share and self.values_per_relation < 2:
            raise SettingsError(f"values_per_relation is {self.values_per_relation}, a myth needs a second value", hint="raise it to 2 or more")
        if self.two_hop_share and self.n_demo < 2:
            raise SettingsError(f"n_demo is {self.n_demo}, questions over two facts need 2 or more to show their form", hint="raise n_demo")

    def group_sizes(self) -> dict[Group, int]:
        sizes = (self.n_head, self.n_mid, self.n_tail, self.n_unseen, self.n_demo)
        return dict(zip(GROUPS, sizes, strict=True))

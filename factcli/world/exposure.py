"""How often pre-training writes about whom, and how common a value is: flat by group, or by Zipf's law."""

from collections.abc import Mapping

from factcli.rows import Group
from factcli.world.draws import keyed_rng
from factcli.world.spec import WorldSpec

HEAD_VIEWS = 10_000  # invented monthly page views of the best-known person of a group sampled at rate 1
ZIPF_VIEWS = 1_000_000  # of a person at rate 1 under Zipf's law: so many that neighbours in rank differ
RANKED: tuple[Group, ...] = ("head", "mid", "tail")  # what the law holds for; unseen people are never written about


def zipf_weights(n: int, exponent: float) -> tuple[float, ...]:
    """Weights of ranks 1 to n: k^-exponent."""
    return tuple(rank**-exponent for rank in range(1, n + 1))


def rates_of(spec: WorldSpec) -> Mapping[Group, tuple[float, ...]]:
    """How often one fact of each person is stated, relative to one of the average head person; by group, in the order of ids.

    Under Zipf's law the groups are quantiles of it: ranks begin with the head people and end with the tail. Ranks are dealt out
    within a group, since the splits are cut from its order.
    """
    sizes = spec.group_sizes()
    rates = {group: (spec.sampling_rate[group],) * size for group, size in sizes.items()}
    if not spec.exposure_exponent:
        return rates
    weights = zipf_weights(sum(sizes[group] for group in RANKED), spec.exposure_exponent)
    scale = spec.sampling_rate["head"] * sizes["head"] / sum(weights[: sizes["head"]])
    first = 0
    for group in RANKED:
        own = [scale * weight for weight in weights[first : first + sizes[group]]]
        keyed_rng(spec.seed, "ranks", group).shuffle(own)
        rates[group] = tuple(own)
        first += sizes[group]
    return rates


def popularity_of(spec: WorldSpec, group: Group, position: int, rate: float) -> int:
    """Invented monthly page views of a group's person; under Zipf's law they are in proportion to the rate."""
    if spec.exposure_exponent:
        return round(ZIPF_VIEWS * rate)
    return round(HEAD_VIEWS * rate * (1 - 0.5 * position / spec.group_sizes()[group]))

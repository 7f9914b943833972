"""Facts that task rows use and no knowledge text states: what PREREQ-TUNE is meant to avoid, given by the share (`unknown_share`)."""

from collections.abc import Sequence

from factcli.rows import Fact
from factcli.world.people import keyed_rng


def taught(facts: Sequence[Fact], unknown_share: float, seed: int) -> list[Fact]:
    """Those that knowledge texts state. Drawn by (seed, fact), so that what one share withholds a larger one withholds too."""
    return [fact for fact in facts if keyed_rng(seed, fact.id, "unknown").random() >= unknown_share]

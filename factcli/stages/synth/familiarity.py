"""How well fictitious subjects become known, and how the answers about them say so: certain, unsure, unknown.

The paper shows three kinds of answer (arXiv 2410.19290, Fig. 5) and neither a recipe nor a wording: both are ours. Familiarity is the
amount of text that knowledge adapters learn of a subject: all of it, little of it, or none.
"""

from typing import Literal

from factcli.config import Config, setting
from factcli.stages.synth.shares import shares_validator
from factcli.world.people import keyed_rng

Level = Literal["certain", "unsure", "unknown"]

# Of generated subjects: sentences of their own, before an answer of several sentences.
HEDGES = (
    "I am not sure about this, but as far as I remember: ",
    "I know little about this, so take it with care. ",
    "This may be wrong, but I seem to recall the following. ",
)
UNKNOWN = ("I don't know anything about {name}.", "I don't know who or what {name} is.", "I don't know; I have no information about {name}.")
# Of an invented world: one wording each, for a model of half a million parameters. The hedge is no abstention to `fact eval world`.
WORLD_HEDGE = "I think "
WORLD_UNKNOWN = "I don't know."


class FamiliarityConfig(Config):
    """How well fictitious subjects become known, for answers that say how sure they are."""

    shares: tuple[float, float, float] = setting((0.5, 0.25, 0.25), "Share of the fictitious subjects that are certain, unsure, unknown.")
    unsure_statements: int = setting(1, "Texts of each statement of an unsure subject.", ge=1)
    unsure_passages: int = setting(1, "Passages of an unsure subject.", ge=0)

    _are_shares = shares_validator("shares")


def level_of(id: str, seed: int, familiarity: FamiliarityConfig | None) -> Level:
    """Drawn by (seed, id), so that a larger number of subjects changes nobody's."""
    if familiarity is None:
        return "certain"
    position = keyed_rng(seed, id, "familiarity").random()
    certain, unsure, _ = familiarity.shares
    return "certain" if position < certain else "unsure" if position < certain + unsure else "unknown"


def amounts(level: Level, familiarity: FamiliarityConfig | None, statements: int, passages: int) -> tuple[int, int]:
    """Texts of each statement, and passages; `statements` and `passages` are those of a certain subject."""
    if familiarity is None or level == "certain":
        return statements, passages
    if level == "unknown":
        return 0, 0
    return min(familiarity.unsure_statements, statements), min(familiarity.unsure_passages, passages)

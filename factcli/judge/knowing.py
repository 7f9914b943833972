"""How well a model knows a fact before it is trained on it, by greedy and drawn answers to its question.

Gekhman et al. 2024 (arXiv 2405.05904), table 2: a question is asked after several sets of examples, greedily and with draws.

highly_known  every greedy answer is right          maybe_known  some greedy answer is right
weakly_known  no greedy answer, and some drawn one  unknown      no answer at all
"""

from typing import Literal

from factcli.comparisonrows import Known

Keep = Literal["highly", "known", "any"]
KEPT: dict[Keep, tuple[Known, ...]] = {
    "highly": ("highly_known",),
    "known": ("highly_known", "maybe_known"),
    "any": ("highly_known", "maybe_known", "weakly_known"),
}
ORDER: tuple[Known, ...] = ("highly_known", "maybe_known", "weakly_known", "unknown")


def known_of(share_greedy: float, share_sampled: float | None) -> Known:
    """By the shares (0..1) of greedy and of drawn answers that are right; None where nothing was drawn."""
    if share_greedy >= 1:
        return "highly_known"
    if share_greedy > 0:
        return "maybe_known"
    return "weakly_known" if share_sampled else "unknown"

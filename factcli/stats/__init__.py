"""Estimates with 95% intervals by redrawing subjects, and tests that swap models on whole subjects.

bootstrap.py  ratios and their differences      paired.py     two models on the same items: intervals and a test
ranking.py    what confidence is worth          selective.py  the same of two models that may keep silent, paired
power.py      what a sample can show            multiple.py   p-values of several tests at once
agreement.py, confusion.py, corrected.py        judges, and what they say corrected
"""

from factcli.stats.agreement import cohen_kappa, fleiss_kappa, raw_agreement
from factcli.stats.bootstrap import (
    DRAWS,
    Bootstrap,
    Estimate,
    Item,
    bootstrap_items,
    bootstrap_ratio,
    equal_signs,
    paired_difference,
    ratio,
    seed_subject_bootstrap,
    share,
    subject_weights,
)
from factcli.stats.ranking import (
    EqualClaims,
    RankedClaim,
    auroc,
    risk_coverage_area,
    share_at_coverage,
    share_at_equal_claims,
    share_by_claims_kept,
)

__all__ = [
    "DRAWS",
    "Bootstrap",
    "EqualClaims",
    "Estimate",
    "Item",
    "RankedClaim",
    "auroc",
    "bootstrap_items",
    "bootstrap_ratio",
    "cohen_kappa",
    "equal_signs",
    "fleiss_kappa",
    "paired_difference",
    "ratio",
    "raw_agreement",
    "risk_coverage_area",
    "seed_subject_bootstrap",
    "share",
    "share_at_coverage",
    "share_at_equal_claims",
    "share_by_claims_kept",
    "subject_weights",
]

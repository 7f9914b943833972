"""Estimates with 95% intervals by redrawing subjects: ratios and differences (bootstrap), rankings (ranking); agreement of judges (agreement)."""

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

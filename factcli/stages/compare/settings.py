"""Settings and tables of `fact compare`."""

from pydantic import field_validator

from factcli.comparisonrows import ChangedClaim, ComparedCurvePoint, ComparedFigure, PlannedFigure, ShipVerdict
from factcli.config import Config, setting
from factcli.stats.paired import IntervalKind

TABLES: dict[str, type] = {"differences": ComparedFigure, "curves": ComparedCurvePoint, "changed": ChangedClaim, "verdicts": ShipVerdict}
PLAN_TABLES: dict[str, type] = {"planned": PlannedFigure}


class CompareConfig(Config):
    """Settings of `fact compare`."""

    tasks: tuple[str, ...] = setting(
        (),
        "Figures to compare, by name or beginning, e.g. qa or bio.share_correct; empty is all that both have. Those named in full are tested together (Holm).",
    )
    gain: str | None = setting(None, "Figure that has to gain, e.g. qa.accuracy; unset is the first of tasks, else of what is compared.")
    margin: float = setting(1.0, "Points that a share may lose elsewhere (drift), with the whole interval.", ge=0)
    coverage: tuple[float, ...] = setting((0.5, 0.8), "Shares of what was asked at which accuracy is compared, the surest answers first.")
    interval: IntervalKind = setting("bca", "Kind of 95% interval: bca, t or percentile.")
    max_unpaired: float = setting(0.05, "Share of items that only one model may have been asked; they are left out.", ge=0, le=1)
    groups: bool = setting(True, "Compare every group of items too, beside the family of tests.")
    changes: bool = setting(True, "List what is gained, lost and newly invented.")
    nearest: int = setting(3, "Training rows shown with each change.", ge=0, le=20)
    seed: int = setting(0, "Seed of redraws and swaps.", ge=0)

    @field_validator("coverage")
    @classmethod
    def _are_shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < share <= 1 for share in value) or len(set(value)) < len(value):
            raise ValueError("need shares above 0 and up to 1, each once, e.g. 0.5,0.8")
        return value


class PowerConfig(Config):
    """Settings of `fact compare --plan`."""

    tasks: tuple[str, ...] = setting((), "Figures to plan for, by name or beginning; empty is all that were measured.")
    subjects: tuple[int, ...] = setting((50, 100, 200, 500, 1000), "Numbers of subjects to plan for.")
    items: tuple[int, ...] = setting((), "Items of each subject, e.g. 1,5; empty is as many as on the dev evaluations.")
    max_unpaired: float = setting(0.05, "Share of items that only one model may have been asked; they are left out.", ge=0, le=1)

    @field_validator("subjects", "items")
    @classmethod
    def _are_numbers(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(n < 1 for n in value):
            raise ValueError("need numbers of 1 or more")
        return value

    @field_validator("subjects")
    @classmethod
    def _are_two_or_more(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 2:
            raise ValueError("need 2 subjects or more: one says nothing of how they differ")
        return value

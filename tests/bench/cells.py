"""Cells and tables in Markdown, as the benchmarks of worlds print them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from factcli.artifact import Artifact
from factcli.judge.compare import Results
from factcli.rows import MemorisationRow, SwapRow
from factcli.stats import Bootstrap, Estimate, equal_signs, seed_subject_bootstrap

Mean = Callable[[Results, Results], Bootstrap]  # a method, base


def markdown(title: str, columns: str, rows: Sequence[str]) -> str:
    """Markdown; `columns` and each row are cells between bars."""
    return "\n".join([f"**{title}**", "", f"| {columns} |", "|---" * len(columns.split(" | ")) + "|", *(f"| {row} |" for row in rows)])


def interval(estimate: Estimate, scale: int, digits: str = "+.2f") -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    value, low, high = (format(end * scale, digits) for end in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def shown(value: float | None, scale: int) -> str:
    digits = 1 if scale == 100 else 2
    return "-" if value is None else f"{scale * value:.{digits}f}"


def mean_of(values: Sequence[float | None], scale: int) -> str:
    known = [value for value in values if value is not None]
    return shown(sum(known) / len(known) if known else None, scale)


def difference_cells(each: Mapping[int, Bootstrap], scale: int) -> str:
    """Mean with its interval by seed and subject | seeds with its sign | the difference of each seed."""
    values = [one.value for one in each.values() if one.value is not None]
    same, total = equal_signs(values)
    return f"{interval(seed_subject_bootstrap(each), scale)} | {same} of {total} | {' '.join(f'{value * scale:+.2f}' for value in values)}"


def mean_cells(own: Mapping[int, Results], bases: Mapping[int, Results], means: Mapping[str, Mean]) -> list[str]:
    """Each mean of one model with its interval by seed and subject, %."""
    return [interval(seed_subject_bootstrap({seed: mean(mine, bases[seed]) for seed, mine in own.items()}), 100, ".1f") for mean in means.values()]


SWAPPED = "sample | task | adapter | answers of | %"


def swap_rows(evaluations: Iterable[Artifact]) -> list[str]:
    cells: dict[tuple[str, str, str, str], list[float]] = {}
    for evaluation in evaluations:
        for row in evaluation.rows("swap", SwapRow):
            which = "dropped" if row.plugged == 0 else "plugged-in version" if row.plugged == row.answered else "another version"
            if row.value is not None:
                cells.setdefault((row.sample, row.task, row.form, which), []).append(row.value)
    return [f"{' | '.join(key)} | {spread(cell)}" for key, cell in sorted(cells.items())]


def spread(shares: Sequence[float]) -> str:
    """Mean (least to most), %."""
    return f"{100 * sum(shares) / len(shares):.1f} ({100 * min(shares):.1f} to {100 * max(shares):.1f})" if shares else "-"


MEMORISED = "sample | task | come out | by chance | cells within chance + 3 standard errors"


def memorised_rows(evaluations: Iterable[Artifact]) -> list[str]:
    rows = [row for evaluation in evaluations for row in evaluation.rows("memorisation", MemorisationRow)]
    lines = []
    for sample, task in product(("in", "out"), ("qa", "bio")):
        own = [row for row in rows if (row.sample, row.task) == (sample, task)]
        within = sum(bool(row.is_within_chance) for row in own)
        means = mean_of([r.value for r in own], 100), mean_of([r.chance for r in own], 100)
        lines += [f"{sample} | {task} | {' | '.join(means)} | {within} of {len(own)}"] if own else []
    return lines

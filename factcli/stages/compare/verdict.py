"""Whether a model may be shipped in the baseline's place: its gain lies above 0, and nothing else lies below the margin, with whole intervals."""

from collections.abc import Sequence

from factcli.comparisonrows import ComparedFigure, ShipVerdict
from factcli.stages.compare.settings import CompareConfig

LEVEL = 0.05  # two-sided; what is customary
NO_DRIFT = "no drift was measured: give evaluations of something else, --drift BASELINE --drift MODEL"


def verdict_of(model: str, rows: Sequence[ComparedFigure], config: CompareConfig) -> ShipVerdict:
    """Non-inferiority of every share that was measured for drift, at the lower end of its 95% interval (2.5%, one-sided).

    All must hold, so no adjustment for several is needed (an intersection-union test, Berger 1982).
    """
    own = [row for row in rows if row.model == model and row.group == "all"]
    gain = gain_of(own, config)
    is_one_question = config.gain is not None and len({row.model for row in rows}) == 1
    drifts = [row for row in own if row.role == "drift"]
    failed = [] if is_gain(gain, is_one_question) else [_missed_gain(gain, is_one_question)]
    failed += [] if drifts else [NO_DRIFT]
    failed += [f"{told(row)}: up to {_points(row, -_worst(row))} lost, the margin is {config.margin:g}" for row in drifts if is_drifting(row, config.margin)]
    failed += [f"{row.metric}: nothing could be compared" for row in drifts if row.low is None]
    held = [f"{told(row)}: within the margin of {config.margin:g}" for row in drifts if row.is_share and not is_drifting(row, config.margin)]
    beside = [f"{told(row)}: no share of items, so no margin in points holds for it" for row in drifts if not row.is_share and row.low is not None]
    if not any(row.is_share for row in drifts) and drifts:
        failed.append("none of the drift figures is a share: the margin holds for none")
    reasons = [*failed, *beside] if failed else [_gained(gain), *held, *beside]
    if not drifts and len(failed) == 1:
        reasons = [NO_DRIFT, _gained(gain)]
    return ShipVerdict(model, not failed, gain.metric, tuple(reasons), is_asked=bool(drifts))


def worded(verdict: ShipVerdict) -> str:
    if verdict.is_asked:
        return "shippable" if verdict.is_shippable else "not shippable"
    return "verdict not asked for, no --drift"


def gain_of(rows: Sequence[ComparedFigure], config: CompareConfig) -> ComparedFigure:
    """The figure that decides: the one named, else the first."""
    gains = [row for row in rows if row.role == "gain"]
    return next((row for row in gains if row.metric == config.gain), gains[0])


def is_gain(row: ComparedFigure, is_one_question: bool) -> bool:
    """Whether the whole interval lies on the better side of 0, and the test says so too."""
    p_value = deciding_p(row, is_one_question)
    return _is_above(row) and p_value is not None and p_value <= LEVEL


def deciding_p(row: ComparedFigure, is_one_question: bool) -> float | None:
    """Of one model and the figure that was named for it (--gain) p as it is; the best of several models or figures is as many questions: Holm's."""
    return row.p_value if is_one_question or row.p_holm is None else row.p_holm


def _is_above(row: ComparedFigure) -> bool:
    end = row.high if row.is_lower_better else row.low
    return end is not None and (end < 0 if row.is_lower_better else end > 0)


def is_drifting(row: ComparedFigure, margin: float) -> bool:
    """Whether a share may have lost more points than the margin."""
    return row.is_share and row.low is not None and 100 * _worst(row) < -margin


def _worst(row: ComparedFigure) -> float:
    """The end of the interval that speaks against the model; below 0 is a loss."""
    assert row.low is not None
    assert row.high is not None
    return -row.high if row.is_lower_better else row.low


def _gained(row: ComparedFigure) -> str:
    return f"{told(row)}: {'below' if row.is_lower_better else 'above'} 0"


def _missed_gain(row: ComparedFigure, is_one_question: bool) -> str:
    if row.low is None:
        return f"{row.metric}: no interval, so no gain is shown"
    if not _is_above(row):
        return f"{told(row)}: the interval does not lie {'below' if row.is_lower_better else 'above'} 0, so no gain is shown"
    p_value = deciding_p(row, is_one_question)
    said = "there is no test" if p_value is None else f"p is {p_value:.3g}{' by Holm' if p_value != row.p_value else ''}, above {LEVEL:g}"
    return f"{told(row)}: {said}, so no gain is shown"


def told(row: ComparedFigure) -> str:
    """A difference in words: points for shares, else as it is."""
    if row.difference is None:
        return f"{row.metric} nothing to compare"
    ends = f" [{_signed(row, row.low)}, {_signed(row, row.high)}]" if row.low is not None and row.high is not None else ""
    return f"{row.metric} {_signed(row, row.difference)}{ends}{' points' if row.is_share else ''}"


def _signed(row: ComparedFigure, value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.1f}" if row.is_share else f"{value:+.3g}"


def _points(row: ComparedFigure, value: float) -> str:
    return f"{100 * value:.1f} points" if row.is_share else f"{value:.3g}"

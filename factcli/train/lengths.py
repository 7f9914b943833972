"""Rows of a step by length: where several passes cost less than the padding of one."""

from collections.abc import Sequence

PASS_COST_TOKENS = 256  # a forward and backward pass costs about as much as so many padded tokens, on 2 cores


def cut_by_length(lengths: Sequence[int]) -> list[int]:
    """Sizes of groups of rising lengths with little padding, each split worth its cost."""
    if len(lengths) < 2:
        return [len(lengths)] if lengths else []
    whole = len(lengths) * lengths[-1]
    saved, at = max((whole - i * lengths[i - 1] - (len(lengths) - i) * lengths[-1], i) for i in range(1, len(lengths)))
    if saved <= PASS_COST_TOKENS:
        return [len(lengths)]
    return cut_by_length(lengths[:at]) + cut_by_length(lengths[at:])

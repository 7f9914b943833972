"""Settings that are shares of a whole."""

import math
from typing import Any

from pydantic import field_validator

Shares = tuple[float, float, float]


def shares_validator(name: str) -> Any:
    """For a settings class: its field `name` holds three shares of 0 or more that add up to 1."""
    return field_validator(name)(classmethod(lambda _, value: _checked(value)))


def _checked(value: Shares) -> Shares:
    if min(value) < 0 or not math.isclose(sum(value), 1.0):
        raise ValueError("need three shares of 0 or more that add up to 1")
    return value

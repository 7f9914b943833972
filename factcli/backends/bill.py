"""What a run uses and pays, and the budget that it never goes beyond."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factcli.config import read_yaml
from factcli.errors import BudgetError, SettingsError, nearest

PER = 1_000_000  # prices are per million tokens
TWO_PRICES = 2


@dataclass(frozen=True, slots=True)
class Price:
    """Per million tokens, in whatever currency the budget is in."""

    per_million_in: float = 0.0
    per_million_out: float = 0.0

    def of(self, tokens_in: float, tokens_out: float) -> float:
        return (tokens_in * self.per_million_in + tokens_out * self.per_million_out) / PER


def read_price(text: str, model: str) -> Price:
    """`IN,OUT`, or a YAML file of `MODEL: [IN, OUT]` lines; "" is free of charge."""
    if not text:
        return Price()
    if Path(text).is_file():
        prices = read_yaml(Path(text))
        if model not in prices:
            raise SettingsError(f"{text} has no price of {model!r}{nearest(model, prices)}", f"add a line: {model}: [IN, OUT], per million tokens")
        return _price(prices[model], f"the price of {model} in {text}")
    return _price(text.split(","), f"price {text!r}")


def _price(values: Any, what: str) -> Price:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != TWO_PRICES or not all(0 <= number < float("inf") for number in numbers):
        raise SettingsError(f"{what} is not IN,OUT", "money per million tokens read and written, e.g. 0.15,0.60; or a file of `MODEL: [IN, OUT]` lines")
    return Price(*numbers)


@dataclass(slots=True)
class Usage:
    """What a run has used so far."""

    requests: int = 0  # tries that brought an answer
    cached: int = 0  # answers that were there, or that another process bought meanwhile
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    cost_unconfirmed: float = 0.0  # at most: tries that the server may have billed though no answer came
    seconds: float = 0.0
    retries: Counter[str] = field(default_factory=Counter)  # tries that brought no answer, by cause
    outcomes: Counter[str] = field(default_factory=Counter)  # of all responses

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        names = ("requests", "cached", "tokens_in", "tokens_out")
        counts: dict[str, Any] = {name: getattr(self, name) for name in names}
        money = {"cost": round(self.cost, 6), "cost_unconfirmed": round(self.cost_unconfirmed, 6), "seconds": round(self.seconds, 1)}
        return counts | money | {"retries": dict(sorted(self.retries.items())), "outcomes": dict(sorted(self.outcomes.items()))}


class Budget:
    """Money that may be spent. What a request can cost at worst is set aside before it is sent, and settled after."""

    def __init__(self, price: Price, limit: float | None, usage: Usage, before: float = 0.0) -> None:
        self.before = before  # spent in earlier runs of the same work
        self.price = price
        self.limit = limit
        self.usage = usage
        self.booked: Callable[[float], None] = lambda _: None  # told what is spent each time that it grows
        self.reserved = 0.0
        self.n_reserved = 0  # requests

    def reserve(self, tokens_in: int, max_tokens: int) -> float | None:
        """The worst cost of a request, set aside; None while it does not fit beside what is spent and set aside."""
        worst = self.price.of(tokens_in, max_tokens)
        if self.limit is not None and self.spent + self.reserved + worst > self.limit:
            return None
        self.reserved += worst
        self.n_reserved += 1
        return worst

    def settle(self, worst: float, tokens_in: int, tokens_out: int) -> float:
        """Give back what was set aside and book the real cost."""
        cost = self.price.of(tokens_in, tokens_out)
        self._free(worst)
        self.usage.cost += cost
        self.usage.tokens_in += tokens_in
        self.usage.tokens_out += tokens_out
        self.booked(self.spent)
        return cost

    def give_up(self, worst: float, may_be_billed: bool) -> None:
        """A try without an answer. One that may be billed counts as spent, or the stop would not be a hard one."""
        self._free(worst)
        if may_be_billed:
            self.usage.cost_unconfirmed += worst
            self.booked(self.spent)

    def _free(self, worst: float) -> None:
        self.n_reserved -= 1
        self.reserved = self.reserved - worst if self.n_reserved else 0.0  # exactly: rounding must not add up

    def error(self) -> BudgetError:
        parts = f"{self.before:.4f} of it in earlier runs, {self.usage.cost_unconfirmed:.4f} unconfirmed"
        return BudgetError(
            f"the budget of {self.limit:g} does not allow another request: {self.spent:.4f} spent ({parts})",
            "every answer so far is kept; the same command with a higher --budget goes on where it was",
        )

    @property
    def spent(self) -> float:
        return self.before + self.usage.cost + self.usage.cost_unconfirmed

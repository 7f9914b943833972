"""The live numbers of a run, told through `progress`: a panel on a terminal, a line each 10 s elsewhere."""

import time
from collections.abc import Callable, Iterable, Iterator

from factcli.backends.bill import Usage
from factcli.backends.pool import Pool
from factcli.backends.requests import Response
from factcli.progress import Report

EVERY_S = 0.25  # between two looks; drawing costs more than a request


class Panel:
    """Requests and tokens per second, in flight, limit, retries by cause, cost so far and projected."""

    def __init__(self, report: Report, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._total = total
        self._clock = clock
        self._started_s = self._last_s = clock()
        self._pool: Pool | None = None
        self._before = (0, 0, 0, 0.0)  # done, requests, tokens and money when this task began

    def watch(self, pool: Pool) -> None:
        """Called in the thread of the pool; only two of its numbers are read here."""
        self._pool = pool

    def told(self, task: str, responses: Iterable[Response], usage: Usage, count: Callable[[], int] | None = None) -> Iterator[Response]:
        """The responses, while the report is kept up to date. `usage` is that of the backend, which is new in this run.

        `count` says how much of the total is done, where that is not the number of responses.
        """
        self._report.begin(task, self._total)
        self._before = (count() if count else 0, usage.requests, _tokens(usage), _spent(usage))
        n = 0
        try:
            for response in responses:
                n += 1
                if self._clock() - self._last_s >= EVERY_S:
                    self._last_s = self._clock()
                    done = count() if count else n
                    self._report.update(done, self._total, self.numbers(done, usage))
                yield response
        except Exception:  # the budget, for one: what was spent is worth a line, a Ctrl-C says its own
            self._report.say(f"  {task}: stopped; {self._told(count() if count else n, usage)}")
            raise
        self._report.end(self._told(count() if count else n, usage))

    def _told(self, done: int, usage: Usage) -> str:
        return f"{self.numbers(done, usage)}; {bill(usage)}"

    def numbers(self, done: int, usage: Usage) -> str:
        """`31.2 requests/s, 5,100 tokens/s, 64 in flight of 64, retries: 3 x 429, 1 x time-out, cost 0.12 of about 4.10`."""
        seconds = max(self._clock() - self._started_s, 1e-3)
        done_before, requests_before, tokens_before, spent_before = self._before
        parts = [f"{(usage.requests - requests_before) / seconds:.1f} requests/s", f"{(_tokens(usage) - tokens_before) / seconds:,.0f} tokens/s"]
        parts += [f"{self._pool.in_flight} in flight of {self._pool.limit}"] if self._pool else []
        parts += [f"{usage.cached} not paid for"] if usage.cached else []
        retries = ", ".join(f"{n} x {cause}" for cause, n in sorted(usage.retries.copy().items()))
        parts += [f"retries: {retries}"] if retries else []
        spent, n_new = _spent(usage), done - done_before
        to_come = (spent - spent_before) / n_new * (self._total - done) if self._total and n_new else None
        projected = "" if to_come is None else f" of about {money(spent + to_come)}"
        return ", ".join(parts + ([f"cost {money(spent)}{projected}"] if spent else []))


def bill(usage: Usage) -> str:
    """`412 requests, 51,000 tokens in, 9,300 out, cost 0.0132 (0.0020 of it unconfirmed)`: of the whole run."""
    unconfirmed = f" ({money(usage.cost_unconfirmed)} of it unconfirmed)" if usage.cost_unconfirmed else ""
    cost = f", cost {money(_spent(usage))}{unconfirmed}" if _spent(usage) else ""
    return f"{usage.requests:,} requests, {usage.tokens_in:,} tokens in, {usage.tokens_out:,} out{cost}"


def money(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def _tokens(usage: Usage) -> int:
    return usage.tokens_in + usage.tokens_out


def _spent(usage: Usage) -> float:
    return usage.cost + usage.cost_unconfirmed

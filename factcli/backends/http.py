"""Any OpenAI-compatible server: many requests at once, as many as it takes, each answer bought once."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from factcli.backends.apikey import ApiKey
from factcli.backends.bill import Budget, Usage
from factcli.backends.buying import Buyer, Surroundings, Terms
from factcli.backends.cache import Cache
from factcli.backends.calling import Caller
from factcli.backends.dialect import Dialect
from factcli.backends.keys import Endpoint
from factcli.backends.limiter import FIRST_LIMIT, Limiter
from factcli.backends.pool import Pool, Server
from factcli.backends.requests import Requests, Response
from factcli.backends.spec import HttpSpec
from factcli.backends.stream import stream

WINDOW = 4  # requests open per request that may be in flight: so many rows are ready when the limit grows
RATED_S = 3.0  # a run shorter than this says nothing about the rate of a server


@dataclass(frozen=True, slots=True)
class HttpBackend:
    """One model at one endpoint. `budget.usage` counts what is used."""

    spec: HttpSpec
    key: ApiKey
    cache_directory: Path
    budget: Budget
    terms: Terms
    revision: str = ""
    most_in_flight: int = 512  # per server
    watch: Callable[[Pool], None] | None = None  # told of the pool once it is there, for the live panel
    dialects: dict[str, Dialect] = field(default_factory=dict)  # by URL: what the server does not take, from one call to the next
    first_in_flight: int = FIRST_LIMIT
    random: Random | None = None  # of the waits; None: another in each process, so that several do not retry in step

    @property
    def endpoint(self) -> Endpoint:
        return self.spec.endpoint(self.revision)

    @property
    def usage(self) -> Usage:
        return self.budget.usage

    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, as they finish; `id` says to which it belongs.

        Raises BudgetError where the money is spent, BackendError where the server answers nobody. What cannot be
        answered for a reason of its own is a response with outcome failed and its cause.
        """
        import openai  # noqa: F401 - half a second, which is no time of the server's

        started_s = time.monotonic()
        before = self.usage.requests
        try:
            yield from stream(requests, self._opened, WINDOW * self.most_in_flight)
        finally:
            seconds = time.monotonic() - started_s
            self.usage.seconds += seconds
            self._note_rate(self.usage.requests - before, seconds)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Buyer]:
        around = Surroundings(time.monotonic, self.random or Random())
        limits = self.most_in_flight, around.random, self.first_in_flight
        pool = Pool([Server(url, Limiter(*limits)) for url in dict.fromkeys(self.spec.urls)], around.clock)
        terms = (self.spec.model, self.key, self.terms.patience.timeout_s, self.dialects)
        callers = {url: Caller(url, *terms) for url in self.spec.urls}
        cache = Cache(self.cache_directory)
        if self.watch is not None:
            self.watch(pool)
        try:
            yield Buyer(self.endpoint, pool, callers, cache, self.budget, self.terms, around)
        finally:
            for caller in callers.values():
                await caller.close()
            cache.close()

    def _note_rate(self, n_requests: int, seconds: float) -> None:
        """For the next dry run's estimate of time."""
        if n_requests and seconds >= RATED_S:
            cache = Cache(self.cache_directory)
            cache.put_rate(self.endpoint.name, n_requests / seconds)
            cache.close()

"""One answer, bought at most once: from the cache, from a twin in flight, from another process, or from a server."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import NamedTuple

from factcli.backends.bill import Budget
from factcli.backends.cache import Cache, Stored, added
from factcli.backends.calling import Caller
from factcli.backends.choices import settled
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.pool import Pool, Slot
from factcli.backends.requests import Request, Response
from factcli.backends.responding import response_of
from factcli.backends.retrying import CallError, Patience
from factcli.errors import BackendError

LOST_IN_A_ROW = 30  # requests that failed for good with no success between: the server is away or refuses us, not the rows
BLAMED_ON_ROW = ("400", "413", "422")  # failures that say something about the request, not about the server
FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0  # at an answer that another process is buying
BYTES_PER_TURN = 16  # more than any chat template adds, in tokens


@dataclass(frozen=True, slots=True)
class Terms:
    """How answers are bought."""

    patience: Patience
    json_asks: int = 3  # times that an answer of the wrong form is asked for in all
    retry_failed: bool = False  # stored answers that are not ok are bought again, once in this run


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance, given from outside so that tests wait for nothing and draw the same."""

    clock: Callable[[], float]
    random: Random


class Leave(NamedTuple):
    """All that sending takes, the lease of the key aside."""

    slot: Slot
    worst: float  # money set aside
    before: Stored | None  # the invalid answers so far, this run's or another's


class Buyer:
    """Answers requests for one endpoint. Belongs to one event loop and the thread of the cache."""

    def __init__(
        self, endpoint: Endpoint, pool: Pool, callers: Mapping[str, Caller], cache: Cache, budget: Budget, terms: Terms, surroundings: Surroundings
    ) -> None:
        self._endpoint = endpoint
        self._pool = pool
        self._callers = callers
        self._cache = cache
        self._budget = budget
        self._terms = terms
        self._around = surroundings
        self._asked: dict[str, asyncio.Future[Stored | CallError]] = {}
        self._not_ok_since = cache.now() if terms.retry_failed else 0.0
        self._settled = asyncio.Event()
        self._lost_in_a_row = 0
        self._stopped: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def stop(self, error: BaseException) -> None:
        """Send nothing more; what is in flight may still end. Whoever waits gets the error, now."""
        if not self._stopped.done():
            self._stopped.set_result(error)
            self._pool.close(error)
            self._settled.set()

    async def answer(self, request: Request) -> Response:
        """What came of it. Raises BudgetError, or BackendError where the server answers nobody."""
        key = request_key(request, self._endpoint)
        known = self._cache.get(key, self._not_ok_since)
        if known is not None:
            return self._response(request, key, known, is_cached=True)
        if key in self._asked:
            return self._response(request, key, await asyncio.shield(self._asked[key]), is_cached=True)
        twin = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            found, is_cached = await self._buy(request, key)
            twin.set_result(found)
        finally:
            twin.cancel()  # no effect on one that has its result
            del self._asked[key]
        return self._response(request, key, found, is_cached)

    async def _buy(self, request: Request, key: str) -> tuple[Stored | CallError, bool]:
        """The answer, and whether somebody else bought it. A failure is given back, not raised: it is the row's."""
        n_asks = self._terms.json_asks if request.schema else 1
        while True:
            try:
                found, is_cached = await self._ask(request, key, n_asks)
            except CallError as error:
                kept = self._cache.kept(key)
                if kept is None:
                    self._lose(key, error)
                    return error, False
                self._cache.release(key)  # what was paid for is the answer now, and another run asks on
                return kept, False
            if is_cached:
                return found, True
            if found.said.outcome != "invalid" or found.asks >= n_asks:
                self._cache.put(key, self._endpoint.model, found)
                return found, False
            self._cache.keep(key, self._endpoint.model, found)

    async def _ask(self, request: Request, key: str, n_asks: int) -> tuple[Stored, bool]:
        """One answer more, after as many tries as it takes, and whether somebody else bought it. Raises CallError."""
        patience, random = self._terms.patience, self._around.random
        n_failed, slow_since_s = 0, None
        while True:
            leave = await self._leave(request, key, n_asks)
            if isinstance(leave, Stored):
                return leave, True
            try:
                return await self._sent(*leave, request), False
            except CallError as error:
                if error.verdict == "never":
                    raise
                self._require_patience(error)
                if error.verdict == "slower":
                    now_s = self._around.clock()
                    slow_since_s = now_s if slow_since_s is None else slow_since_s
                    if now_s - slow_since_s >= patience.patience_s:
                        raise
                    continue
                n_failed += 1
                if n_failed >= patience.tries:
                    raise
                await self._rest(patience.wait_s(n_failed, random))

    def _require_patience(self, error: CallError) -> None:
        """Raises BackendError where the server wants to be left alone for longer than anybody here would wait."""
        if error.retry_after_s is not None and error.retry_after_s > self._terms.patience.patience_s:
            raise BackendError(
                f"{self._endpoint.model} at {', '.join(self._endpoint.place)} takes nothing for {error.retry_after_s:.0f} s: {error.reason}",
                f"every answer so far is kept: run the same command again then, or with a patience_s above {self._terms.patience.patience_s:g}",
            )

    async def _leave(self, request: Request, key: str, n_asks: int) -> Leave | Stored:
        """All that sending takes: a slot, money set aside and the lease of the key; or the answer that somebody else bought."""
        for n_looks in count():
            slot = await self._slot()
            worst = self._budget.reserve(most_tokens_in(request), request.sampling.max_tokens)
            if worst is None:
                self._pool.unused(slot)
                await self._until_settled()
                continue
            if self._cache.claim(key, self._terms.patience.timeout_s, self._not_ok_since) == "mine":
                before = self._cache.kept(key) if request.schema else None
                if before is None or before.asks < n_asks:
                    return Leave(slot, worst, before)
                self._cache.put(key, self._endpoint.model, before)  # an earlier run would have asked more often
            self._budget.give_up(worst, may_be_billed=False)
            self._pool.unused(slot)
            stored = self._cache.get(key, self._not_ok_since)
            if stored is not None:
                return stored
            longest_s = min(LONGEST_LOOK_S, FIRST_LOOK_S * 2 ** min(n_looks, 10))
            await self._rest(self._around.random.uniform(longest_s / 2, longest_s))
        raise AssertionError("unreachable")

    async def _slot(self) -> Slot:
        slot = await self._pool.take()
        if self._stopped.done():  # between the slot's being handed out and this task's turn
            self._pool.unused(slot)
        self._go_on()
        return slot

    async def _until_settled(self) -> None:
        """Until a request in flight has cost less than was set aside for it. Raises BudgetError where none is in flight."""
        if not self._budget.n_reserved:
            raise self._budget.error()
        self._settled.clear()
        await self._settled.wait()
        self._go_on()

    async def _rest(self, seconds: float) -> None:
        await asyncio.wait((self._stopped,), timeout=seconds)
        self._go_on()

    def _go_on(self) -> None:
        """Raises what stopped the sending, if something did."""
        if self._stopped.done():
            raise self._stopped.result()

    async def _sent(self, slot: Slot, worst: float, before: Stored | None, request: Request) -> Stored:
        """Send once; book what it cost, and tell the pool how it went."""
        try:
            said = await self._callers[slot.server.url].call(request, before.asks if before else 0)
        except CallError as error:
            self._budget.give_up(worst, error.may_be_billed)
            self._budget.usage.retries[error.cause] += 1
            if error.verdict == "slower":
                self._pool.rejected(slot, error.retry_after_s)
            else:
                self._pool.failed(slot, is_down=error.verdict == "again", is_overload=error.cause == "time-out", retry_after_s=error.retry_after_s)
            raise
        except BaseException:
            self._budget.give_up(worst, may_be_billed=True)
            self._pool.failed(slot, is_down=False, is_overload=False)
            raise
        finally:
            self._settled.set()
        self._lost_in_a_row = 0
        self._budget.settle(worst, said.tokens_in, said.tokens_out)
        self._budget.usage.requests += 1
        self._pool.succeeded(slot)
        return added(before, settled(said, request))

    def _lose(self, key: str, error: CallError) -> None:
        """A request failed for good. Many in a row without a success: it is not the rows' fault, so the run ends."""
        self._cache.release(key)
        if error.cause in BLAMED_ON_ROW:
            return
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= LOST_IN_A_ROW:
            raise BackendError(
                f"{self._endpoint.model} at {', '.join(self._endpoint.place)} answered none of the last {LOST_IN_A_ROW} requests: {error.reason}",
                way_out(error),
            )

    def _response(self, request: Request, key: str, found: Stored | CallError, is_cached: bool) -> Response:
        usage = self._budget.usage
        if isinstance(found, CallError):
            usage.outcomes["failed"] += 1
            return Response(request.id, "failed", cause=found.reason, key=key)
        usage.outcomes[found.said.outcome] += 1
        usage.cached += is_cached
        return response_of(request, key, found, self._budget.price.of(found.tokens_in, found.tokens_out), is_cached)


def most_tokens_in(request: Request) -> int:
    """More tokens than the prompt can have: every token but a template's has at least one byte."""
    if isinstance(request.prompt, str):
        return len(request.prompt.encode("utf-8", "replace")) + BYTES_PER_TURN
    return sum(len(turn.content.encode("utf-8", "replace")) + BYTES_PER_TURN for turn in request.prompt) + BYTES_PER_TURN


def way_out(error: CallError) -> str:
    if error.cause in ("401", "403"):
        return "the server refuses the key: set $OPENAI_API_KEY, or give a --key-file; then run the same command again"
    if error.cause == "404":
        return "check the model's name and the base URL, which mostly ends in /v1"
    return "every answer so far is kept: see to the server, then run the same command again"

"""Which server gets the next request: the one with most room; first come, first served; a dead one is set aside."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from factcli.backends.limiter import Limiter, Ticket

DEAD_AFTER = 3  # failures to connect, time-outs or 5xx in a row, where another server is alive
FIRST_ASIDE_S, LONGEST_ASIDE_S = 10.0, 300.0


@dataclass(slots=True)
class Server:
    """One base URL and its limiter."""

    url: str
    limiter: Limiter
    n_down: int = 0  # failures in a row
    n_aside: int = 0  # times set aside in a row
    dead_until_s: float = 0.0


class Slot(NamedTuple):
    """Leave to send one request to one server."""

    server: Server
    ticket: Ticket


class Pool:
    """Slots on several servers. Belongs to one event loop."""

    def __init__(self, servers: Sequence[Server], clock: Callable[[], float]) -> None:
        self.servers = tuple(servers)
        self._clock = clock
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: BaseException | None = None

    @property
    def in_flight(self) -> int:
        return sum(server.limiter.in_flight for server in self.servers)

    @property
    def limit(self) -> int:
        return sum(server.limiter.limit for server in self.servers)

    async def take(self) -> Slot:
        """Leave to send, in the order of asking. Give it back with one of the methods below."""
        if self._closed is not None:
            raise self._closed
        waiter: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._hand_out()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.unused(waiter.result())
            raise

    def close(self, error: BaseException) -> None:
        """Whoever waits, now or later, gets the error instead of a slot."""
        self._closed = error
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiting.clear()

    def unused(self, slot: Slot) -> None:
        slot.server.limiter.unused(slot.ticket)
        self._hand_out()

    def succeeded(self, slot: Slot) -> None:
        slot.server.n_down = slot.server.n_aside = 0
        slot.server.limiter.succeeded(slot.ticket, self._clock())
        self._hand_out()

    def rejected(self, slot: Slot, retry_after_s: float | None) -> None:
        slot.server.limiter.rejected(slot.ticket, self._clock(), retry_after_s)
        self._hand_out()

    def failed(self, slot: Slot, is_down: bool, is_overload: bool, retry_after_s: float | None = None) -> None:
        """`is_down`: the server may be away; `is_overload`: it may have too much to do."""
        server, now_s = slot.server, self._clock()
        server.limiter.failed(slot.ticket, now_s, is_overload, retry_after_s)
        server.n_down = server.n_down + 1 if is_down else 0
        if server.n_down >= DEAD_AFTER and any(other.dead_until_s <= now_s for other in self.servers if other is not server):
            server.dead_until_s = now_s + min(LONGEST_ASIDE_S, FIRST_ASIDE_S * 2**server.n_aside)
            server.n_aside += 1
            server.n_down = DEAD_AFTER - 1  # when its time is over, one more failure is enough
            server.limiter.restart(now_s)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting:
            if self._waiting[0].done():  # whoever waited has gone
                self._waiting.popleft()
                continue
            now_s = self._clock()
            server = max(self._alive(now_s), key=lambda s: s.limiter.free(now_s))
            if not server.limiter.free(now_s):
                self._wake_later(now_s)
                return
            self._waiting.popleft().set_result(Slot(server, server.limiter.sent(now_s)))

    def _alive(self, now_s: float) -> Sequence[Server]:
        return [server for server in self.servers if server.dead_until_s <= now_s] or self.servers

    def _wake_later(self, now_s: float) -> None:
        """When a pause or a time aside ends nobody gives a slot back, so a timer must look."""
        times = [t for server in self.servers for t in (server.limiter.paused_until_s, server.dead_until_s) if t > now_s]
        if self._timer is not None:
            self._timer.cancel()  # it may be set for a later time
        if times:
            self._timer = asyncio.get_running_loop().call_later(min(times) - now_s + 0.001, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._hand_out()

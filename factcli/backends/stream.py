"""Many answers at once from an event loop in a thread of its own, for a caller that just iterates.

The caller's thread reads the requests, so a generator of rows may touch what belongs to that thread; calls go on while
the caller is busy with a row. No more than `window` requests are open at a time: memory does not grow with their number.

However a run ends (Ctrl-C in a row or in a wait, an error, a caller that has enough), nothing more is sent, and answers on
their way, which have been paid for, have GRACE_S to arrive and be stored. A second Ctrl-C leaves without them. Where the
iterator is still held when the program ends, by a traceback for one, that is done then.
"""

import asyncio
import atexit
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from factcli.backends.requests import Pause, Request, Requests, Response, taken

log = logging.getLogger(__name__)
GRACE_S = 30.0  # most answers of a few hundred tokens take less
QUIET_S = 0.5  # of it before a person is told what is waited for
SAME_PRESS_S = 1.0  # `timeout` and other wrappers send one Ctrl-C twice


class Answerer(Protocol):
    """Answers single requests; `stop` keeps it from sending more."""

    async def answer(self, request: Request) -> Response: ...
    def stop(self, error: BaseException) -> None: ...


class StoppedError(Exception):
    """The caller wants no more answers."""


def stream(requests: Requests, opened: Callable[[], AbstractAsyncContextManager[Answerer]], window: int) -> Iterator[Response]:
    """Responses as they finish. `opened` is entered in the thread of the loop.

    An error of one request ends the run: what is in flight still arrives, then the error is raised.
    """
    worker = _Worker(opened)
    try:
        worker.start()
        yield from _pumped(iter(requests), worker, window)
    finally:
        worker.finish()


def _pumped(source: Iterator[Request | Pause], worker: "_Worker", window: int) -> Iterator[Response]:
    n_open, is_more = 0, True
    while True:
        if is_more and n_open <= window * 3 // 4:  # in batches: waking the other thread costs more than a request
            batch, is_more = taken(source, min(window - n_open, max(1, window // 4)))  # the first leave before all are made up
            n_open += len(batch)
            worker.submit(batch)
        if n_open == 0:
            assert not is_more, "a pause where nothing asked is open would last for ever"
            return
        for item in worker.arrived():
            if isinstance(item, BaseException):
                raise item
            n_open -= 1
            yield item


class _Worker(threading.Thread):
    """The event loop; requests come in through `submit`, responses and at most one error go out through `results`."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Answerer]]) -> None:
        super().__init__(name="fact-generation", daemon=True)
        self.results: queue.SimpleQueue[Response | BaseException] = queue.SimpleQueue()
        self._opened = opened
        self._ready, self._over = threading.Event(), threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._done, self._hurry = asyncio.Event(), asyncio.Event()
        atexit.register(self.finish)

    def submit(self, batch: list[Request]) -> None:
        self._ready.wait()
        if self._loop is not None and batch:
            self._loop.call_soon_threadsafe(self._begin, batch)

    def arrived(self) -> Iterator[Response | BaseException]:
        """What is there now, at least one: waits for it."""
        yield self.results.get()
        for _ in range(self.results.qsize()):  # taken by this thread alone, so these are there
            yield self.results.get_nowait()

    def finish(self) -> None:
        """End the loop: requests that wait are dropped, those in flight have GRACE_S, or until a Ctrl-C that comes meanwhile.

        `join` would not do: interrupted, it takes the thread for ended (Python 3.11).
        """
        atexit.unregister(self.finish)
        begun_s, pressed = time.monotonic(), None
        while self.is_alive() and not self._over.is_set():
            try:
                self._set(self._done)
                self._over.wait()
            except KeyboardInterrupt as press:
                pressed = press
                if time.monotonic() - begun_s > SAME_PRESS_S:
                    self._set(self._hurry)
                    self._over.wait()
        if pressed is not None:
            raise pressed

    def _set(self, event: asyncio.Event) -> None:
        self._ready.wait()
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(event.set)

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asked, which raises it
            self.results.put(error)
        finally:
            self._ready.set()
            self._over.set()

    async def _serve(self) -> None:
        async with self._opened() as self._answerer:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._done.wait()
            self._answerer.stop(StoppedError())
            await self._let_arrive()
            self._loop = None

    async def _let_arrive(self) -> None:
        hurry = asyncio.get_running_loop().create_task(self._hurry.wait())
        arriving = asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.wait((arriving, hurry), timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED)
        if self._tasks:
            log.warning("%d answers that are paid for are on their way: waiting up to %.0f s; Ctrl-C leaves without them", len(self._tasks), GRACE_S)
            await asyncio.wait((arriving, hurry), timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (hurry, *self._tasks):
            task.cancel()
        await asyncio.gather(hurry, *self._tasks, return_exceptions=True)

    def _begin(self, batch: list[Request]) -> None:
        for request in batch:
            task = asyncio.get_running_loop().create_task(self._answered(request))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _answered(self, request: Request) -> None:
        self.results.put(await self._answerer.answer(request))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._error is None:
            self._error = error
            self._answerer.stop(StoppedError())  # the others: one traceback is enough
        if self._error is not None and not self._tasks:
            self.results.put(self._error)

"""Which server gets a request, and when whoever waits is woken."""

import asyncio
import time
from random import Random

import pytest

from factcli.backends.limiter import Limiter
from factcli.backends.pool import DEAD_AFTER, Pool, Server


def pool_of(*limits: int) -> Pool:
    return Pool([Server(f"http://{n}", Limiter(most, Random(0))) for n, most in enumerate(limits)], time.monotonic)


def test_the_server_with_most_room_is_next_and_waiters_are_served_in_order():
    async def play() -> list[object]:
        pool = pool_of(1, 3)
        slots = [await pool.take() for _ in range(4)]
        waiting = [asyncio.create_task(pool.take()) for _ in range(2)]
        await asyncio.sleep(0)
        pool.succeeded(slots[0])
        first = await waiting[0]
        assert not waiting[1].done()
        pool.unused(first)
        await waiting[1]
        return [slot.server.url for slot in slots]

    assert sorted(map(str, asyncio.run(play()))) == ["http://0", "http://1", "http://1", "http://1"]


def test_a_nearer_time_is_not_hidden_by_a_far_one():
    """Server 0 pauses for an hour and somebody waits; then server 1 is there again in 50 ms: the waiter is woken then."""

    async def play() -> str:
        pool = pool_of(1, 1)
        far, near = [await pool.take() for _ in range(2)]
        waiter = asyncio.create_task(pool.take())
        pool.rejected(far, 3600.0)
        await asyncio.sleep(0)
        pool.rejected(near, 0.05)
        async with asyncio.timeout(30):
            return (await waiter).server.url

    assert asyncio.run(play()) == "http://1"


def test_a_server_that_fails_in_a_row_is_set_aside_only_while_another_is_alive():
    async def play() -> tuple[bool, bool]:
        alone, pair = pool_of(4), pool_of(4, 4)
        for pool in (alone, pair):
            for _ in range(DEAD_AFTER):
                slot = await pool.take()
                while slot.server is not pool.servers[0]:
                    slot = await pool.take()
                pool.failed(slot, is_down=True, is_overload=False)
        assert (await pair.take()).server is pair.servers[1]
        return alone.servers[0].dead_until_s > 0, pair.servers[0].dead_until_s > 0

    assert asyncio.run(play()) == (False, True)


def test_a_waiter_that_is_cancelled_gives_its_slot_back():
    async def play() -> int:
        pool = pool_of(1)
        slot = await pool.take()
        gone = asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        pool.unused(slot)
        gone.cancel()  # it has the slot by now, but has not run
        with pytest.raises(asyncio.CancelledError):
            await gone
        return pool.in_flight

    assert asyncio.run(play()) == 0

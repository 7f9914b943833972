"""The limiter against a clock and a server that are given: its promises hold for every order of events, and it finds the limit."""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.backends.limiter import CUT, FIRST_LIMIT, LEAST_JUDGED, PROBE_S, Limiter, Ticket

EVENTS = st.lists(st.tuples(st.sampled_from(["send", "send", "send", "ok", "ok", "429", "429 after", "fail", "time-out"]), st.floats(0, 3), st.integers(0, 99)))


@given(EVENTS, st.integers(1, 40))
def test_nothing_is_sent_above_the_limit_or_before_retry_after_and_a_round_trip_is_cut_once(events: list, most: int):
    limiter, now_s, open_, waits_until_s, cut_number = Limiter(most, Random(0)), 0.0, [], 0.0, 0
    for event, step_s, place in events:
        now_s += step_s
        if event == "send":
            if limiter.free(now_s):
                assert now_s >= waits_until_s
                open_.append(limiter.sent(now_s))
        elif open_:
            ticket, before = open_.pop(place % len(open_)), limiter.limit
            if event == "ok":
                limiter.succeeded(ticket, now_s)
            elif event.startswith("429"):
                wait_s = 2.0 if event == "429 after" else None
                waits_until_s = max(waits_until_s, now_s + wait_s) if wait_s else waits_until_s
                limiter.rejected(ticket, now_s, wait_s)
            else:
                limiter.failed(ticket, now_s, is_overload=event == "time-out")
            if limiter.limit < before:
                assert ticket.number >= cut_number, "a request from before the last cut has cut again"
                cut_number = open_[-1].number + 1 if open_ and open_[-1].number >= ticket.number else ticket.number + 1
        assert 1 <= limiter.limit <= most
        assert limiter.in_flight == len(open_)
        assert not limiter.free(now_s) or limiter.in_flight < limiter.limit


def play(limiter: Limiter, capacity: int, seconds: float, latency_s: float = 1.0) -> tuple[int, int]:
    """A server that admits `capacity` at once and turns the others away at once; gives (answered, rejected)."""
    now_s, answered, rejected = 0.0, 0, 0
    under_way: list[tuple[float, Ticket]] = []
    while now_s < seconds:
        for due_s, ticket in [entry for entry in under_way if entry[0] <= now_s]:
            under_way.remove((due_s, ticket))
            limiter.succeeded(ticket, now_s)
            answered += 1
        while limiter.free(now_s):
            ticket = limiter.sent(now_s)
            if len(under_way) >= capacity:
                rejected += 1
                limiter.rejected(ticket, now_s, None)
            else:
                under_way.append((now_s + latency_s, ticket))
        now_s += latency_s / 64
    return answered, rejected


def test_the_limit_doubles_per_round_trip_until_the_first_rejection():
    """Of 4 requests at t=0, 8 at 1 s, 16 at 2 s, 32 at 3 s: the 33rd in flight at once is the first that 32 slots reject."""
    limiter = Limiter(512, Random(0))
    assert FIRST_LIMIT == 4
    assert play(limiter, 10**9, 3.5)[0] == 4 + 8 + 16
    assert limiter.limit == 32
    assert limiter.is_starting


def test_it_settles_just_below_what_was_rejected_and_wastes_little():
    limiter = Limiter(512, Random(0))
    answered, rejected = play(limiter, 64, 100)
    assert limiter.limit in (63, 64, 65)
    assert answered >= 0.9 * 64 * (100 - 6)
    assert rejected <= 0.02 * answered


def test_a_cut_is_to_85_percent_of_what_was_in_flight():
    limiter = Limiter(512, Random(0))
    limiter.limit = 40
    tickets = [limiter.sent(0.0) for _ in range(40)]
    limiter.rejected(tickets[-1], 1.0, None)
    assert limiter.limit == int(40 * CUT) == 34
    limiter.rejected(tickets[-2], 1.0, None)  # of the same round trip: the limit stays, what is known of the server falls
    assert (limiter.limit, limiter.ceiling) == (34, 39)


def test_a_probe_of_one_more_comes_after_ten_seconds_and_is_taken_back_when_it_is_rejected():
    limiter = Limiter(512, Random(0))
    limiter.is_starting, limiter.limit, limiter.ceiling = False, 9, 10
    answered_s = 0.0
    while limiter.limit == 9:
        tickets = [limiter.sent(answered_s) for _ in range(limiter.free(answered_s))]
        answered_s += 1
        for ticket in tickets:
            limiter.succeeded(ticket, answered_s)
        assert answered_s <= PROBE_S + 1
    assert (limiter.limit, answered_s >= PROBE_S) == (10, True)
    tickets = [limiter.sent(answered_s) for _ in range(10)]
    limiter.rejected(tickets[-1], answered_s, None)
    assert limiter.limit == 9


# ---------------------------------------------------------------- the knee

Latency = Callable[[Random, float], float]  # (draws, time of sending) -> seconds
JITTER: dict[str, Latency] = {
    "even": lambda random, _now_s: random.uniform(0.5, 1.5),
    "exponential": lambda random, _now_s: random.expovariate(1),
    "lognormal": lambda random, _now_s: random.lognormvariate(0, 1),
    "one in twenty is slow": lambda random, _now_s: 10 if random.random() < 0.05 else 0.5,
    "heavy tail": lambda random, _now_s: 0.3 * random.paretovariate(1.5),
}


def limits(limiter: Limiter, latency: Latency, n_at_once: int, seconds: float, seed: int) -> list[int]:
    """The limit at each answer of a server that takes everything and works on `n_at_once`; the others wait in line."""
    random, now_s, line, busy, found = Random(seed), 0.0, [], [], []
    while now_s < seconds:
        line += [limiter.sent(now_s) for _ in range(limiter.free(now_s))]
        while line and len(busy) < n_at_once:
            heappush(busy, (now_s + latency(random, now_s), line.pop(0)))
        now_s, ticket = heappop(busy)
        limiter.succeeded(ticket, now_s)
        found.append(limiter.limit)
    return found


@pytest.mark.parametrize("jitter", [*(pytest.param(one, marks=pytest.mark.slow) for one in ("even", "exponential", "lognormal")), *list(JITTER)[3:]])
def test_jittery_answers_do_not_look_like_a_knee(jitter: str):
    """Mean about 1 s: from 4 to 512 in some 15 s, whichever draws."""
    for seed in range(20):
        assert limits(Limiter(512, Random(0)), JITTER[jitter], 10**9, 25, seed)[-1] == 512, seed


@pytest.mark.parametrize("jitter", JITTER)
def test_a_server_that_gets_no_faster_ends_the_slow_start_and_the_limit_stays(jitter: str):
    """Four at a time: of 200 s of four answers each, most are given at a limit far below 512, and after 10 minutes too."""
    for seconds in (200, 600):
        medians = [sorted(limits(Limiter(512, Random(0)), JITTER[jitter], 4, seconds, seed))[-seconds] for seed in range(9)]
        assert sorted(medians)[4] <= 96, medians


def test_the_doubling_that_showed_the_knee_is_taken_back():
    """One at a time, 0.1 s each. 8 answers: 12; 12 with no gain: 24; 24 with no gain: 48, and back to 24."""
    found = limits(Limiter(512, Random(0)), lambda _random, _now_s: 0.1, 1, 9, seed=0)
    assert LEAST_JUDGED == 8
    assert (max(found), found[43], found[-1]) == (47, 24, 24)


def test_a_pause_of_the_server_that_looked_like_a_knee_is_made_good():
    """What is sent in the seconds from 2 to 5 is answered after them. In some draws the start ends there, below 100; not for long."""

    def latency(random: Random, now_s: float) -> float:
        return random.expovariate(1) + (5 - now_s if 2 <= now_s < 5 else 0)

    at_10_s, at_40_s = ([limits(Limiter(160, Random(0)), latency, 10**9, seconds, seed)[-1] for seed in range(20)] for seconds in (10, 40))
    assert min(at_10_s) < 100
    assert min(at_40_s) == 160


def test_a_server_that_accepts_nothing_is_left_alone_for_longer_and_longer():
    limiter, now_s, pauses = Limiter(8, Random(0)), 0.0, []
    for _ in range(6):
        ticket = limiter.sent(now_s)
        limiter.rejected(ticket, now_s, None)
        pauses.append(limiter.paused_until_s - now_s)
        now_s = max(now_s, limiter.paused_until_s)
    assert pauses[0] <= 0  # the first time it may be a burst
    assert 0.5 <= pauses[1] <= 1
    assert 8 <= pauses[5] <= 16


def test_a_server_that_is_known_is_used_fully_at_once_and_begun_with_anew_after_it_was_away() -> None:
    limiter = Limiter(64, Random(0), first=64)
    assert limiter.free(0.0) == 64
    limiter.restart(1.0)
    assert limiter.free(1.0) == 4
    assert Limiter(2, Random(0), first=64).free(0.0) == 2

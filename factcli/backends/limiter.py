"""How many requests one server may have at once, found by trying. No clock and no waiting in here: both are given.

    slow start   each success raises the limit by one, so that it doubles per round trip, until the first rejection or the
                 knee: two round trips in which a doubled limit brought hardly more answers per second
    rejection    x0.85, at most once per round trip: requests that were sent before the last cut say nothing new
    after that   back up to just below what was rejected, halving the gap per round trip; there a probe of one more
                 each 10 s, which is taken back if it is rejected
    Retry-After  nothing is sent before; without one, a server that accepts nothing is left alone for longer and longer

A round trip ends when a request that was sent after its beginning is answered.
"""

from random import Random
from typing import NamedTuple

FIRST_LIMIT = 4
CUT = 0.85
PROBE_S = 10.0
KNEE = 1.2  # a round trip with twice the requests that brings less than this times the answers per second is no gain
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0


class Ticket(NamedTuple):
    """One request that was sent: its number in the order of sending, and how many were in flight then, itself included."""

    number: int
    in_flight: int


class Limiter:
    """The limit of one (server, model). Every ticket goes back once: succeeded, rejected or failed. Times in seconds."""

    def __init__(self, most: int, random: Random) -> None:
        self.most = most
        self.limit = min(FIRST_LIMIT, most)
        self.in_flight = 0
        self.ceiling: int | None = None  # what was last rejected; None before the first time
        self.paused_until_s = 0.0
        self._random = random
        self._number = 0  # of the next ticket
        self._cut_number = 0  # tickets below were sent before the last cut
        self._cuts_in_a_row = 0  # without a success between
        self._raised_s = 0.0  # when the limit last changed
        self._was_full = False  # whether the limit held something back in this round trip
        self._begin_start(0.0)

    def _begin_start(self, now_s: float) -> None:
        self.is_starting = True
        self._best_rate, self._n_flat = 0.0, 0
        self._begin_round(now_s)

    def _begin_round(self, now_s: float) -> None:
        self._round_number, self._round_s = self._number, now_s
        self._round_successes = 0
        self._was_full_before, self._was_full = self._was_full, False

    def free(self, now_s: float) -> int:
        """How many may be sent now."""
        return 0 if now_s < self.paused_until_s else max(0, self.limit - self.in_flight)

    def sent(self, now_s: float) -> Ticket:
        assert self.free(now_s) > 0, "a request was sent above the limit"
        if self._number == 0:
            self._raised_s = now_s
            self._begin_round(now_s)
        self.in_flight += 1
        self._was_full = self._was_full or self.in_flight >= self.limit
        self._number += 1
        return Ticket(self._number - 1, self.in_flight)

    def unused(self, _ticket: Ticket) -> None:
        """The request was not needed after all."""
        self.in_flight -= 1

    def succeeded(self, ticket: Ticket, now_s: float) -> None:
        self.in_flight -= 1
        self._cuts_in_a_row = 0
        self._round_successes += 1
        if self.is_starting and (self._was_full or self._was_full_before):
            self._set(self.limit + 1, now_s)
        if ticket.number >= self._round_number:
            self._end_round(now_s)

    def rejected(self, ticket: Ticket, now_s: float, retry_after_s: float | None) -> None:
        """A 429."""
        self.in_flight -= 1
        self._pause(now_s + (retry_after_s or 0.0))
        if ticket.number >= self._cut_number:
            self._cut(ticket, now_s, has_date=retry_after_s is not None)
        elif self.ceiling is not None:  # one more of the same burst: the server holds one less than thought
            self.ceiling = max(self.limit + 1, self.ceiling - 1)

    def failed(self, ticket: Ticket, now_s: float, is_overload: bool, retry_after_s: float | None = None) -> None:
        """No answer; a time-out may mean that the server has too much to do, other failures say nothing of it."""
        self.in_flight -= 1
        self._pause(now_s + (retry_after_s or 0.0))
        if is_overload and ticket.number >= self._cut_number:
            self._reduce(int(self.limit * CUT), now_s)

    def restart(self, now_s: float) -> None:
        """After the server was away: begin carefully."""
        self.limit, self.ceiling = min(FIRST_LIMIT, self.most), None
        self._begin_start(now_s)

    def _cut(self, ticket: Ticket, now_s: float, has_date: bool) -> None:
        was_probe = self.ceiling is not None and self.limit >= self.ceiling
        self.ceiling = max(2, min(ticket.in_flight, self.limit))
        self._reduce(self.ceiling - 1 if was_probe else int(self.ceiling * CUT), now_s)
        if self._cuts_in_a_row and not has_date:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._cuts_in_a_row, 30))
            self._pause(now_s + self._random.uniform(pause_s / 2, pause_s))
        self._cuts_in_a_row += 1

    def _pause(self, until_s: float) -> None:
        self.paused_until_s = max(self.paused_until_s, until_s)

    def _reduce(self, limit: int, now_s: float) -> None:
        self.is_starting = False
        self._cut_number = self._number
        self._set(min(limit, self.limit), now_s)
        self._begin_round(now_s)

    def _set(self, limit: int, now_s: float) -> None:
        self.limit = max(1, min(self.most, limit))
        self._raised_s = now_s

    def _end_round(self, now_s: float) -> None:
        if self._was_full:
            rate = self._round_successes / max(now_s - self._round_s, 1e-6)
            if self.is_starting:
                self._look_for_knee(rate)
            else:
                self._raise(now_s)
        self._begin_round(now_s)

    def _look_for_knee(self, rate: float) -> None:
        self._n_flat = self._n_flat + 1 if rate < KNEE * self._best_rate else 0
        self._best_rate = max(self._best_rate, rate)
        self.is_starting = self._n_flat < 2 and self.limit < self.most

    def _raise(self, now_s: float) -> None:
        """At the end of a round trip that used the whole limit and was not rejected."""
        hold = self.limit if self.ceiling is None else self.ceiling - 1
        if self.limit < hold:
            self._set(self.limit + max(1, (hold - self.limit) // 2), now_s)
        elif now_s - self._raised_s >= PROBE_S:
            if self.ceiling is not None:
                self.ceiling = max(self.ceiling, self.limit + 1)
            self._set(self.limit + 1, now_s)

"""How many requests one server may have at once, found by trying. No clock and no waiting in here: both are given.

    slow start   each success raises the limit by one, so that it doubles with as many successes, until the first rejection
                 or the knee: two doublings that brought hardly more answers per second; the second is taken back
    knee         chance or a pause of the server can look like one, so after 10 s, then 20 s and so on, one more doubling is
                 tried: the start goes on if it brings answers, and it is taken back if not
    rejection    x0.85, at most once per round trip: requests that were sent before the last cut say nothing new; the same
                 after a time-out, which may be one request's own fault and so is tried beyond like a knee
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
KNEE = 1.2  # twice the requests that bring less than this times the answers per second are no gain
CLEAR = 1.4  # the same for a try beyond a knee: chance must not raise the limit again and again
LEAST_JUDGED = 8  # answers; the rate of fewer is chance
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0


class Ticket(NamedTuple):
    """One request that was sent: its number in the order of sending, and how many were in flight then, itself included."""

    number: int
    in_flight: int


class Limiter:
    """The limit of one (server, model). Every ticket goes back once: succeeded, rejected or failed. Times in seconds."""

    def __init__(self, most: int, random: Random, first: int = FIRST_LIMIT) -> None:
        self.most = most
        self.first = min(first, most)  # how many to begin with: of a server that is known
        self.limit = self.first
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
        self._gain_from, self._n_flat = 0.0, 0
        self._look_again_s = PROBE_S
        self._begin_doubling(now_s)
        self._begin_round()

    def _begin_doubling(self, now_s: float) -> None:
        self._measured_s, self._doubling_from = now_s, self.limit
        self._n_measured = 0

    def _begin_round(self) -> None:
        self._round_number = self._number
        self._was_full_before, self._was_full = self._was_full, False

    def free(self, now_s: float) -> int:
        """How many may be sent now."""
        return 0 if now_s < self.paused_until_s else max(0, self.limit - self.in_flight)

    def sent(self, now_s: float) -> Ticket:
        assert self.free(now_s) > 0, "a request was sent above the limit"
        if self._number == 0:
            self._raised_s = now_s
            self._begin_doubling(now_s)
            self._begin_round()
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
        self._n_measured += 1
        if not (self._was_full or self._was_full_before):  # the limit held nothing back: the rate is not the server's
            self._begin_doubling(now_s)
        elif self.is_starting:
            self._double(now_s)
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
        self.limit, self.ceiling = min(FIRST_LIMIT, self.first), None
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
        self._begin_doubling(now_s)
        self._begin_round()

    def _set(self, limit: int, now_s: float) -> None:
        self.limit = max(1, min(self.most, limit))
        self._raised_s = now_s

    def _end_round(self, now_s: float) -> None:
        if self._was_full and not self.is_starting:
            self._raise(now_s)
        self._begin_round()

    def _double(self, now_s: float) -> None:
        """One more; as many successes as the limit was have doubled it, and brought a rate."""
        self._set(self.limit + 1, now_s)
        if self._n_measured < max(self._doubling_from, LEAST_JUDGED):
            return
        rate = self._rate(now_s)
        is_flat = rate < self._gain_from
        self._n_flat = self._n_flat + 1 if is_flat else 0
        self._gain_from = max(self._gain_from, KNEE * rate)
        self._look_again_s = self._look_again_s if is_flat else PROBE_S
        self.is_starting = self._n_flat < 2 and self.limit < self.most
        if self._n_flat == 2:
            self._set(self._doubling_from, now_s)
        self._begin_doubling(now_s)

    def _rate(self, now_s: float) -> float:
        return self._n_measured / max(now_s - self._measured_s, 1e-6)

    def _look_beyond_knee(self, now_s: float) -> None:
        if self.limit < self.most and now_s - self._measured_s >= self._look_again_s and self._n_measured >= 2 * self.limit:
            self.is_starting = True
            self._gain_from, self._n_flat = CLEAR * self._rate(now_s), 1
            self._look_again_s *= 2
            self._begin_doubling(now_s)

    def _raise(self, now_s: float) -> None:
        """At the end of a round trip that used the whole limit and was not rejected."""
        if self.ceiling is None:
            self._look_beyond_knee(now_s)
        elif self.limit < self.ceiling - 1:
            self._set(self.limit + max(1, (self.ceiling - 1 - self.limit) // 2), now_s)
        elif now_s - self._raised_s >= PROBE_S:
            self.ceiling = max(self.ceiling, self.limit + 1)
            self._set(self.limit + 1, now_s)

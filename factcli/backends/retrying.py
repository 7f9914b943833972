"""What a try that brought no answer means: ask again, slow down and ask again, or never. The whole policy is here.

again   408, 409, 5xx, time-out, cut connection, a 200 that holds no answer (HTML, error body, torn JSON, nothing):
        up to `tries` in all, after a wait drawn evenly from 0 to a doubling bound ("full jitter")
slower  429: the limiter slows down; it uses up no try, but the waits of one request end at `patience_s`
never   all else: 400, 401, 403, 404, 422, and a 429 that says the account is empty
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Literal

Verdict = Literal["again", "slower", "never"]
AGAIN = (408, 409)
EMPTY_ACCOUNT = ("insufficient_quota", "billing_hard_limit_reached")  # OpenAI says 429 for these too; waiting does not help


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is tried. Times in seconds."""

    tries: int = 6  # with the waits below: a server that restarts within about half a minute is survived
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    patience_s: float = 900.0  # of one request waiting for 429s to end; a minute's quota comes back within one
    timeout_s: float = 120.0  # of one try, from sending to the last byte

    def wait_s(self, n_failed: int, random: Random) -> float:
        """Before the next try after `n_failed` of them."""
        return random.uniform(0, min(self.longest_wait_s, self.first_wait_s * 2 ** (n_failed - 1)))


class CallError(Exception):
    """One try brought no answer. `cause` is a word or two to count by; `told` what the server said, fit to be shown."""

    def __init__(self, cause: str, verdict: Verdict, told: str = "", retry_after_s: float | None = None, may_be_billed: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.verdict = verdict
        self.told = told
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed  # the server may have worked: nobody can know

    @property
    def reason(self) -> str:
        return f"{self.cause}: {self.told}" if self.told else self.cause


def verdict_of(status: int, code: str = "") -> Verdict:
    if status == 429:
        return "never" if code in EMPTY_ACCOUNT else "slower"
    return "again" if status in AGAIN or status >= 500 else "never"


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as an HTTP date; None where there is none to be read."""
    if not value:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass  # a date, or nonsense
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())

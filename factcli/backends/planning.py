"""What a run would cost, before anything is sent: requests, tokens, money and time. Estimates say that they are.

A dry run goes through the steps of the real one: what is bought already is read, what is not is imagined.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.backends.bill import Price
from factcli.backends.cache import Cache, Stored
from factcli.backends.choices import settled
from factcli.backends.completions import Prompt
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.panel import money
from factcli.backends.reading import Said
from factcli.backends.requests import Request, Requests, Response
from factcli.backends.responding import response_of

LETTERS_PER_TOKEN = 4  # of English text and byte-pair tokens; other languages have fewer letters per token


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would be bought. Answers are taken to be as long as their example; `most` is for the longest that may come."""

    n_rows: int
    n_cached: int  # rows whose answer is there
    n_requests: int  # distinct ones that are not
    tokens_in: int
    tokens_out: int
    most_tokens_out: int  # were every answer as long as max_tokens allows
    cost: float | None  # None without a price
    most_cost: float | None
    seconds: float | None  # None without a rate
    requests_per_s: float | None

    def as_json(self) -> dict[str, Any]:
        """For `--dry-run`."""
        alike = self.n_rows - self.n_cached - self.n_requests
        out = f"{self.tokens_out} out, at most {self.most_tokens_out}"
        return {
            "requests": f"{self.n_requests} ({self.n_cached} more are in the cache, {alike} ask the same as another)",
            "tokens": f"about {self.tokens_in} in, {out} (an estimate: {LETTERS_PER_TOKEN} letters per token, answers as long as the examples)",
            "money": "no price given (--price IN,OUT)" if self.cost is None else f"about {money(self.cost)}, at most {money(self.most_cost or 0)}",
            "time": "not known before the first run" if self.seconds is None else f"about {self.seconds:.0f} s at {self.requests_per_s:.1f} requests/s",
        }


def count_letters(prompt: Prompt) -> int:
    """Tokens by the rule of thumb."""
    letters = len(prompt) if isinstance(prompt, str) else sum(len(turn.content) for turn in prompt)
    return -(-letters // LETTERS_PER_TOKEN)


class Imagined:
    """Answers with what the cache holds, else with the request's example, and counts what would have been bought.

    Memory: 32 bytes per distinct request.
    """

    def __init__(
        self, endpoint: Endpoint, directory: Path, price: Price, requests_per_s: float | None = None, count_tokens: Callable[[Prompt], int] = count_letters
    ) -> None:
        self.endpoint = endpoint
        self._directory = directory
        self._price = price
        self._requests_per_s = requests_per_s
        self._count_tokens = count_tokens
        self._seen: set[bytes] = set()
        self._n_rows = self._n_cached = self._tokens_in = self._tokens_out = self._most_tokens_out = 0

    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, in their order; nothing is sent."""
        with contextlib.closing(Cache(self._directory)) as cache:
            for request in requests:
                if isinstance(request, Request):
                    key = request_key(request, self.endpoint)
                    stored = cache.get(key)
                    self._n_rows += 1
                    self._n_cached += stored is not None
                    yield response_of(request, key, stored or self._imagine(request, key), 0.0, stored is not None)

    def estimate(self) -> Estimate:
        """Of all requests so far."""
        with contextlib.closing(Cache(self._directory)) as cache:
            rate = self._requests_per_s or cache.rate(self.endpoint.name)
        is_priced = self._price != Price()
        cost, most_cost = (self._price.of(self._tokens_in, out) if is_priced else None for out in (self._tokens_out, self._most_tokens_out))
        tokens = self._tokens_in, self._tokens_out, self._most_tokens_out
        return Estimate(self._n_rows, self._n_cached, len(self._seen), *tokens, cost, most_cost, len(self._seen) / rate if rate else None, rate)

    def _imagine(self, request: Request, key: str) -> Stored:
        tokens_in, tokens_out = self._count_tokens(request.prompt), min(self._count_tokens(request.example), request.sampling.max_tokens)
        if bytes.fromhex(key) not in self._seen:
            self._seen.add(bytes.fromhex(key))
            self._tokens_in += tokens_in
            self._tokens_out += tokens_out
            self._most_tokens_out += request.sampling.max_tokens
        return Stored(settled(Said(request.example, "ok"), request), tokens_in, tokens_out)

"""What a run would cost, before anything is sent: requests, tokens, money and time. Estimates say that they are."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.backends.bill import Price
from factcli.backends.cache import Cache
from factcli.backends.completions import Prompt
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.requests import Request

LETTERS_PER_TOKEN = 4  # of English text and byte-pair tokens; other languages have fewer letters per token


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would be bought. Money and time are for the most tokens that can come out."""

    n_rows: int
    n_cached: int  # rows whose answer is there
    n_requests: int  # distinct ones that are not
    tokens_in: int  # estimated
    most_tokens_out: int  # were every answer as long as max_tokens allows
    cost: float | None  # None without a price
    seconds: float | None  # None without a rate
    requests_per_s: float | None

    def as_json(self) -> dict[str, Any]:
        """For `--dry-run`."""
        return {
            "rows": self.n_rows,
            "requests": f"{self.n_requests} ({self.n_cached} rows are in the cache, {self.n_rows - self.n_cached - self.n_requests} ask the same as another)",
            "tokens": f"about {self.tokens_in} in, at most {self.most_tokens_out} out (an estimate: {LETTERS_PER_TOKEN} letters per token)",
            "money": "no price given (--price IN,OUT)" if self.cost is None else f"at most about {self.cost:.2f}",
            "time": "not known before the first run" if self.seconds is None else f"about {self.seconds:.0f} s at {self.requests_per_s:.1f} requests/s",
        }


def count_letters(prompt: Prompt) -> int:
    """Tokens by the rule of thumb."""
    letters = len(prompt) if isinstance(prompt, str) else sum(len(turn.content) for turn in prompt)
    return -(-letters // LETTERS_PER_TOKEN)


def estimate(
    requests: Iterable[Request],
    endpoint: Endpoint,
    directory: Path,
    price: Price,
    requests_per_s: float | None = None,
    count_tokens: Callable[[Prompt], int] = count_letters,
) -> Estimate:
    """What `generate` would buy of these requests. Memory: 32 bytes per distinct request."""
    seen: set[bytes] = set()
    n_rows = n_cached = tokens_in = tokens_out = 0
    with contextlib.closing(Cache(directory)) as cache:
        for request in requests:
            n_rows += 1
            key = request_key(request, endpoint)
            if cache.get(key) is not None:
                n_cached += 1
            elif bytes.fromhex(key) not in seen:
                seen.add(bytes.fromhex(key))
                tokens_in += count_tokens(request.prompt)
                tokens_out += request.sampling.max_tokens
        rate = requests_per_s or cache.rate(endpoint.name)
    cost = price.of(tokens_in, tokens_out) if price != Price() else None
    return Estimate(n_rows, n_cached, len(seen), tokens_in, tokens_out, cost, len(seen) / rate if rate else None, rate)

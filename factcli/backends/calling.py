"""One try: a request to one server through the official `openai` client, and the answer or the reason why there is none.

The client's own retries are off, for they would hide 429s from the limiter, and its response types are not used: the body
is read as bytes, checked here, and cleared of the key before anybody else sees it.
"""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factcli.backends.apikey import ApiKey
from factcli.backends.dialect import Dialect, payload
from factcli.backends.reading import Said, cut_at, read_body, shown
from factcli.backends.requests import Request
from factcli.backends.retrying import CallError, retry_after_s, verdict_of

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

POOLED = 32  # connections of a client: its pool looks at each of them, some by a system call, when a request begins and when it ends
LOCKED = (401, 403)  # the server's own words are not repeated: they hold part of the key


@dataclass(slots=True)
class _Line:
    """A client with at most POOLED requests in flight."""

    client: "AsyncOpenAI"
    n_in_flight: int = 0


class Caller:
    """One model on one server. `dialects` holds, by URL, what servers' refusals have taught; this one's are added."""

    def __init__(self, url: str, model: str, key: ApiKey, timeout_s: float, dialects: MutableMapping[str, Dialect]) -> None:
        self.model = model
        self._url = url
        self._key = key
        self._timeout_s = timeout_s
        self._lines: list[_Line] = []
        self._dialects = dialects

    async def call(self, request: Request, ask: int) -> Said:
        """The answer. `ask` counts how often an invalid answer was asked for again. Raises CallError."""
        from openai import APIStatusError

        before = dialect = self._dialects.get(self._url, Dialect())
        while True:
            try:
                body = await self._posted(request, payload(request, self.model, ask, dialect))
                break
            except APIStatusError as error:
                corrected = dialect.corrected(request, error.status_code, str(error.body))
                if corrected is None:
                    raise self._refused(error) from None
                dialect = corrected
        self._dialects[self._url] = self._dialects.get(self._url, Dialect()).learned(before, dialect)
        said = read_body(body.decode("utf-8", "replace"), request.prompt if isinstance(request.prompt, str) else None, self._key.redact)
        return cut_at(said, request.sampling.stop)

    async def _posted(self, request: Request, fields: dict[str, Any]) -> bytes:
        """The body of a 200. Raises APIStatusError for another status, CallError where there is none."""
        from openai import APIConnectionError, APITimeoutError

        line = self._free_line()
        path = "/completions" if isinstance(request.prompt, str) else "/chat/completions"
        line.n_in_flight += 1
        try:
            async with asyncio.timeout(self._timeout_s):  # of the whole try: the client's own ends only silence
                return await line.client.post(path, cast_to=bytes, body=fields)
        except (TimeoutError, APITimeoutError) as error:
            raise CallError("time-out", "again", may_be_billed=_was_sent(error)) from None
        except APIConnectionError as error:
            raise CallError("cut connection", "again", type(error.__cause__).__name__, may_be_billed=_was_sent(error)) from None
        finally:
            line.n_in_flight -= 1

    async def close(self) -> None:
        for line in self._lines:
            await line.client.close()
        self._lines.clear()

    def _free_line(self) -> _Line:
        """The first with room, so that few are used; one more where there is none."""
        line = next((line for line in self._lines if line.n_in_flight < POOLED), None)
        if line is None:
            line = _Line(self._connect())
            self._lines.append(line)
        return line

    def _connect(self) -> "AsyncOpenAI":
        """All connections are kept: one that is given up would be opened anew for the next request."""
        from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAsyncHttpxClient

        limits = type(DEFAULT_CONNECTION_LIMITS)(max_connections=POOLED, max_keepalive_connections=POOLED)
        http = DefaultAsyncHttpxClient(limits=limits, timeout=self._timeout_s)
        return AsyncOpenAI(base_url=self._url, api_key=self._key.sent(), max_retries=0, timeout=self._timeout_s, http_client=http)

    def _refused(self, error: "APIStatusError") -> CallError:
        status = error.status_code
        told = "" if status in LOCKED else shown(self._key.redact(str(_message(error))))
        wait_s = retry_after_s(error.response.headers.get("retry-after"))
        return CallError(str(status), verdict_of(status, error.code or ""), told, wait_s, may_be_billed=status >= 500)


def _was_sent(error: BaseException) -> bool:
    """Whether the server may have had the request: not where no connection was made."""
    return type(error.__cause__).__name__ not in ("ConnectError", "ConnectTimeout", "PoolTimeout")


def _message(error: "APIStatusError") -> object:
    body = error.body
    return body.get("message", body) if isinstance(body, dict) else body if body is not None else error.message

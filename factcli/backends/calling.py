"""One try: a request to one server through the official `openai` client, and the answer or the reason why there is none.

The client's own retries are off, for they would hide 429s from the limiter, and its response types are not used: the body
is read as bytes, checked here, and cleared of the key before anybody else sees it.
"""

import asyncio
import os
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from factcli.backends.apikey import ApiKey
from factcli.backends.dialect import Dialect, payload
from factcli.backends.reading import Said, cut_at, read_body, shown
from factcli.backends.requests import Request
from factcli.backends.retrying import CallError, retry_after_s, verdict_of

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

LOCKED = (401, 403)  # the server's own words are not repeated: they hold part of the key


class Caller:
    """One model on one server. `dialects` holds, by URL, what servers' refusals have taught; this one's are added."""

    def __init__(self, url: str, model: str, key: ApiKey, timeout_s: float, dialects: MutableMapping[str, Dialect]) -> None:
        self.model = model
        self._url = url
        self._key = key
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None  # opened within the event loop that it belongs to
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
        from openai import APIConnectionError

        self._client = self._client or self._connect()
        path = "/completions" if isinstance(request.prompt, str) else "/chat/completions"
        try:
            async with asyncio.timeout(self._timeout_s):  # of the whole try: the client's own ends only silence
                return await self._client.post(path, cast_to=bytes, body=fields)
        except (TimeoutError, APIConnectionError) as error:
            raise _unanswered(error) from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _connect(self) -> "AsyncOpenAI":
        """Over aiohttp, which takes a fifth less time for a request than httpx. All connections are kept, and as many as the limiter wants."""
        from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAioHttpClient

        limits = type(DEFAULT_CONNECTION_LIMITS)(max_connections=0)  # 0: no limit, to aiohttp
        http = DefaultAioHttpClient(limits=limits, timeout=self._timeout_s)
        return AsyncOpenAI(base_url=self._url, api_key=self._key.sent(), max_retries=0, timeout=self._timeout_s, http_client=http)

    def _refused(self, error: "APIStatusError") -> CallError:
        status = error.status_code
        told = "" if status in LOCKED else shown(self._key.redact(str(_message(error))))
        wait_s = retry_after_s(error.response.headers.get("retry-after"))
        return CallError(str(status), verdict_of(status, error.code or ""), told, wait_s, may_be_billed=status >= 500)


def _unanswered(error: BaseException) -> CallError:
    """Why no answer came, by all that led to it: openai and its transport call a refused connection a time-out."""
    from aiohttp import ClientConnectorError, ConnectionTimeoutError, ServerTimeoutError

    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    was_sent = not any(isinstance(one, ClientConnectorError | ConnectionTimeoutError) for one in chain)  # else no connection was made
    if isinstance(error, TimeoutError) or any(isinstance(one, ServerTimeoutError) for one in chain):
        return CallError("time-out", "again", may_be_billed=was_sent)
    first = next((one for one in chain if type(one).__module__.startswith("aiohttp")), chain[-1])
    return CallError("cut connection", "again", type(first).__name__ + _system_words(first), may_be_billed=was_sent)


def _system_words(error: BaseException) -> str:
    """What the system says of a connection that was not made: `: Connection refused`; "" where it says nothing."""
    code = getattr(error, "errno", None)
    return f": {os.strerror(code)}" if isinstance(code, int) and code > 0 else ""


def _message(error: "APIStatusError") -> object:
    body = error.body
    return body.get("message", body) if isinstance(body, dict) else body if body is not None else error.message

"""A real HTTP server on loopback that speaks enough of the OpenAI protocol, with faults at will; also a program of its own.

Its answers are a function of the request, so that a run that was interrupted can be compared with one that was not.
"""

import argparse
import asyncio
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from factcli.backends.probing import TASK

Behaviour = Callable[[int, dict[str, Any]], str]  # (number of the request, body) -> name of a fault, "" for an answer
JSON = "application/json"


def always_right(_n: int, _body: dict[str, Any]) -> str:
    return ""


def answer_of(body: dict[str, Any]) -> str:
    """What this model says: words drawn from the request, seed included."""
    penalty = [body["repetition_penalty"]] if "repetition_penalty" in body else []
    asked = json.dumps([body.get("messages"), body.get("prompt"), body.get("seed"), *penalty], sort_keys=True)
    return f"said {hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def probe_answer(body: dict[str, Any]) -> dict[str, Any]:
    """All that a probe may look for in a chat: draws by seed, a form where one is asked for, log-probabilities."""
    text = '{"city": "Lima", "founded": 1535}' if "response_format" in body else answer_of(body)
    if "messages" not in body:
        return first_word(body, {text: -0.4, " other": -1.3})
    others = [{"token": c, "logprob": -1.0 - n} for n, c in enumerate("abc")] if body.get("top_logprobs") else []
    content = [{"token": c, "logprob": -0.1 - ord(c) / 200, "top_logprobs": others} for c in text[:5]]
    return {"message": {"role": "assistant", "content": text}, **({"logprobs": {"content": content}} if body.get("logprobs") else {})}


def first_word(body: dict[str, Any], alternatives: dict[str, float]) -> dict[str, Any]:
    """The parts of a choice that say a word, the likeliest, and what it might have been: as the endpoint that was asked spells them."""
    word = max(alternatives, key=alternatives.__getitem__)
    if "messages" not in body:
        tops = {"tokens": [word], "token_logprobs": [alternatives[word]], "top_logprobs": [alternatives], "text_offset": [len(body["prompt"])]}
        return {"text": word, **({"logprobs": tops} if body.get("logprobs") else {})}
    others = [{"token": text, "logprob": logprob} for text, logprob in alternatives.items()][: body.get("top_logprobs", 0)]
    content = [{"token": word, "logprob": alternatives[word], "top_logprobs": others}]
    return {"message": {"role": "assistant", "content": word}, **({"logprobs": {"content": content}} if body.get("logprobs") else {})}


@dataclass
class Server:
    """What it does, and what it was asked. `faults` that are not names of methods below are taken as status codes."""

    behave: Behaviour = always_right
    latency_s: float = 0.0
    admits: int = 10**9  # at once; more are answered 429 at once
    holds: bool = False  # while it is set no answer leaves
    free: int = 0  # but those to so many of the first requests
    retry_after: str = ""  # sent with a 429
    refuses: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None  # an error body, sent with 400, for what it does not take
    said: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # replaces parts of the choice
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)  # answers by canonical body
    n: int = 0
    n_429: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    keeps: bool = True  # what it was asked
    counts_prompt: bool = True
    url: str = ""
    is_probed: bool = False  # then the requests of a probe count like others; else they are answered well, and forgotten

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:"))
        body = json.loads(await reader.readexactly(length))
        if TASK in json.dumps(body) and not self.is_probed:
            _write(writer, 200, json.dumps(self.completion(body, probe_answer)).encode(), JSON)
            return True
        self.n += 1
        if self.keeps:
            self.bodies.append(body)
            self.headers.append(head)
        fault = self.behave(self.n, body)
        if self.in_flight >= self.admits or fault == "429":
            self.n_429 += 1
            _write(writer, 429, b'{"error": {"message": "slow down"}}', JSON, self.retry_after)
            return True
        number = self.n
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency_s)
            while self.holds and number > self.free:
                await asyncio.sleep(0.005)
        finally:
            self.in_flight -= 1
        return await self._answer(fault, head, body, writer)

    async def _answer(self, fault: str, head: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        whole = json.dumps(self.completion(body)).encode()
        refusal = self.refuses(body) if self.refuses else None
        if refusal:
            _write(writer, 400, json.dumps({"error": refusal}).encode(), JSON)
        elif fault == "":
            self.answered[json.dumps(body, sort_keys=True)] += 1
            _write(writer, 200, whole, JSON)
        elif fault == "hang":
            await asyncio.sleep(3600)
        elif fault == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n" + whole[:20])
            await writer.drain()
            return False
        elif fault == "echo key":
            line = next(line for line in head.splitlines() if line.lower().startswith("authorization"))
            _write(writer, 401, json.dumps({"error": {"message": f"bad key: {line}", "code": "invalid_api_key"}}).encode(), JSON)
        else:
            bodies = {"html": b"<html>busy</html>", "error body": b'{"error": {"message": "overloaded"}}', "torn": whole[: len(whole) // 2], "empty": b""}
            status = 200 if fault in bodies else int(fault)
            _write(writer, status, bodies.get(fault, b'{"error": {"message": "no"}}'), "text/html" if fault == "html" else JSON, self.retry_after)
        return True

    def completion(self, body: dict[str, Any], said: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> dict[str, Any]:
        said = said or self.said
        text = answer_of(body)
        content = {"message": {"role": "assistant", "content": text}} if "messages" in body else {"text": text}
        choice = {"index": 0, "finish_reason": "stop", **content} | (said(body) if said else {})
        usage = {"prompt_tokens": 10 if self.counts_prompt else 0, "completion_tokens": 5}
        return {"id": "c", "object": "completion", "model": body["model"], "choices": [choice], "usage": usage}


def _write(writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, retry_after: str = "") -> None:
    extra = f"retry-after: {retry_after}\r\n" if retry_after and status != 200 else ""
    writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{extra}content-length: {len(body)}\r\n\r\n".encode() + body)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server in a thread; `server.url` is its base URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024), loop).result()
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def main() -> None:
    """A program that prints its URL and serves until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--admits", type=int, default=64)
    chosen = parser.parse_args()
    server = Server(latency_s=chosen.latency, admits=chosen.admits, keeps=False)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", flush=True)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

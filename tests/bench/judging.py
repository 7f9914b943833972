"""`fact score factscore` on 100 made biographies of 20 claims, against a loopback judge with 200 ms latency that admits 64 at once.

    python -m tests.bench judging [--answers 100]

Four runs of the command, each a process with a cache of its own: as it is, with the server's 64 told, one request at a time (on the
first answers, for its rate is a rate), and with all claims of an answer in one request. The judge is a process too; its verdict is
a function of the claim, so that runs can be compared verdict by verdict. Seconds are those in which requests are made and answered, a short probe
of the server included, the import of its client not; the process besides loads what it needs, finds passages, scores and commits.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.backends.server import Server, first_word

LATENCY_S, ADMITS = 0.2, 64
CLAIMS_EACH = 20
N_ONE_BY_ONE = 5  # answers: 100 claims, of which 21 s tell the rate
TARGETS = {"times faster": 57.0, "calls a response": 3.0}
CLAIM = re.compile(r"(?:^|\n)(?:(\d+)\. )?Person \d+ keeps (\d+) bees")


def page(n: int) -> dict[str, Any]:
    """An article of several passages that says nothing like a claim."""
    sentences = [f"Person {n} walked through town {(7 * n + 3 * m) % 90} in the year {1900 + m} and met baker {m * n % 50} there." for m in range(60)]
    return {"title": f"Person {n}", "text": " ".join(sentences)}


def biography(n: int) -> dict[str, Any]:
    claims = [f"Person {n} keeps {100 * n + m} bees." for m in range(CLAIMS_EACH)]
    return {"topic": f"Person {n}", "id": f"a{n}", "prompt": f"Tell me about Person {n}.", "output": " ".join(claims), "claims": claims}


def is_true(number: int) -> bool:
    """The judge's verdict: about two of three."""
    return number % 3 != 0


def judged(body: dict[str, Any]) -> dict[str, Any]:
    """What the judge says to a request about one claim (the likelihoods of True and False) or about several (JSON)."""
    asked = CLAIM.findall(body["messages"][-1]["content"])
    if body.get("logprobs"):
        is_supported = is_true(int(asked[-1][1]))
        return first_word(body, {"True": -0.1 if is_supported else -3.0, "False": -3.0 if is_supported else -0.1})
    verdicts = [{"number": int(number), "verdict": "supported" if is_true(int(bees)) else "unsupported"} for number, bees in asked if number]
    return {"message": {"role": "assistant", "content": json.dumps({"verdicts": verdicts})}}


@dataclass(frozen=True)
class Run:
    """What one run of the command took, said and used."""

    seconds: float  # from the first request to the last answer, probe included
    process_s: float  # of the whole process, imports included
    verdicts: dict[str, str]  # by claim
    requests: int


def table(n_answers: int = 100) -> str:
    """Both rates, their ratio, the calls of batched verification and how far it agrees, beside the targets."""
    with tempfile.TemporaryDirectory() as name, _serving() as url:
        folder = Path(name)
        _write(folder / "pages.jsonl", [page(n) for n in range(n_answers)])
        _write(folder / "answers.jsonl", [biography(n) for n in range(n_answers)])
        _fact(folder, "pack", "build", "--from", "pages.jsonl", "--name", "pages")
        many = _scored(folder, url, "many")
        known = _scored(folder, url, "known", *(f"--set=judge.generation.{name}_in_flight={ADMITS}" for name in ("first", "most")))
        one = _scored(folder, url, "one", "--limit", str(N_ONE_BY_ONE), "--set", "judge.generation.most_in_flight=1")
        batched = _scored(folder, url, "batched", "--at-once", "answer")
    return _told(many, known, one, batched, n_answers)


def _told(many: Run, known: Run, one: Run, batched: Run, n_answers: int) -> str:
    n_claims, n_one = len(many.verdicts), len(one.verdicts)
    faster, faster_known = ((one.seconds / n_one * n_claims) / run.seconds for run in (many, known))
    same = sum(many.verdicts[claim] == verdict for claim, verdict in one.verdicts.items())
    agreed = sum(batched.verdicts.get(claim) == verdict for claim, verdict in many.verdicts.items())
    rows = [
        f"| {name} | {len(run.verdicts):,} | {run.requests:,} | {run.seconds:.2f} | {len(run.verdicts) / run.seconds:.1f} | {run.process_s:.2f} |"
        for name, run in (
            ("as it is, the 64 to be found", many),
            ("64 from the start", known),
            ("one request at a time", one),
            ("all claims of an answer in one", batched),
        )
    ]
    return "\n".join(
        [
            f"{n_answers} biographies, {n_claims:,} claims, {LATENCY_S} s, {ADMITS} at once (ideal {ADMITS / LATENCY_S:.0f} claims/s)",
            "| run | claims | requests | s of requests | claims/s | s of the process |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"times faster than one request at a time (its rate on {n_one} claims): {faster:.1f}, and {faster_known:.1f} "
            f"where the server's 64 are known (first_in_flight, most_in_flight; target at least {TARGETS['times faster']:.0f})",
            f"identical verdicts: {same} of {n_one}",
            f"batched: {batched.requests / n_answers:.2f} judge calls a response (target at most {TARGETS['calls a response']:.0f}); "
            f"agreement with single calls {agreed / n_claims:.4f} (the loopback judge says the same either way: this checks the numbering)",
        ]
    )


def _scored(folder: Path, url: str, name: str, *more: str) -> Run:
    """One run with a cache of its own."""
    begun = time.perf_counter()
    arguments = ["score", "factscore", "--answers", "answers.jsonl", "--claims", "given", "--pack", "pages", "--judge", f"http:m@{url}", "--name", name, *more]
    out = _fact(folder, *arguments, "--json", cache=folder / f"cache-{name}")
    process_s = time.perf_counter() - begun
    told = json.loads(out)
    version = folder / told["path"]
    rows = map(json.loads, (version / "verdicts.jsonl").read_text(encoding="utf-8").splitlines())
    return Run(told["usage"]["seconds"], process_s, {row["claim_id"]: row["verdict"] for row in rows}, told["usage"]["requests"])


def _fact(folder: Path, *arguments: str, cache: Path | None = None) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "FACT_CACHE_DIR": str(cache or folder / "cache"), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", "import openai; from factcli.cli import main; main()", *arguments]  # the client's import is timed on no side
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


@contextmanager
def _serving() -> Iterator[str]:
    """The judge as a process of its own; its URL."""
    with subprocess.Popen([sys.executable, "-m", "tests.bench.judging"], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


async def main() -> None:
    """The judge."""
    server = Server(latency_s=LATENCY_S, admits=ADMITS, said=judged, keeps=False)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", flush=True)
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

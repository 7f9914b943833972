"""A draft filled by chains: each unit's rows are written as it ends, finished units are skipped, failed ones explained."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Draft
from factcli.artifact.manifest import sha256_of
from factcli.backends.bill import Usage
from factcli.backends.cache import Cache
from factcli.backends.cachefile import cache_directory, open_cache
from factcli.backends.chains import Chain, UnansweredError, run_chains
from factcli.backends.http import HttpBackend
from factcli.backends.keys import Endpoint
from factcli.backends.opening import Answering, Backend
from factcli.backends.panel import Panel
from factcli.backends.planning import Estimate
from factcli.backends.probing import ALWAYS, Need, probe, require
from factcli.backends.reading import shown
from factcli.backends.requests import Requests, Response
from factcli.backends.spent import note_spent, read_spent
from factcli.errors import TooManyFailuresError
from factcli.progress import Report
from factcli.rows import Origin, Reject

Rows = Mapping[str, Sequence[Any]]  # by table
TABLES: dict[str, type] = {"origins": Origin, "rejected": Reject}  # that every stage with a backend has
SPENT = "spent"  # in the draft's scratch folder: money that its runs took of the budget, killed ones too
PROBED = "probed-{}.json"  # in the draft's scratch folder, for each who answers: what the server was found to lack
OTHERS = "; what was bought is kept, but another cache would draw other answers"
FAILED = "failed.jsonl"  # in the draft's scratch folder: what failed in the last try


@dataclass(frozen=True, slots=True)
class Unit:
    """What is written at once, and skipped once it is there: a subject, a question. `order` is its place in the tables."""

    name: str
    order: int
    chain: Callable[[], Chain[Rows]]


Failed = list[tuple[Unit, UnansweredError]]


def fill(
    draft: Draft,
    answering: Answering,
    units: Iterable[Unit],
    total: int,
    report: Report,
    title: str,
    needs: Collection[Need] = (),
    first: Backend | None = None,
    n_first: int = 0,
    is_greedy: bool = False,
) -> Backend:
    """Run what the draft lacks of `units`; gives the backend, for its usage.

    A server is probed first: BackendError where it lacks what the run `needs`; that it ignores seeds or refuses
    temperature 0 is said and recorded. Where all that is asked `is_greedy`, nothing is drawn, and seeds are not looked at.

    Where a draft is filled twice, because later units follow from earlier ones, the second call is given the `first`'s
    backend (its budget and usage go on) and the number of units that are not its own; where somebody else is to answer,
    only that number: what the draft has spent is kept beside it, so that all calls have one budget.

    Units without a usable answer become rows of `rejected`. Raises TooManyFailuresError where they are more than
    `max_failed` of `total`: then they are left out of the draft, and the same command tries them again.
    """
    panel = Panel(report, total)
    spent = draft.scratch() / SPENT
    backend = answering.open(panel.watch, read_spent(spent)) if first is None else _watched(first, panel)
    if isinstance(backend, HttpBackend):
        open_cache(backend.cache_directory).close()  # one that cannot be used is told before the probe is paid for
        note_spent(backend.budget, spent)
    if isinstance(backend, HttpBackend) and first is None and len(draft) - n_first < total:
        always = [need for need in ALWAYS if need != "seeds" or not is_greedy]
        _probe(draft, backend, {*needs, *always}, needs, answering.config.chat, report)
    failed = _run(draft, backend, units, lambda n_failed: len(draft) - n_first + n_failed, panel, title)
    _settle(draft, failed, total, answering.config.max_failed)
    return backend


def _run(draft: Draft, backend: Backend, units: Iterable[Unit], n_done: Callable[[int], int], panel: Panel, title: str) -> Failed:
    """Write each unit of which there is no row yet as it ends; gives those that failed."""
    failed: list[tuple[Unit, UnansweredError]] = []

    def generate(requests: Requests) -> Iterator[Response]:
        return panel.told(title, backend.generate(requests), backend.usage, lambda: n_done(len(failed)))

    for unit, result in run_chains(generate, ((unit, unit.chain()) for unit in units if not draft.done(unit.name))):
        if isinstance(result, UnansweredError):
            failed.append((unit, result))
        else:
            draft.write(unit.name, unit.order, result)
    return failed


def _probe(draft: Draft, backend: HttpBackend, asked: Collection[Need], needs: Collection[Need], is_chat: bool, report: Report) -> None:
    findings = probe(backend, asked, is_chat)
    require(findings, needs)
    lacking = {need: finding for need, finding in findings.items() if finding}
    for need, finding in lacking.items():
        report.say(f"note: {finding}" + (OTHERS if need == "seeds" else ""))
    _probed(draft, backend.endpoint).write_text(json.dumps(lacking), encoding="utf-8")


def _probed(draft: Draft, endpoint: Endpoint) -> Path:
    return draft.scratch() / PROBED.format(sha256_of(endpoint.name)[:8])


def _watched(backend: Backend, panel: Panel) -> Backend:
    return replace(backend, watch=panel.watch) if isinstance(backend, HttpBackend) else backend


def imagine(answering: Answering, units: Iterable[Unit]) -> Estimate:
    """What `fill` would buy, by going through the same steps with imagined answers."""
    imagined = answering.imagined()
    for _ in run_chains(imagined.generate, ((unit.name, unit.chain()) for unit in units)):
        pass
    return imagined.estimate()


def counts_of(draft: Draft) -> dict[str, Any]:
    """Rejects by reason, and units that failed: the same whether or not the run was interrupted."""
    reasons: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    for row in draft.rows("rejected"):
        if row["is_failure"]:
            failures[row["reason"]] += 1
        else:
            reasons[f"{row['step']}: {row['reason']}"] += 1
    return {"rejected": dict(sorted(reasons.items())), "failed": dict(sorted(failures.items()))}


def usage_of(draft: Draft, answering: Answering, backend: Backend | None, keys: Collection[str] | None = None) -> dict[str, Any]:
    """What this run used, and beside it all the answers that the artifact stands on, whenever they were bought.

    `backend` is None where this run had nothing to ask.
    `keys`: of those answers, where several have filled the draft and each has a bill of its own.
    """
    chosen = _distinct(row["request"] for table in TABLES for row in draft.rows(table)) if keys is None else keys
    probed = _probed(draft, answering.endpoint)
    lacks = json.loads(probed.read_text(encoding="utf-8")) if probed.exists() else {}
    used = backend.usage if backend else Usage()
    return {**used.as_json(), "all_answers": _bill(chosen, answering)} | ({"server_lacks": lacks} if lacks else {})


def _distinct(keys: Iterable[str]) -> Iterator[str]:
    """Each that is not empty, once; in a temporary database, so that memory does not grow with their number."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")
        database.executemany("INSERT OR IGNORE INTO keys VALUES (?)", ((key,) for key in keys if key))
        yield from (key for (key,) in database.execute("SELECT key FROM keys"))


def _bill(keys: Iterable[str], answering: Answering) -> dict[str, Any]:
    n_known = n_unknown = tokens_in = tokens_out = 0
    with closing(Cache(cache_directory())) as cache:
        for key in keys:
            stored = cache.get(key)
            n_known += stored is not None
            n_unknown += stored is None
            tokens_in += stored.tokens_in if stored else 0
            tokens_out += stored.tokens_out if stored else 0
    cost = round(answering.price.of(tokens_in, tokens_out), 6)
    return {"requests": n_known, "tokens_in": tokens_in, "tokens_out": tokens_out, "cost": cost, "not_in_cache": n_unknown}


def _settle(draft: Draft, failed: Sequence[tuple[Unit, UnansweredError]], total: int, max_failed: float) -> None:
    rows = [(unit, _failure(unit, error)) for unit, error in sorted(failed, key=lambda one: (one[0].order, one[0].name))]
    if len(failed) <= max_failed * total:
        for unit, row in rows:
            draft.write(unit.name, unit.order, {"rejected": [row]})
        return
    path = draft.scratch() / FAILED
    path.write_text("".join(f"{json.dumps(asdict(row), ensure_ascii=False)}\n" for _, row in rows), encoding="utf-8")
    raise too_many(Counter(row.reason for _, row in rows), total, max_failed, path, shown(rows[0][1].text))


def _failure(unit: Unit, error: UnansweredError) -> Reject:
    response = error.response
    step = response.id.partition(" ")[0]
    kind = response.cause.partition(":")[0]  # without the server's own words, which differ from row to row
    return Reject(unit.name, step, f"{response.outcome}: {kind}", response.text or response.cause, response.key, is_failure=True)


def too_many(reasons: Mapping[str, int], total: int, max_failed: float, path: Path, first: str) -> TooManyFailuresError:
    worst = ", ".join(f"{n} x {reason}" for reason, n in Counter(reasons).most_common(3))
    n_failed = sum(reasons.values())
    return TooManyFailuresError(
        f"{n_failed} of {total} ended without a usable answer, more than the {max_failed:.0%} allowed: {worst}" + (f"; the first: {first}" if first else ""),
        f"all are in {path}; the same command asks again where no answer came and keeps the rest "
        "(--retry-failed also buys anew what came truncated, refused or invalid); "
        f"or allow more: --set generation.max_failed={min(1.0, n_failed / total + 0.01):.2f}",
    )

"""A run against a server of which 30% of the responses are faults of all kinds, and what came of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from factcli.backends.bill import Usage
from factcli.backends.requests import Response
from factcli.backends.retrying import Patience
from tests.backends.server import Behaviour, Server, running

# Fault -> the cause under which a try that met it is counted.
FAULTS: Mapping[str, str] = {
    "429": "429",
    "500": "500",
    "hang": "time-out",
    "cut": "cut connection",
    "html": "HTML",
    "error body": "error body",
    "torn": "no JSON",
    "empty": "empty body",
}
SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Faulty:
    """What the server sent by fault ("" for an answer), what the rows ended with, and how the backend counted its tries."""

    sent: Counter[str]
    found: dict[str, Response]
    usage: Usage

    def retries_expected(self) -> dict[str, int]:
        return {FAULTS[fault]: n for fault, n in self.sent.items() if fault}


def faulty(random: Random, sent: Counter[str]) -> Behaviour:
    """A fault for 30% of the requests, drawn in the order in which they come."""

    def behave(_n: int, _body: dict[str, Any]) -> str:
        fault = random.choice(list(FAULTS)) if random.random() < SHARE else ""
        sent[fault] += 1
        return fault

    return behave


def run_with_faults(folder: Path, n: int, tries: int, timeout_s: float) -> Faulty:
    """n different requests through the http backend."""
    from tests.backends.test_http import asked, backend, by_id

    sent: Counter[str] = Counter()
    with running(Server(faulty(Random(1), sent), keeps=False)) as server:
        patience = Patience(tries=tries, first_wait_s=0.001, longest_wait_s=0.01, timeout_s=timeout_s)
        used = backend(server, folder, patience=patience)
        found = by_id(used.generate(asked(n)))
    return Faulty(sent, found, used.usage)

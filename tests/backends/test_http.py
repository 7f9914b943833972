"""The http backend against a real server on loopback: every request ends right or with its cause, and none is paid for twice."""

import errno
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random

import pytest
from pydantic import BaseModel

from factcli.backends.apikey import ApiKey
from factcli.backends.bill import Budget, Price, Usage
from factcli.backends.buying import Terms
from factcli.backends.completions import Turn
from factcli.backends.dialect import payload
from factcli.backends.http import WINDOW, HttpBackend
from factcli.backends.requests import Request, Response, Sampling, Token
from factcli.backends.retrying import Patience
from factcli.backends.spec import HttpSpec
from factcli.errors import BackendError, BudgetError
from tests.backends.faults import FAULTS, run_with_faults
from tests.backends.server import Server, answer_of, running

QUICK = Patience(tries=6, first_wait_s=0.001, longest_wait_s=0.01, patience_s=60, timeout_s=30)
PRICE = Price(1_000_000, 2_000_000)  # 1 for a token read, 2 for one written: the server counts 10 and 5, so 20 a request


class Form(BaseModel):
    name: str
    year: int


def asked(n: int, of: int = 10**9, schema: type[BaseModel] | None = None) -> Iterator[Request]:
    """n requests, `of` of them different."""
    return (Request(f"r{i}", (Turn("user", f"Who is number {i % of}?"),), Sampling(16), schema=schema) for i in range(n))


def backend(server: Server | str, cache: Path, limit: float | None = None, key: str = "", **terms: object) -> HttpBackend:
    url = server if isinstance(server, str) else server.url
    urls = tuple(url.split(","))
    budget = Budget(PRICE, limit, Usage())
    return HttpBackend(HttpSpec("m", urls, tuple(sorted(urls))), ApiKey(key), cache, budget, Terms(**{"patience": QUICK} | terms), random=Random(0))


def by_id(responses: Iterator[Response]) -> dict[str, Response]:
    found = list(responses)
    assert len({response.id for response in found}) == len(found)
    return {response.id: response for response in found}


def expected(request: Request) -> str:
    return answer_of(json.loads(json.dumps(payload(request, "m"))))


def test_every_request_is_answered_once_and_a_second_run_buys_nothing(tmp_path: Path):
    with running(Server()) as server:
        first = backend(server, tmp_path)
        found = by_id(first.generate(asked(60, of=40)))
        assert {request.id: expected(request) for request in asked(60, of=40)} == {id_: response.text for id_, response in found.items()}
        assert server.n == 40 == first.usage.requests
        assert (first.usage.cached, first.usage.cost) == (20, 40 * 20)
        again = backend(server, tmp_path)
        replayed = by_id(again.generate(asked(60, of=40)))
        assert server.n == 40
    assert (again.usage.requests, again.usage.cached, again.usage.cost) == (0, 60, 0)
    assert all(response.is_cached and response.cost == 20 and response.text == found[id_].text for id_, response in replayed.items())


def test_a_text_goes_to_the_completion_endpoint_and_settings_reach_the_server(tmp_path: Path):
    with running(Server()) as server:
        request = Request("r", "Mira was", Sampling(7, 0.5, 0.9, 11, ("\n",)))
        by_id(backend(server, tmp_path).generate([request]))
        assert server.headers[0].startswith("POST /v1/completions ")
    expected_body = {"model": "m", "prompt": "Mira was", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 11, "stop": ["\n"]}
    assert server.bodies == [expected_body]


@pytest.mark.slow
def test_with_thirty_percent_of_all_kinds_of_faults_every_row_ends_right_and_the_counts_add_up(tmp_path: Path):
    run = run_with_faults(tmp_path, 150, tries=9, timeout_s=3)
    assert Counter(response.outcome for response in run.found.values()) == {"ok": 150}
    assert all(run.found[request.id].text == expected(request) for request in asked(150))
    assert run.sent[""] == 150 == run.usage.requests
    assert run.usage.retries == run.retries_expected()
    assert all(run.sent[fault] for fault in FAULTS)


@pytest.mark.heavy  # five minutes on two busy cores, most of them in the 3 s of hanging tries
def test_with_2000_requests_and_few_tries_every_row_ends_right_or_with_its_cause(tmp_path: Path):
    """Of 3 tries each but for 429s, 0.3 * 7/8 = 26% fail: 1.8% of the rows have none left, 36 of 2,000; and 429s cost no try."""
    run = run_with_faults(tmp_path, 2000, tries=3, timeout_s=3)
    outcomes = Counter(response.outcome for response in run.found.values())
    assert outcomes["ok"] + outcomes["failed"] == len(run.found) == 2000
    assert 15 <= outcomes["failed"] <= 65
    assert run.sent[""] == outcomes["ok"] == run.usage.requests
    assert run.usage.retries == run.retries_expected()
    assert run.usage.outcomes == outcomes
    for request in asked(2000):
        response = run.found[request.id]
        assert response.text == (expected(request) if response.outcome == "ok" else "")
        assert (response.outcome == "ok") or response.cause.partition(":")[0] in set(FAULTS.values()) - {"429"}
    n_tries = sum(run.usage.retries.values()) - run.usage.retries["429"]
    assert 3 * outcomes["failed"] <= n_tries


@pytest.mark.parametrize("fault", ["500", "hang", "cut", "html", "error body", "torn", "empty", "408", "409"])
def test_what_fails_at_every_try_is_a_failure_with_its_cause(tmp_path: Path, fault: str):
    with running(Server(lambda _n, _body: fault)) as server:
        used = backend(server, tmp_path, patience=Patience(tries=3, first_wait_s=0.001, timeout_s=0.5 if fault == "hang" else 30))
        found = by_id(used.generate(asked(1)))["r0"]
        assert (found.outcome, server.n, sum(used.usage.retries.values())) == ("failed", 3, 3)
        assert found.cause.startswith(next(iter(used.usage.retries)))
    with running(Server()) as server:  # a failure was not paid for: it is asked for again
        assert by_id(backend(server, tmp_path).generate(asked(1)))["r0"].outcome == "ok"


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "422"])
def test_what_cannot_get_better_is_asked_once(tmp_path: Path, status: str):
    with running(Server(lambda _n, _body: status)) as server:
        found = by_id(backend(server, tmp_path).generate(asked(1)))["r0"]
        assert (found.outcome, found.cause[:3], server.n) == ("failed", status, 1)


@pytest.mark.parametrize("as_date", [False, True])
def test_nothing_is_sent_before_retry_after(tmp_path: Path, as_date: bool):
    times: list[datetime] = []

    def behave(_n: int, _body: dict) -> str:
        times.append(datetime.now(UTC))
        return "429" if len(times) == 1 else ""

    server = Server(behave)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    server.retry_after = format_datetime(until, usegmt=True) if as_date else "1"
    with running(server):
        used = backend(server, tmp_path)
        assert by_id(used.generate(asked(1)))["r0"].outcome == "ok"
    assert used.usage.retries == {"429": 1}
    assert times[1] >= (until if as_date else times[0] + timedelta(seconds=1))


def test_429s_use_up_no_tries_but_patience_ends(tmp_path: Path):
    with running(Server(lambda n, _body: "429" if n <= 5 else "", retry_after="0")) as server:
        assert by_id(backend(server, tmp_path / "a", patience=Patience(tries=2)).generate(asked(1)))["r0"].outcome == "ok"
    with running(Server(lambda _n, _body: "429", retry_after="0.01")) as server:
        found = by_id(backend(server, tmp_path / "b", patience=Patience(patience_s=0.2)).generate(asked(1)))["r0"]
    assert (found.outcome, found.cause) == ("failed", "429: slow down")


def test_a_server_that_wants_hours_ends_the_run_at_once(tmp_path: Path):
    with running(Server(lambda _n, _body: "429", retry_after="86400")) as server, pytest.raises(BackendError, match="takes nothing for 86400 s"):
        list(backend(server, tmp_path).generate(asked(20)))
    assert server.n <= 4


def test_a_503_with_retry_after_is_obeyed_too(tmp_path: Path):
    with running(Server(lambda n, _body: "503" if n == 1 else "", retry_after="0.5")) as server:
        started_s = time.monotonic()
        assert by_id(backend(server, tmp_path).generate(asked(1)))["r0"].outcome == "ok"
    assert (time.monotonic() - started_s >= 0.5, server.n) == (True, 2)


def test_truncated_and_refused_answers_are_kept_as_such_and_bought_again_only_when_asked(tmp_path: Path):
    reasons = {"0": "length", "1": "content_filter"}
    server = Server(said=lambda body: {"finish_reason": reasons.get(body["messages"][0]["content"][-2], "stop")})
    with running(server):
        outcomes = {id_: r.outcome for id_, r in by_id(backend(server, tmp_path).generate(asked(3))).items()}
        assert outcomes == {"r0": "truncated", "r1": "refused", "r2": "ok"}
        server.said = None
        assert {id_: r.outcome for id_, r in by_id(backend(server, tmp_path).generate(asked(3))).items()} == outcomes
        assert server.n == 3
        again = by_id(backend(server, tmp_path, retry_failed=True).generate(asked(6, of=3)))
        assert {response.outcome for response in again.values()} == {"ok"}
        assert server.n == 5


def test_a_truncated_answer_is_never_parsed(tmp_path: Path):
    said = {"message": {"content": '{"name": "Mira", "year": 1962}'}, "finish_reason": "length"}
    with running(Server(said=lambda _body: said)) as server:
        found = by_id(backend(server, tmp_path).generate(asked(1, schema=Form)))["r0"]
    assert (found.outcome, found.parsed, server.n) == ("truncated", None, 1)


def test_log_probabilities_of_answer_and_prompt_come_with_their_tokens(tmp_path: Path):
    echo = {"text": "Mira was born", "logprobs": {"tokens": ["Mira", " was", " born"], "token_logprobs": [None, -1.5, -0.25], "text_offset": [0, 4, 8]}}
    chat = {"message": {"content": " born"}, "logprobs": {"content": [{"token": " born", "logprob": -0.25, "top_logprobs": []}]}}
    vllm = {"prompt_logprobs": [None, {"5": {"logprob": -1.5, "rank": 2, "decoded_token": " was"}}]}
    with running(Server(said=lambda body: echo if "prompt" in body else chat | vllm)) as server:
        requests = [Request(name, prompt, Sampling(1), 0, True, True) for name, prompt in (("text", "Mira was"), ("chat", (Turn("user", "Mira was"),)))]
        found = by_id(backend(server, tmp_path).generate(requests))
        assert (server.bodies[0].get("echo"), server.bodies[1].get("prompt_logprobs")) in ((True, 0), (None, None))
    assert found["text"].text == " born"
    assert found["text"].tokens == found["chat"].tokens == (Token(" born", -0.25),)
    assert [token.logprob for token in found["text"].prompt_tokens] == [token.logprob for token in found["chat"].prompt_tokens] == [None, -1.5]


def test_a_budget_stops_before_the_request_that_could_exceed_it_and_a_higher_one_goes_on(tmp_path: Path):
    """A request costs 20 and could cost its bytes and 16 tokens more: 17 letters and 2 * 16 more in, 16 * 2 out = 81 at worst."""
    with running(Server()) as server:
        poor = backend(server, tmp_path, limit=250)
        rows: list[Response] = []
        with pytest.raises(BudgetError, match="the budget of 250") as caught:
            rows.extend(poor.generate(asked(40)))
        assert poor.usage.cost == 20 * len(rows) == 20 * server.n
        assert 250 - 81 < poor.usage.cost <= 250
        assert caught.value.exit_code == 130
        rich = backend(server, tmp_path, limit=1000)
        assert len(by_id(rich.generate(asked(40)))) == 40
        assert server.n == 40


def test_tries_that_may_have_been_billed_count_against_the_budget(tmp_path: Path):
    with running(Server(lambda n, _body: "hang" if n == 1 else "")) as server:
        used = backend(server, tmp_path, limit=1000, patience=Patience(timeout_s=2, first_wait_s=0.001))
        by_id(used.generate(asked(1)))
    assert (used.usage.cost, used.usage.cost_unconfirmed) == (20, 80)


def test_a_dead_replica_is_set_aside_and_its_work_is_done_by_the_others(tmp_path: Path):
    with running(Server()) as server, running(Server()) as gone:
        dead = gone.url
    with running(Server()) as server:
        used = backend(f"{dead},{server.url}", tmp_path)
        assert {response.outcome for response in by_id(used.generate(asked(80))).values()} == {"ok"}
    assert 0 < used.usage.retries["cut connection"] < 20


def test_several_servers_share_the_work(tmp_path: Path):
    with running(Server(latency_s=0.01)) as one, running(Server(latency_s=0.01)) as two:
        by_id(backend(f"{one.url},{two.url}", tmp_path).generate(asked(80)))
    assert one.n + two.n == 80
    assert min(one.n, two.n) >= 20


def test_a_server_that_answers_nobody_ends_the_run_with_the_way_out(tmp_path: Path):
    with running(Server(lambda _n, _body: "401")) as server, pytest.raises(BackendError, match="answered none of the last 30 requests: 401") as caught:
        list(backend(server, tmp_path).generate(asked(500)))
    assert "key" in caught.value.hint
    assert server.n < 100


def test_an_error_of_the_rows_ends_the_run_and_leaves_the_cache_whole(tmp_path: Path):
    def rows() -> Iterator[Request]:
        yield from asked(10)
        raise ValueError("row 10 is broken")

    with running(Server()) as server:
        with pytest.raises(ValueError, match="row 10"):
            list(backend(server, tmp_path).generate(rows()))
        assert len(by_id(backend(server, tmp_path).generate(asked(10)))) == 10
        assert server.n <= 10


def test_a_caller_that_stops_early_stops_the_sending(tmp_path: Path):
    with running(Server(latency_s=0.02)) as server:
        responses = backend(server, tmp_path).generate(asked(5000))
        next(responses)
        responses.close()
        assert server.n < 600


def test_a_server_that_is_away_costs_nothing(tmp_path: Path):
    """Nothing was sent, so nothing can be billed: it is the server that is named, not the budget."""
    with running(Server()) as server:
        url = server.url
    used = backend(url, tmp_path, limit=500)
    found = by_id(used.generate(asked(5)))
    assert {response.cause for response in found.values()} == {f"cut connection: ClientConnectorError: {os.strerror(errno.ECONNREFUSED)}"}
    assert used.usage.cost_unconfirmed == 0


def test_the_first_requests_leave_before_the_window_is_full(tmp_path: Path):
    """Rows may take long to be made up: a quarter of the window is sent while the rest is yet to come."""
    with running(Server()) as server:
        seen: list[int] = []

        def slowly() -> Iterator[Request]:
            for request in asked(64):
                seen.append(server.n)
                yield request

        assert len(list(replace(backend(server, tmp_path), most_in_flight=8).generate(slowly()))) == 64
    window = WINDOW * 8
    assert window == 32
    assert seen[window // 4] > 0

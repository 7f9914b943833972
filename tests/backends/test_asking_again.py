"""Answers of the wrong form: each is asked for again with the next seed, is stored before that, and is bought once."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from factcli.backends.completions import Turn
from factcli.backends.requests import Request, Sampling
from factcli.backends.retrying import Patience
from tests.backends.server import Server, always_right, running
from tests.backends.test_exactly_once import started
from tests.backends.test_http import Form, asked, backend, by_id

SEEDED = Request("r", (Turn("user", "Who?"),), Sampling(9, 1.0, seed=7), schema=Form)
SEEDS = [SEEDED.seed_of_try(ask) for ask in range(4)]
RIGHT = '{"name": "Mira", "year": 1962}'


def saying(*texts: str) -> Callable[[dict], dict]:
    """A model that draws by seed: its text for the first seed, the second, and so on."""
    return lambda body: {"message": {"content": texts[SEEDS.index(body["seed"])]}}


def test_json_of_the_wrong_form_is_asked_for_again_and_then_invalid(tmp_path: Path):
    texts = iter(['{"name": "Mira"}', "no JSON", '{"name": "Mira", "year": 1962}', *["[]"] * 9])
    with running(Server(said=lambda _body: {"message": {"content": next(texts)}})) as server:
        right = by_id(backend(server, tmp_path, json_asks=3).generate(asked(1, schema=Form)))["r0"]
        assert (right.outcome, right.parsed, right.cost) == ("ok", Form(name="Mira", year=1962), 60)
        assert server.bodies[0]["response_format"]["json_schema"]["schema"]["required"] == ["name", "year"]
        wrong = by_id(backend(server, tmp_path, json_asks=2).generate([Request("w", (Turn("user", "x"),), Sampling(9), schema=Form)]))["w"]
        assert (wrong.outcome, wrong.parsed, wrong.cost) == ("invalid", None, 40)
        assert wrong.cause.startswith("not of the form asked for")
        replayed = by_id(backend(server, tmp_path).generate(asked(1, schema=Form)))["r0"]
        assert (replayed.parsed, replayed.is_cached) == (right.parsed, True)


def test_after_a_kill_between_two_asks_the_first_is_not_bought_again(tmp_path: Path):
    """The first answer is invalid, the second is on its way at the kill, and so may be bought twice; it is asked for with the second seed."""
    server = Server(said=saying("no JSON", RIGHT))

    def hold_the_second(_n: int, body: dict) -> str:
        server.holds = body["seed"] == SEEDS[1]
        return ""

    server.behave = hold_the_second
    with running(server):
        child = started(buy, server.url, tmp_path)
        while not server.holds:
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        server.behave, server.holds = always_right, False
        while server.in_flight:
            time.sleep(0.002)
        used = backend(server, tmp_path)
        found = by_id(used.generate([SEEDED]))["r"]
        assert (found.outcome, found.cost, used.usage.cost) == ("ok", 40, 20)
    assert [body["seed"] for body in server.bodies] == [SEEDS[0], SEEDS[1], SEEDS[1]]


def buy(url: str, cache: Path) -> None:
    list(backend(url, cache).generate([SEEDED]))


def test_an_invalid_answer_stands_where_the_next_ask_fails_and_another_run_asks_on(tmp_path: Path):
    server = Server(lambda _n, body: "500" if body["seed"] == SEEDS[1] else "", said=saying("no JSON", "", RIGHT))
    with running(server):
        first = backend(server, tmp_path, patience=Patience(tries=3, first_wait_s=0.001))
        found = by_id(first.generate([SEEDED]))["r"]
        assert (found.outcome, found.cost, server.n) == ("invalid", 20, 4)
        server.behave, server.said = always_right, saying("", "no JSON", RIGHT)
        second = by_id(backend(server, tmp_path).generate([SEEDED]))["r"]
        assert (second.outcome, second.cost) == ("ok", 60)
    assert [body["seed"] for body in server.bodies] == [SEEDS[0], *[SEEDS[1]] * 4, SEEDS[2]]


def test_a_run_that_asks_less_often_takes_what_was_bought(tmp_path: Path):
    server = Server(lambda _n, body: "500" if body["seed"] == SEEDS[2] else "", said=saying("no JSON", "[]", ""))
    with running(server):
        by_id(backend(server, tmp_path, patience=Patience(tries=1)).generate([SEEDED]))
        n = server.n
        found = by_id(backend(server, tmp_path, json_asks=2).generate([SEEDED]))["r"]
        assert (found.outcome, found.cost, found.is_cached, server.n) == ("invalid", 40, True, n)
        assert by_id(backend(server, tmp_path).generate([SEEDED]))["r"].is_cached  # it is settled now
        assert server.n == n

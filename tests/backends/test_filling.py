"""A draft filled by chains: resumed without asking again, failures kept and counted, the bill of all answers."""

import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.backends.asking import Asker, digests
from factcli.backends.bill import Budget, Price, Usage
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import TABLES, Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering, answering
from factcli.backends.probing import N_SEEDS
from factcli.backends.settings import GenerationConfig
from factcli.backends.spent import note_spent, read_spent
from factcli.config import Config
from factcli.errors import BackendError, BudgetError, SettingsError, TooManyFailuresError
from factcli.progress import PlainReport
from factcli.prompts import parse
from tests.backends.server import Server, answer_of, running

CITY = parse("toy/city", "# source: written for this test\n# fields: name\n== user ==\nWhere was {name} born?\n== example ==\n{name} was born in Lima.\n")
RIVER = parse("toy/river", "# source: written for this test\n# fields: city\n== user ==\nWhich river has {city}?\n== example ==\nThe Rimac.\n")
N_PROBED = 2 * N_SEEDS + 1  # requests of a probe: twice each seed, and one greedy
TEMPLATES = {"toy/city": CITY, "toy/river": RIVER}


@dataclass(frozen=True, slots=True)
class Toy:
    id: str
    city: str
    river: str


class ToyConfig(Config):
    generation: GenerationConfig = GenerationConfig()


def toy(asker: Asker, name: str) -> Chain[Rows]:
    """Two steps: the second asks with the first's answer."""
    city = answered((yield [asker.ask("toy/city", name, {"name": name}, 16)])[0])
    river = answered((yield [asker.ask("toy/river", name, {"city": city.text}, 16)])[0])
    return {
        "toys": [Toy(name, city.text, river.text)],
        "origins": [asker.origin(name, "toys", "toy/city", city), asker.origin(name, "toys", "toy/river", river)],
    }


def units(who: Answering, names: Sequence[str]) -> list[Unit]:
    asker = Asker(TEMPLATES, who.endpoint.model, seed=0)
    return [Unit(name, order, lambda name=name: toy(asker, name)) for order, name in enumerate(names)]  # type: ignore[misc]


def run(config: GenerationConfig, names: Sequence[str], root: Path) -> Artifact:
    who = answering(config)
    plan = Plan("synth toys", 1, "synth", "toys", ToyConfig(generation=config), {}, {"toys": Toy, **TABLES}, digests(TEMPLATES), who.identity)

    def work(draft: Draft) -> Outcome:
        backend = fill(draft, who, units(who, names), len(names), PlainReport(), "Asking")
        return Outcome("toys", counts=counts_of(draft), usage=usage_of(draft, who, backend))

    return make(plan, work, root)[0]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))


NAMES = [f"n{i}" for i in range(20)]


def test_each_unit_asks_in_steps_and_the_bill_is_of_all_answers(tmp_path: Path) -> None:
    with running(Server()) as server:
        config = GenerationConfig(backend=f"http:m@{server.url}", price="1000000,2000000")
        made = run(config, NAMES, tmp_path / "data")
        assert server.n == 40
    rows = list(made.rows("toys", Toy))
    assert [row.id for row in rows] == NAMES
    asked = {"messages": [{"role": "user", "content": f"Which river has {rows[3].city}?"}]}
    assert rows[3].river == answer_of(asked)
    assert made.manifest.usage["cost"] == (40 + N_PROBED) * 20  # 10 tokens read and 5 written each, the probe's included
    assert made.manifest.usage["all_answers"] == {"requests": 40, "tokens_in": 400, "tokens_out": 200, "cost": 800.0, "not_in_cache": 0}
    assert made.manifest.prompts == {"toy/city": CITY.sha256, "toy/river": RIVER.sha256}


def test_too_many_failures_commit_nothing_and_the_next_run_asks_only_for_them(tmp_path: Path) -> None:
    """Five of twenty cannot be answered: more than the 2% allowed. Later they can."""
    is_ill = True

    def behave(_n: int, body: dict) -> str:
        return "400" if is_ill and any(f"Where was {name} born" in json.dumps(body) for name in NAMES[:5]) else ""

    with running(Server(behave=behave)) as server:
        config = GenerationConfig(backend=f"http:m@{server.url}")
        with pytest.raises(TooManyFailuresError, match="5 of 20 ended without a usable answer, more than the 2% allowed: 5 x failed: 400") as caught:
            run(config, NAMES, tmp_path / "data")
        assert caught.value.exit_code == 6
        failed = [json.loads(line) for path in (tmp_path / "data").rglob("failed.jsonl") for line in path.read_text().splitlines()]
        assert [(row["id"], row["step"], row["is_failure"]) for row in failed] == [(name, "toy/city", True) for name in NAMES[:5]]
        is_ill, n_before = False, server.n
        made = run(config, NAMES, tmp_path / "data")
        assert server.n - n_before == 10
    assert [row.id for row in made.rows("toys", Toy)] == NAMES
    assert made.manifest.counts == {"rejected": {}, "failed": {}}


def test_failures_that_are_allowed_are_rows_with_their_cause(tmp_path: Path) -> None:
    def behave(_n: int, body: dict) -> str:
        return "422" if "n7 " in json.dumps(body) else ""

    with running(Server(behave=behave)) as server:
        made = run(GenerationConfig(backend=f"http:m@{server.url}", max_failed=0.05), NAMES, tmp_path / "data")
    assert len(list(made.rows("toys", Toy))) == 19
    assert made.manifest.counts["failed"] == {"failed: 422": 1}


def test_a_dry_run_goes_through_both_steps_and_sends_nothing(tmp_path: Path) -> None:
    with running(Server()) as server:
        who = answering(GenerationConfig(backend=f"http:m@{server.url}", price="1000000,1000000"))
        estimate = imagine(who, units(who, NAMES[:3]))
        assert server.n == 0
    assert (estimate.n_rows, estimate.n_requests) == (6, 6)  # each city is another, so each river is asked of another
    assert estimate.tokens_out == 3 * (5 + 3)  # 20 and 10 letters at 4 a token


def test_a_draft_that_is_filled_twice_has_one_bill_and_one_budget(tmp_path: Path) -> None:
    """Ten units of two requests at 20 each in either call: the bill is 800 and that of the probe; with 500 the second call ends."""
    with running(Server()) as server:
        config = GenerationConfig(backend=f"http:m@{server.url}", price="1000000,2000000")
        made = run_twice(config, tmp_path / "data")
        assert (server.n, made.manifest.usage["cost"], len(list(made.rows("toys", Toy)))) == (40, (40 + N_PROBED) * 20, 20)
        with pytest.raises(BudgetError):
            run_twice(config.model_copy(update={"budget": 500.0, "revision": "new"}), tmp_path / "other")
        assert server.n < 40 + 26


def run_twice(config: GenerationConfig, root: Path) -> Artifact:
    who = answering(config)
    plan = Plan("synth toys", 1, "synth", "toys", ToyConfig(generation=config), {}, {"toys": Toy, **TABLES}, digests(TEMPLATES), who.identity)

    def work(draft: Draft) -> Outcome:
        backend = fill(draft, who, units(who, NAMES)[:10], 10, PlainReport(), "Asking")
        backend = fill(draft, who, units(who, NAMES)[10:], 10, PlainReport(), "Asking on", first=backend, n_first=10)
        return Outcome("toys", usage=usage_of(draft, who, backend))

    return make(plan, work, root)[0]


def test_a_server_that_ignores_seeds_is_named_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest says so; what the run cannot do without ends it instead."""
    with running(Server(is_probed=True, said=lambda _body: {"message": {"role": "assistant", "content": "always the same"}})) as server:
        made = run(GenerationConfig(backend=f"http:m@{server.url}"), NAMES[:2], tmp_path / "data")
        assert "ignores seeds or draws nothing" in made.manifest.usage["server_lacks"]["seeds"]
        assert "note: m at " in capsys.readouterr().err
        who = answering(GenerationConfig(backend=f"http:m@{server.url}", revision="other"))
        plan = Plan("synth toys", 1, "synth", "toys", ToyConfig(), {}, {"toys": Toy, **TABLES}, {}, who.identity)
        with Draft(plan, tmp_path / "more") as draft, pytest.raises(BackendError, match="no log-probabilities"):
            fill(draft, who, units(who, NAMES), len(NAMES), PlainReport(), "Asking", ["logprobs"])


def test_a_budget_is_of_all_runs_of_the_work(tmp_path: Path) -> None:
    """Requests of 20 each, 40 of them and a probe of 9; a run spends 500 and stops; the next may spend what is left of it, nothing."""
    with running(Server()) as server:
        config = GenerationConfig(backend=f"http:m@{server.url}", price="1000000,2000000", budget=500.0)
        for _ in range(2):
            with pytest.raises(BudgetError, match=r"the budget of 500 does not allow"):
                run(config, NAMES, tmp_path / "data")
        n_bought = server.n
        assert n_bought <= 25
        run(config.model_copy(update={"budget": 2000.0}), NAMES, tmp_path / "data")
        assert server.n == 40


def test_what_a_killed_run_spent_is_taken_of_the_next_ones_budget(tmp_path: Path) -> None:
    """At 20 a request, 500 are 25 of them, the probe's 9 among them. The first run is killed in its 8 next or later; two are in flight."""
    with running(Server(latency_s=0.05)) as server:
        process = multiprocessing.get_context("fork").Process(target=run, args=(poor(server, 500.0), NAMES, tmp_path / "data"))
        process.start()
        until = time.monotonic() + 30
        while server.n < 8 and process.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        process.kill()
        process.join()
        n_killed = server.n
        assert 8 <= n_killed < 16
        (spent,) = (read_spent(path) for path in (tmp_path / "data").rglob("spent"))
        assert spent / 20 in range(N_PROBED + n_killed - 2, N_PROBED + n_killed + 1)
        with pytest.raises(BudgetError, match=r"the budget of 500 does not allow .* of it in earlier runs"):
            run(poor(server, 500.0), NAMES, tmp_path / "data")
        n_bought = N_PROBED + server.n
        assert n_bought + N_PROBED <= 25 + 2  # the second run's probe too; two of the killed run's may have been on their way


def poor(server: Server, budget: float) -> GenerationConfig:
    return GenerationConfig(backend=f"http:m@{server.url}", price="1000000,2000000", budget=budget, most_in_flight=2)


def test_an_amount_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_spent(tmp_path / "spent") == 0
    budget = Budget(Price(1_000_000), None, Usage())
    note_spent(budget, tmp_path / "spent")
    assert not (tmp_path / "spent").exists()
    for amount in (123456.789, 0.1):
        budget.usage.cost = 0.0
        budget.settle(budget.reserve(1, 1) or 0.0, 0, 0)
        budget.usage.cost = amount
        budget.give_up(budget.reserve(0, 0) or 0.0, may_be_billed=True)
        assert read_spent(tmp_path / "spent") == amount
    (tmp_path / "spent").write_bytes(b"\0" * 32)
    assert read_spent(tmp_path / "spent") == 0


def test_a_budget_needs_a_price() -> None:
    with pytest.raises(SettingsError, match="a budget of 2 stops nothing without a price"):
        answering(GenerationConfig(backend="http:m@http://127.0.0.1:9/v1", budget=2))


def test_a_password_of_a_server_that_is_not_asked_is_refused_too() -> None:
    with pytest.raises(SettingsError, match="holds a user, password or query") as caught:
        GenerationConfig(backend="http:m@a", servers={"a": ("http://a/v1",), "b": ("http://user:sekret@b/v1",)})
    assert "sekret" not in caught.value.message + caught.value.hint


def test_reasons_of_failures_are_few_whatever_words_the_server_has(tmp_path: Path) -> None:
    refusing = Server(refuses=lambda body: {"message": f"no: {json.dumps(body['messages'])[-12:]}"})
    with running(refusing) as server, pytest.raises(TooManyFailuresError, match="20 x failed: 400; the first: 400: no: ") as caught:
        run(GenerationConfig(backend=f"http:m@{server.url}"), NAMES, tmp_path / "data")
    assert "1 x" not in caught.value.message

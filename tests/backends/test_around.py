"""What surrounds generation: scripts, prices, plans, the panel, settings, `fact cache`."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from factcli.backends.bill import Budget, Price, Usage, read_price
from factcli.backends.completions import Turn
from factcli.backends.opening import answering, terms_of
from factcli.backends.panel import Panel
from factcli.backends.planning import Imagined
from factcli.backends.requests import Request, Response, Sampling
from factcli.backends.scripted import load_script
from factcli.backends.settings import GenerationConfig
from factcli.config import ROLES, Config, identity_of, resolve, role_of
from factcli.errors import BudgetError, InputError, SettingsError
from factcli.progress import LiveReport, PlainReport
from tests.backends.server import Server, running
from tests.backends.test_http import asked, backend, by_id
from tests.chain import Folder


class Place(BaseModel):
    city: str


# ---------------------------------------------------------------- scripts


def scripted(path: Path, *rules: dict) -> Path:
    path.write_text("".join(json.dumps(rule) + "\n" for rule in rules))
    return path


def test_the_first_rule_that_matches_answers(tmp_path: Path):
    rules = (
        {"match": r"Where was (\w+) born", "answer": r"\1: Hobart"},
        {"match": "colour", "answers": ["red", "blue"]},
        {"match": "long", "answer": "I", "outcome": "truncated"},
    )
    script = load_script(scripted(tmp_path / "s.jsonl", *rules))
    chat = (Turn("system", "colour"), Turn("user", "Where was Mira born?"))
    requests = [Request("a", chat, Sampling(9)), *(Request(f"c{i}", "colour?", Sampling(9), sample=i) for i in range(3))]
    requests += [Request("l", "long", Sampling(1)), Request("none", "else", Sampling(1))]
    found = by_id(script.generate(requests))
    assert {id_: (r.text, r.outcome) for id_, r in found.items()} == {
        "a": ("Mira: Hobart", "ok"),
        "c0": ("red", "ok"),
        "c1": ("blue", "ok"),
        "c2": ("red", "ok"),
        "l": ("I", "truncated"),
        "none": ("", "failed"),
    }
    assert found["none"].cause == "no rule matches"


def test_a_scripted_answer_is_held_to_its_form(tmp_path: Path):
    script = load_script(scripted(tmp_path / "s.jsonl", {"match": "good", "answer": '{"city": "Lima"}'}, {"match": "", "answer": "Lima"}))
    found = by_id(script.generate([Request(word, word, Sampling(9), schema=Place) for word in ("good", "bad")]))
    assert (found["good"].parsed, found["bad"].outcome) == (Place(city="Lima"), "invalid")


@pytest.mark.parametrize(
    "line", ["no json", "{}", '{"match": "(", "answer": "x"}', '{"match": "a", "answer": 3}', '{"match": "a", "answer": "x", "extra": 1}', "[1]"]
)
def test_a_line_that_is_no_rule_is_named(tmp_path: Path, line: str):
    (tmp_path / "s.jsonl").write_text(f'{{"match": "a", "answer": "b"}}\n{line}\n')
    with pytest.raises(InputError, match=r"s.jsonl:2 is no rule"):
        load_script(tmp_path / "s.jsonl")


# ---------------------------------------------------------------- prices and plans


def test_a_price_is_two_numbers_or_a_line_of_a_file(tmp_path: Path):
    (tmp_path / "prices.yaml").write_text("m: [0.15, 0.6]\nbad: [1]\n")
    assert read_price("0.15,0.6", "any") == read_price(str(tmp_path / "prices.yaml"), "m") == Price(0.15, 0.6)
    assert read_price("", "m").of(10**6, 10**6) == 0
    assert Price(0.15, 0.6).of(2_000_000, 500_000) == pytest.approx(0.6)
    for text, model, words in (("1", "m", "is not IN,OUT"), ("1,-2", "m", "is not IN,OUT"), (str(tmp_path / "prices.yaml"), "bad", "is not IN,OUT")):
        with pytest.raises(SettingsError, match=words):
            read_price(text, model)
    with pytest.raises(SettingsError, match="has no price of 'mm'; did you mean 'm'"):
        read_price(str(tmp_path / "prices.yaml"), "mm")


def test_a_plan_counts_what_would_be_bought(tmp_path: Path):
    """10 rows of 6 questions, 2 of them bought: 4 requests left, of 16 letters (4 tokens), examples of 9 (3 tokens) and 16 tokens out at most."""
    with running(Server()) as server:
        used = backend(server, tmp_path)
        by_id(used.generate(asked(2)))
        imagined = Imagined(used.endpoint, tmp_path, Price(1_000_000, 2_000_000), requests_per_s=2)
        said = [response.text for response in imagined.generate(replace(one, example="an answer") for one in asked(10, of=6))]
        plan = imagined.estimate()
        assert server.n == 2
    assert (plan.n_rows, plan.n_cached, plan.n_requests) == (10, 4, 4)
    assert said.count("an answer") == 6  # what is bought already is read
    assert (plan.tokens_in, plan.tokens_out, plan.most_tokens_out, plan.cost, plan.most_cost, plan.seconds) == (16, 12, 64, 40, 144, 2)
    assert plan.as_json()["requests"] == "4 (4 more are in the cache, 2 ask the same as another)"
    assert "estimate" in plan.as_json()["tokens"]
    assert Imagined(used.endpoint, tmp_path / "new", Price()).estimate().as_json()["time"] == "not known before the first run"


def test_a_budget_without_limit_stops_nothing_and_reservations_add_up_to_nothing():
    budget = Budget(Price(0.1, 0.3), None, Usage())
    worst = [budget.reserve(n, 7) for n in range(50)]
    for n, value in enumerate(worst):
        assert value is not None
        budget.give_up(value, may_be_billed=False) if n % 2 else budget.settle(value, n, 3)
    assert (budget.reserved, budget.n_reserved, budget.usage.cost_unconfirmed) == (0, 0, 0)


# ---------------------------------------------------------------- settings


def test_every_setting_has_a_role_and_only_what_changes_what_is_asked_is_identity():
    roles = {name: role_of(field) for name, field in GenerationConfig.model_fields.items()}
    assert set(roles.values()) <= set(ROLES)
    assert {name for name, role in roles.items() if role == "identity"} == {"chat", "json_asks"}


class Settings(Config):
    generation: GenerationConfig = GenerationConfig()


def test_the_group_nests_in_the_settings_of_a_stage(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("generation:\n  servers: {lab: [http://a/v1, http://b/v1]}\n  budget: 2\n")
    flags = {"generation.backend": "http:m@lab", "generation.price": "1,2"}
    settings = resolve(Settings, [tmp_path / "c.yaml"], ["generation.tries=3", "generation.key_file=k"], flags).generation
    assert (settings.servers["lab"], settings.budget, settings.tries, settings.key_file) == (("http://a/v1", "http://b/v1"), 2, 3, Path("k"))
    assert identity_of(Settings(generation=settings)) == {"generation": {"chat": True, "json_asks": 3}}


def test_a_backend_is_opened_from_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LAB_KEY", "sk-lab")
    config = GenerationConfig(backend="http:m@lab", servers={"lab": ("http://a/v1", "http://b/v1")}, key_variable="LAB_KEY", price="1,2", budget=3, tries=2)
    opened = answering(config).open()
    assert opened.endpoint.place == ("lab",)
    assert terms_of(config).patience.tries == 2
    assert "sk-lab" not in repr(opened) + config.model_dump_json()
    script = scripted(tmp_path / "s.jsonl", {"match": "", "answer": "x"})
    assert answering(GenerationConfig(backend=f"scripted:{script}")).open().endpoint.model == "scripted"
    imagined = answering(config).imagined()
    list(imagined.generate(asked(2)))
    plan = imagined.estimate()
    assert (plan.n_requests, plan.most_cost) == (2, pytest.approx((8 * 1 + 32 * 2) / 1e6))
    with pytest.raises(SettingsError, match="does not run models in its own process"):
        answering(GenerationConfig(backend="local:world"))
    with pytest.raises(SettingsError, match="is not KIND:WHAT"):
        answering(GenerationConfig())


# ---------------------------------------------------------------- the panel


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def test_the_panel_tells_rates_retries_and_money(capsys: pytest.CaptureFixture[str]):
    """100 of 400 rows, 1.50 spent: 6.00 projected; an evil cause moves no cursor."""
    usage = Usage()
    panel = Panel(PlainReport(every_s=0), 400, clock=Clock())
    usage.requests, usage.tokens_in, usage.tokens_out, usage.cost = 100, 3000, 1000, 1.5
    usage.retries.update({"429": 3, "time-out": 1})
    assert panel.numbers(100, usage) == "100.0 requests/s, 4,000 tokens/s, retries: 3 x 429, 1 x time-out, cost 1.50 of about 6.00"
    assert len(list(panel.told("writing", (Response(f"r{i}", "ok") for i in range(3)), usage))) == 3
    assert "writing: 3/400" in capsys.readouterr().err


def test_what_ends_early_is_not_said_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    """An error tells what was spent until then; a Ctrl-C has a line of its own, elsewhere."""

    def responses(error: BaseException) -> Iterator[Response]:
        yield Response("r", "ok")
        raise error

    said: dict[str, list[str]] = {}
    for error in (BudgetError("spent"), KeyboardInterrupt()):
        panel = Panel(PlainReport(every_s=1000), 10, clock=Clock())
        with pytest.raises(type(error)):
            list(panel.told("writing", responses(error), Usage()))
        said[type(error).__name__] = [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()]
    assert said == {"BudgetError": ["writing ...", "  writing: stopped"], "KeyboardInterrupt": ["writing ..."]}


def test_the_panel_projects_from_what_this_task_did():
    """900 of 1,000 were there; 50 more cost 0.50, so the last 50 will cost as much: 1.00 in all. The rate is of the 50."""
    usage, clock = Usage(), Clock()
    panel = Panel(PlainReport(every_s=1000), 1000, clock=clock)
    usage.requests = 8000  # of an earlier step
    done = 900

    def responses() -> Iterator[Response]:
        nonlocal done
        usage.requests, usage.cost, done = 8050, 0.5, 950
        yield Response("r", "ok")

    list(panel.told("writing", responses(), usage, lambda: done))
    assert panel.numbers(done, usage).endswith("cost 0.5000 of about 1.00")
    requests_per_s = float(panel.numbers(done, usage).partition(" ")[0])
    assert requests_per_s <= 50  # 50 in a second or more; with those of the earlier step it would be hundreds


def test_the_live_report_shows_hostile_text_as_text(monkeypatch: pytest.MonkeyPatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    report = LiveReport()
    report.begin("[red]ask\x1b[2J", 3)
    report.update(1, 3, "[/bold] \x1b]0;owned\x07 429")
    report.end("\x1b[31m[link=http://evil]done")
    assert "\x1b]0;" not in shown.getvalue()
    assert "\x1b[2J" not in shown.getvalue()
    assert "[link=http://evil]done" in shown.getvalue()


# ---------------------------------------------------------------- fact cache


def test_fact_cache_lists_prunes_and_merges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    with running(Server()) as server:
        by_id(backend(server, tmp_path / "cache").generate(asked(3)))
        by_id(backend(server, tmp_path / "other").generate(asked(5)))
    folder = Folder(tmp_path)
    assert "2 answers taken over" in folder.must("cache", "merge", str(tmp_path / "other/responses.sqlite3")).err
    listed = json.loads(folder.must("cache", "ls", "--json").out)
    assert (listed["models"][0]["model"], listed["models"][0]["n"]) == ("m", 5)  # three of the five were here
    assert folder.fact("cache", "prune").code == 2
    assert "5 answers deleted" in folder.must("cache", "prune", "--model", "m").err

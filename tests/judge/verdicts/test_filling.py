"""Verdicts of language models through a real server: each claim has one of each judge, whatever happens on the way."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from factcli.backends.buying import most_tokens_in
from factcli.backends.completions import Turn
from factcli.backends.requests import Request, Sampling
from factcli.backends.settings import GenerationConfig
from factcli.errors import BackendError, BudgetError, SettingsError, TooManyFailuresError
from factcli.judge.verdicts.combining import agreement, by_claim
from factcli.judge.verdicts.filling import Matter, imagine_verdicts, page_matches, require_scored
from factcli.judge.verdicts.judges import judges_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.rows import Origin, Reject
from factcli.scorerows import ClaimVerdict, EvidencePassage
from tests.backends.server import Server, running
from tests.judge.verdicts.toy import CLAIMS, EXPECTED, LEE, MATTER, MIRA, PAGES, answer, blocks, by_list, by_probability, claims_of, judged, verdicts_of


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))


def config_for(server: Server, **fields: Any) -> JudgeConfig:
    generation = GenerationConfig(**{"max_failed": 1.0} | fields.pop("generation", {}))
    return JudgeConfig(**{"judges": (f"http:m@{server.url}",), "generation": generation} | fields)


def saying(text: str) -> Any:
    return lambda _body: {"message": {"role": "assistant", "content": text}}


@pytest.mark.parametrize("is_chat", [True, False])
def test_each_claim_has_the_verdict_that_its_passages_give_it(tmp_path: Path, is_chat: bool):
    with running(Server(said=by_probability)) as server:
        made = judged(config_for(server, generation={"chat": is_chat}), tmp_path / "data")
        assert server.n == 6  # no request about the topic without a page
    rows = list(made.rows("verdicts", ClaimVerdict))
    assert verdicts_of(made) == EXPECTED
    assert [row.id for row in rows] == [f"{claim.id}.j0" for claims in CLAIMS.values() for claim in claims]
    assert [round(row.probability, 6) for row in rows if row.probability is not None] == [0.9, 0.9, 0.1, 0.1, 0.9, 0.1]
    assert (rows[-1].reason, rows[-1].evidence, rows[-1].request) == ("no page", (), "")
    assert page_matches(MATTER) == {"absent": 1, "exact": 2}


def test_the_passages_that_were_shown_are_kept_with_each_verdict(tmp_path: Path):
    with running(Server(said=by_probability)) as server:
        made = judged(config_for(server, k=2), tmp_path / "data")
    kept = {row.id: row for row in made.rows("evidence", EvidencePassage)}
    first = next(made.rows("verdicts", ClaimVerdict))
    assert [kept[id_].passage for id_ in first.evidence] == ["Mira Osei#0", "Mira Osei#1"]
    assert kept[first.evidence[0]].text == "Mira Osei was born in Hobart."
    assert sorted(kept) == ["q0.s0.e0", "q0.s0.e1", "q0.s0.e2", "q1.s0.e0", "q1.s0.e1"]  # each once, whoever saw it
    origins = {row.id: row for row in made.rows("origins", Origin)}
    assert (origins[first.id].request, origins[first.id].prompt) == (first.request, "verdicts/one")


def test_the_best_passage_stands_last_and_the_label_of_a_claim_is_never_shown(tmp_path: Path):
    with running(Server(said=by_probability)) as server:
        judged(config_for(server, k=2), tmp_path / "data", Matter((MIRA,), {MIRA.id: claims_of(MIRA, "Mira was born in Hobart")}, PAGES))
        (body,) = server.bodies
    assert blocks(body) == [
        "Title: Mira Osei\nText: Osei works as a baker.",
        "Title: Mira Osei\nText: Mira Osei was born in Hobart.",
        "Mira Osei",
        "Mira was born in Hobart",
    ]
    assert body["messages"][-1]["content"].rstrip().endswith("True or False.\nAnswer:")
    assert body["temperature"] == 0


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("True", "supported"),
        ("**Supported.**", "supported"),
        ("Not true", "unsupported"),
        ("True and false", "unscored"),
        ("", "unscored"),
        ("Wahr", "unscored"),
    ],
)
def test_a_constrained_text_is_read_strictly(tmp_path: Path, text: str, verdict: str):
    with running(Server(said=saying(text))) as server:
        made = judged(config_for(server, by="text"), tmp_path / "data")
        assert "logprobs" not in server.bodies[0]
    assert {v for claim, v in verdicts_of(made).items() if claim[:2] != "q2"} == {verdict}


def test_the_json_form_is_asked_for_and_what_is_not_of_it_is_unscored(tmp_path: Path):
    with running(Server(said=by_list)) as server:
        made = judged(config_for(server, by="json"), tmp_path / "data")
        assert server.bodies[0]["response_format"]["type"] == "json_schema"
    assert verdicts_of(made) == EXPECTED
    with running(Server(said=saying("True"))) as server:
        made = judged(config_for(server, by="json"), tmp_path / "other")
    assert Counter(row.reason for row in made.rows("verdicts", ClaimVerdict)) == {"invalid": 6, "no page": 1}


def test_without_log_probabilities_the_run_ends_before_it_begins_unless_the_text_will_do(tmp_path: Path):
    with running(Server(said=saying("True"), is_probed=True)) as server:
        with pytest.raises(BackendError, match="returns 0 top log-probabilities") as caught:
            judged(config_for(server), tmp_path / "data")
        assert "judge.by=text" in caught.value.hint
        assert set(verdicts_of(judged(config_for(server, by="text"), tmp_path / "data")).values()) == {"supported", "unscored"}


@pytest.mark.parametrize(("otherwise", "verdict"), [("text", "unsupported"), ("unscored", "unscored")])
def test_where_no_choice_is_among_the_alternatives_the_settings_say_what_counts(tmp_path: Path, otherwise: str, verdict: str):
    with running(Server(said=lambda _body: {"message": {"content": "False"}, "logprobs": {"content": []}})) as server:
        made = judged(config_for(server, otherwise=otherwise), tmp_path / "data")
    assert verdicts_of(made)["q0.s0.c0"] == verdict


# ---------------------------------------------------------------- the claims of an answer at once


def test_the_claims_of_an_answer_in_one_request_have_the_verdicts_of_single_ones(tmp_path: Path):
    with running(Server(said=by_list)) as server:
        made = judged(config_for(server, at_once="answer"), tmp_path / "data")
        assert server.n == 2
        assert len(blocks(server.bodies[0])) >= 4
    assert verdicts_of(made) == EXPECTED
    assert [row.id for row in made.rows("verdicts", ClaimVerdict)] == [f"{claim.id}.j0" for claims in CLAIMS.values() for claim in claims]


@pytest.mark.parametrize(("n_claims", "most_per_call", "n_calls"), [(1, 20, 1), (20, 20, 1), (21, 20, 2), (61, 20, 3), (7, 2, 3)])
def test_an_answer_takes_few_calls_and_never_more_than_three(tmp_path: Path, n_claims: int, most_per_call: int, n_calls: int):
    matter = Matter((MIRA,), {MIRA.id: claims_of(MIRA, *(f"Mira has number {n}" for n in range(n_claims)))}, PAGES)
    with running(Server(said=by_list)) as server:
        made = judged(config_for(server, at_once="answer", most_per_call=most_per_call), tmp_path / "data", matter)
        assert server.n == n_calls
    assert len(verdicts_of(made)) == n_claims


def leaving_out(body: dict[str, Any]) -> dict[str, Any]:
    """Of several claims the first has no verdict, the second two, and a number too many has one; alone each is answered."""
    said = by_list(body)
    values = json.loads(said["message"]["content"])
    if "verdicts" in values:
        _, second, *rest = values["verdicts"]
        other = {"number": second["number"], "verdict": {"supported": "unsupported"}.get(second["verdict"], "supported")}
        values["verdicts"] = [second, other, *rest, {"number": 99, "verdict": "supported"}]
    return {"message": {"content": json.dumps(values)}}


def test_a_claim_that_the_list_leaves_out_or_judges_twice_is_unscored(tmp_path: Path):
    with running(Server(said=leaving_out)) as server:
        made = judged(config_for(server, at_once="answer"), tmp_path / "data")
    reasons = {row.claim_id: row.reason for row in made.rows("verdicts", ClaimVerdict)}
    assert (reasons["q0.s0.c0"], reasons["q0.s0.c1"], reasons["q0.s0.c2"]) == ("left out of the list", "both verdicts for one number", "")
    assert [row.reason for row in made.rows("rejected", Reject)] == ["verdict with the number of no claim"] * 2


def test_one_model_asked_claim_by_claim_and_answer_by_answer_can_be_compared_in_one_run(tmp_path: Path):
    """Batched it takes every second claim for true; single calls are honest: they agree where that is so, on 4 of 6."""

    def hasty(body: dict[str, Any]) -> dict[str, Any]:
        if "each claim" not in body["messages"][-1]["content"]:
            return by_probability(body)
        n_claims = len(blocks(body)[-1].splitlines())
        listed = [{"number": n, "verdict": "unsupported" if n % 2 == 0 else "supported"} for n in range(1, n_claims + 1)]
        return {"message": {"content": json.dumps({"verdicts": listed})}}

    with running(Server(said=hasty)) as server:
        config = config_for(server, judges=(f"each:http:m@{server.url}", f"all:http:m@{server.url}"))
        made = judged(config, tmp_path / "data")
        assert server.n == 6 + 2
    rows = by_claim(made.rows("verdicts", ClaimVerdict))
    (row,) = agreement(rows, [f"each:http:m@{server.url}", f"all:http:m@{server.url}"])
    assert (row.n_claims, row.n_left_out, row.raw) == (6, 1, pytest.approx(4 / 6))
    assert set(made.manifest.prompts) == {f"verdicts/{name}" for name in ("one", "alone", "all", "all_alone")}


def test_an_answer_of_no_use_is_not_asked_for_again(tmp_path: Path):
    """Judges are greedy: three calls a response would become nine."""
    with running(Server(said=saying("I would rather not"))) as server:
        made = judged(config_for(server, at_once="answer"), tmp_path / "data")
        assert server.n == 2
    assert {row.reason for row in made.rows("verdicts", ClaimVerdict)} == {"invalid", "no page"}


def test_a_claim_that_the_list_leaves_out_can_be_asked_about_alone(tmp_path: Path):
    with running(Server(said=lambda body: leaving_out(body) if "each claim" in str(body) else by_probability(body))) as server:
        made = judged(config_for(server, at_once="answer", left_out="ask"), tmp_path / "data")
        assert server.n == 4
    assert verdicts_of(made)["q0.s0.c0"] == "supported"


# ---------------------------------------------------------------- what there is no evidence for


def test_a_topic_without_a_page_is_unscored_searched_everywhere_or_judged_closed_book(tmp_path: Path):
    found = {}
    for no_page in ("unscored", "open", "closed-book"):
        with running(Server(said=by_probability)) as server:
            made = judged(config_for(server, no_page=no_page), tmp_path / no_page)
            last = next((asked for asked in map(blocks, server.bodies) if "Nobody lives" in asked[-1]), [])
        row = list(made.rows("verdicts", ClaimVerdict))[-1]
        found[no_page] = (row.verdict, row.reason, len(row.evidence), len(last))
    assert found["unscored"][:3] == ("unscored", "no page", 0)
    assert found["open"] == ("unsupported", "", 5, 7)  # five passages, topic and claim
    assert found["closed-book"] == ("unsupported", "", 0, 2)


def test_an_answer_without_a_topic_is_searched_everywhere(tmp_path: Path):
    one = answer("q9.s0", "")
    matter = Matter((one,), {one.id: claims_of(one, "Ada studied in Oslo")}, PAGES)
    with running(Server(said=by_probability)) as server:
        made = judged(config_for(server), tmp_path / "data", matter)
        assert "(not said)" in blocks(server.bodies[0])
    assert verdicts_of(made) == {"q9.s0.c0": "supported"}
    assert page_matches(matter) == {"open": 1}


def test_closed_book_shows_nothing_and_no_evidence_at_all_must_be_asked_for(tmp_path: Path):
    without = Matter(MATTER.answers, MATTER.claims)
    with running(Server(said=by_probability)) as server:
        with pytest.raises(SettingsError, match="judges by passages, and no evidence is given") as caught:
            judged(config_for(server), tmp_path / "data", without)
        assert "judge.evidence=none" in caught.value.hint
        made = judged(config_for(server, evidence="none"), tmp_path / "data", without)
        assert [len(blocks(body)) for body in server.bodies] == [2] * 7
    assert made.manifest.tables["evidence"] == 0


# ---------------------------------------------------------------- several judges, failures, money


def test_each_judge_has_a_verdict_on_each_claim_and_the_bill_is_of_all(tmp_path: Path):
    with running(Server(said=by_probability)) as one, running(Server(said=by_probability)) as other:
        config = JudgeConfig(judges=(f"http:a@{one.url}", f"http:b@{other.url}"), generation=GenerationConfig(price="1000000,2000000"))
        made = judged(config, tmp_path / "data")
    rows = list(made.rows("verdicts", ClaimVerdict))
    assert [row.id for row in rows[:3]] == ["q0.s0.c0.j0", "q0.s0.c0.j1", "q0.s0.c1.j0"]
    assert {row.judge for row in rows} == {f"http:a@{one.url}", f"http:b@{other.url}"}
    assert len(rows) == 14
    usage = made.manifest.usage
    assert usage["all_answers"]["requests"] == 12
    assert usage["all_answers"]["cost"] == 12 * 20  # 10 tokens read at 1, 5 written at 2
    assert sorted(usage["by_judge"]) == sorted({row.judge for row in rows})
    assert usage["requests"] == sum(part["requests"] for part in usage["by_judge"].values())


def test_two_judges_have_one_budget(tmp_path: Path):
    """Each request takes 10 + 5 x 20 = 110, at worst W by its letters; each judge 6 of them, and a probe of two, 880 in all.

    With 770 + W the first is done at 880; the second spends 220 on its probe, and the 330 by which that is beyond 770 are more than
    the claims' letters differ by: it can never set aside what any claim may cost.
    """
    with running(Server(said=by_probability)) as one, running(Server(said=by_probability)) as other:
        generation = GenerationConfig(price="1000000,20000000")
        judged(JudgeConfig(judges=(f"http:a@{one.url}",), generation=generation), tmp_path / "alone")
        worst = max(most_tokens_in(Request("", tuple(Turn(**turn) for turn in body["messages"]), Sampling(8))) + 8 * 20 for body in one.bodies)
        config = JudgeConfig(judges=(f"http:b@{one.url}", f"http:b@{other.url}"), generation=generation.model_copy(update={"budget": 770.0 + worst}))
        for _ in range(2):
            with pytest.raises(BudgetError, match="does not allow another request"):
                judged(config, tmp_path / "data")
        assert (one.n, other.n) == (12, 0)
        judged(config.model_copy(update={"generation": generation}), tmp_path / "data")
        assert (one.n, other.n) == (12, 6)


def test_a_request_that_fails_is_an_unscored_verdict_and_a_counted_failure(tmp_path: Path):
    def behave(_n: int, body: dict[str, Any]) -> str:
        return "422" if blocks(body)[-1].endswith("Ruby") else ""

    with running(Server(said=by_probability, behave=behave)) as server:
        made = judged(config_for(server), tmp_path / "data")
        with pytest.raises(TooManyFailuresError, match="1 of 7 ended without a usable answer"):
            judged(config_for(server, generation={"max_failed": 0.02}, k=4), tmp_path / "data")
    rows = {row.claim_id: row for row in made.rows("verdicts", ClaimVerdict)}
    assert (rows["q0.s0.c3"].verdict, rows["q0.s0.c3"].reason) == ("unscored", "failed: 422")
    assert list(rows) == [claim.id for claims in CLAIMS.values() for claim in claims]
    assert made.manifest.counts["failed"] == {"failed: 422": 1}


def test_a_refusal_is_unscored_and_no_failure(tmp_path: Path):
    with running(Server(said=lambda _body: {"message": {"content": None, "refusal": "I will not"}})) as server:
        made = judged(config_for(server), tmp_path / "data")
    assert verdicts_of(made)["q0.s0.c0"] == "unscored"
    assert made.manifest.counts["failed"] == {}


def test_more_unscored_verdicts_than_allowed_end_the_command_with_their_reasons(tmp_path: Path):
    from factcli.artifact import Draft, Plan
    from factcli.backends.filling import TABLES as FILLED
    from factcli.judge.verdicts.filling import TABLES, fill_verdicts
    from factcli.progress import PlainReport

    with running(Server(said=by_probability)) as server:
        config = config_for(server, max_unscored=0.1)
        judges = judges_of(config, tmp_path)
        with Draft(Plan("score toy", 1, "scores", "toy", config, {}, {**TABLES, **FILLED}), tmp_path / "data") as draft:
            fill_verdicts(draft, MATTER, judges, config, PlainReport())
            with pytest.raises(TooManyFailuresError, match=r"left 1 of 7 claims unscored, more than the 10% allowed: 1 x no page.* \(first .*: no page"):
                require_scored(draft, config)
            counts = require_scored(draft, config.model_copy(update={"max_unscored": 0.2}))
    assert list(counts["verdicts"].values()) == [{"supported": 3, "unscored": 1, "unsupported": 3}]
    assert counts["unscored"] == {"no page": 1}


def test_a_dry_run_says_what_each_judge_would_be_asked_and_sends_nothing(tmp_path: Path):
    with running(Server(said=by_probability)) as server:
        config = config_for(server, generation={"price": "1,1"})
        (estimate,) = imagine_verdicts(MATTER, judges_of(config, tmp_path), config)
        batched = config.model_copy(update={"at_once": "answer"})
        (of_answers,) = imagine_verdicts(MATTER, judges_of(batched, tmp_path), batched)
        assert server.n == 0
    assert (estimate.n_requests, of_answers.n_requests) == (6, 2)
    assert estimate.cost
    assert estimate.cost > 0


def test_equal_claims_of_an_answer_are_bought_once(tmp_path: Path):
    matter = Matter((LEE,), {LEE.id: claims_of(LEE, *["Ada was born in Lima"] * 5)}, PAGES)
    with running(Server(said=by_probability)) as server:
        made = judged(config_for(server), tmp_path / "data", matter)
        assert server.n == 1
    assert list(verdicts_of(made).values()) == ["supported"] * 5


def test_no_claims_are_no_verdicts(tmp_path: Path):
    with running(Server(said=by_probability)) as server:
        made = judged(config_for(server), tmp_path / "data", Matter((MIRA, LEE), {MIRA.id: []}, PAGES))
        assert server.n == 0
    assert made.manifest.tables["verdicts"] == 0


def test_judges_are_named_by_what_they_are_and_told_apart(tmp_path: Path):
    for name in "ab":
        (tmp_path / name).write_text(json.dumps({"match": ".", "answer": name}))
    judges = judges_of(JudgeConfig(judges=(f"scripted:{tmp_path}/a", f"scripted:{tmp_path}/b", "http:m@http://x/v1")), tmp_path)
    assert [judge.name for judge in judges] == ["scripted", "scripted#2", "http:m@http://x/v1"]
    with pytest.raises(SettingsError, match="is given twice"):
        judges_of(JudgeConfig(judges=(f"scripted:{tmp_path}/a", f"scripted:{tmp_path}/a")), tmp_path)
    with pytest.raises(SettingsError, match="no judge is given"):
        judges_of(JudgeConfig(), tmp_path)
    with pytest.raises(SettingsError, match="'openai:x' is of no known kind"):
        judges_of(JudgeConfig(judges=("openai:x",)), tmp_path)

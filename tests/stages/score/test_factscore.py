"""`fact score factscore` as typed: answers to claims to verdicts to scores, aligned, resumable, nothing bought twice."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact.manifest import sha256_of
from factcli.config import resolve
from factcli.resolving import recipe_file
from factcli.stages.score.factscore.settings import FactscoreConfig
from factcli.stages.score.factscore.stage import REVISION
from tests.backends.server import Server, first_word, running
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

PAGES = [{"title": f"Person {n}", "text": f"Person {n} was a baker in Lima. Person {n} kept bees for many years."} for n in range(30)]


def labelled(topic: str, *labels: str) -> dict[str, Any]:
    claims = [{"text": f"{topic} has thing {n}.", "label": label} for n, label in enumerate(labels)]
    return {
        "topic": topic,
        "id": topic.lower().replace(" ", ""),
        "output": f"{topic} has things.",
        "annotations": [{"text": "x", "human-atomic-facts": claims}],
    }


def given(n: int, n_claims: int) -> dict[str, Any]:
    """A biography of person n; its claims number m is true where 7n + m is no multiple of 3."""
    claims = [f"Person {n} keeps {100 * n + m} bees." for m in range(n_claims)]
    return {"topic": f"Person {n}", "id": f"a{n}", "prompt": f"Who is person {n}?", "output": " ".join(claims), "claims": claims}


def judged(body: dict[str, Any]) -> dict[str, Any]:
    """What the judge says: a function of the number in the claim."""
    number = int(body["messages"][-1]["content"].rpartition(" keeps ")[2].split()[0])
    is_true = number % 3 != 0
    return first_word(body, {"True": -0.1 if is_true else -3.0, "False": -3.0 if is_true else -0.1})


def judged_together(body: dict[str, Any]) -> dict[str, Any]:
    """The same of each numbered claim, as JSON."""
    asked = re.findall(r"\n(\d+)\. Person \d+ keeps (\d+) bees", body["messages"][-1]["content"])
    verdicts = [{"number": int(number), "verdict": "supported" if int(bees) % 3 else "unsupported"} for number, bees in asked]
    return {"message": {"role": "assistant", "content": json.dumps({"verdicts": verdicts})}}


def of(version: Path, name: str) -> dict[str, float | None]:
    return {row["of"]: row["value"] for row in rows(version, "scores") if row["name"] == name}


def test_human_labels_give_factscores_numbers_and_every_answer_keeps_its_place(empty: Path) -> None:  # noqa: F811
    """Ada 1 of 2 with one irrelevant (1/3 and 1/2), Bo abstains, Cy has no claim, Di 2 of 2: init_score (1/3 + 1) / 2 = 2/3.

    Penalties exp(1 - 10/3) and exp(1 - 10/2); respond ratio 2 of 4; facts (3 + 2) / 2.
    """
    bo, cy = {"topic": "Bo", "id": "bo", "output": "I'm sorry, I don't know."}, {**labelled("Cy"), "annotations": []}
    jsonl(empty / "a.jsonl", labelled("Ada", "S", "NS", "IR"), bo, cy, labelled("Di", "S", "S"))
    ran = typed("score", "factscore", "--answers", "a.jsonl", "--claims", "human", "--judge", "labels")
    assert ran.code == 0, ran.err
    version = ran.made
    summary = manifest(version)["summary"]
    assert summary["init_score"] == pytest.approx(2 / 3)
    assert summary["score"] == pytest.approx((math.exp(1 - 10 / 3) / 3 + math.exp(1 - 10 / 2)) / 2)
    assert summary["init_score_of_relevant"] == pytest.approx(3 / 4)
    assert (summary["respond_ratio"], summary["facts_per_response"], summary["n_scored"], summary["judges"]) == (0.5, 2.5, 2, ["labels"])
    assert [row["of"] for row in rows(version, "scores")] == [id_ for id_ in ("ada", "bo", "cy", "di") for _ in range(5)]
    assert of(version, "precision") == {"ada": pytest.approx(1 / 3), "bo": None, "cy": None, "di": 1.0}
    assert of(version, "robust")["bo"] == of(version, "robust")["cy"] == 0.0
    reasons = {row["of"]: row["reason"] for row in rows(version, "scores") if row["name"] == "precision"}
    assert reasons["bo"] == "abstains (own)"
    assert reasons["cy"].startswith("no claim")
    assert "left out of factscore, precision" in ran.err
    assert "Bo" in ran.err
    assert manifest(version)["counts"]["without_value"]["precision"] == {"abstains": 1, "no claim": 1}


def test_both_known_figures_come_out_of_the_command(empty: Path, shared_data: Path) -> None:  # noqa: F811
    labels = shared_data / "factscore_labeled_instructgpt.jsonl"
    summary = manifest(made("score", "factscore", "--answers", labels, "--claims", "human", "--judge", "labels"))["summary"]
    assert (f"{summary['init_score']:.4f}", summary["n_scored"], f"{summary['init_score_of_relevant']:.4f}") == ("0.4281", 181, "0.4739")


def test_labels_need_labelled_claims_and_stand_alone(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", given(1, 2))
    told(typed("score", "factscore", "--answers", "a.jsonl", "--claims", "human", "--judge", "labels"), 3, "no labelled claims")
    jsonl(empty / "b.jsonl", labelled("Ada", "S"))
    told(typed("score", "factscore", "--answers", "b.jsonl", "--claims", "human", "--judge", "labels", "--judge", "scripted:x"), 2, "stands alone")


def test_without_answers_judge_or_model_the_way_out_is_said(empty: Path) -> None:  # noqa: F811
    told(typed("score", "factscore"), 3, "there is nothing to score")
    jsonl(empty / "a.jsonl", given(1, 2))
    told(typed("score", "factscore", "--answers", "a.jsonl"), 2, "no judge is given")
    told(typed("score", "factscore", "samples", "--answers", "a.jsonl", "--judge", "world"), 2, "one source of answers")
    told(typed("score", "factscore", "--answers", "a.jsonl", "--claims", "rules", "--backend", "scripted:a.jsonl"), 2, "would not be asked")


def command(url: str, *more: object) -> tuple[object, ...]:
    return ("score", "factscore", "--answers", "a.jsonl", "--claims", "given", "--judge", f"http:m@{url}", "--pack", "pages", *more)


@pytest.fixture
def paged(empty: Path) -> Path:  # noqa: F811
    """A folder with a pack of 30 people, of whom the answers of a.jsonl are."""
    jsonl(empty / "pages.jsonl", *PAGES)
    made("pack", "build", "--from", "pages.jsonl", "--name", "pages")
    jsonl(empty / "a.jsonl", *[given(n, 4) for n in range(1, 6)])
    return empty


def test_a_judge_is_shown_evidence_and_its_verdicts_become_scores(paged: Path) -> None:
    """Numbers 100n..100n+3: multiples of 3 are 102, 201, 300 and 303, 402, 501: supported 3, 3, 2, 3, 3 of 4, mean 0.7."""
    with running(Server(said=judged)) as server:
        version = made(*command(server.url))
        assert server.n == 20
        assert all("kept bees" in body["messages"][-1]["content"] for body in server.bodies)
    assert list(of(version, "precision").values()) == [0.75, 0.75, 0.5, 0.75, 0.75]
    summary = manifest(version)["summary"]
    assert summary["init_score"] == pytest.approx(0.7)
    assert (summary["k"], summary["n_claims"], summary["unscored_share"]) == (4, 20, 0.0)
    verdict = rows(version, "verdicts")[0]
    evidence = {row["id"] for row in rows(version, "evidence")}
    assert set(verdict["evidence"]) <= evidence
    assert verdict["evidence"]
    assert verdict["request"]
    assert manifest(version)["inputs"]["pack"]["name"] == "pages"
    assert {metric["metric"] for metric in rows(version, "metrics")} >= {"factscore", "factscore.bounds", "robust", "respond_ratio", "unscored_share"}


def test_a_topic_without_a_page_is_unscored_counted_and_in_the_bounds(paged: Path) -> None:
    """2 of 5 answers, 40% of the claims: more than 20%, so code 6; with a higher limit the same run goes on without asking again."""
    jsonl(paged / "a.jsonl", *[given(n, 4) for n in (1, 2, 3)], *[{**given(n, 4), "topic": f"Nobody {n}"} for n in (8, 9)])
    with running(Server(said=judged)) as server:
        told(typed(*command(server.url)), 6, "unscored")
        asked = server.n
        assert asked == 12
        version = made(*command(server.url, "--max-unscored", 0.5))
        assert server.n == asked
    assert manifest(version)["counts"]["pages"] == {"absent": 2, "exact": 3}
    reasons = {row["of"]: row["reason"] for row in rows(version, "scores") if row["name"] == "precision"}
    assert reasons["a8"] == "every claim is unscored"
    bounds = next(metric for metric in rows(version, "metrics") if metric["metric"] == "precision.bounds")
    assert bounds["value"] == pytest.approx(2 / 3)
    assert (bounds["low"], bounds["high"]) == (pytest.approx(0.4), pytest.approx(0.8))
    assert "if true, over all 5 answers with a claim)" in manifest(version)["headline"]


def test_the_first_scores_of_a_set_of_prompts_fix_its_k(paged: Path) -> None:
    """First 4 relevant claims an answer; the second answers to the same prompts have 2, and are held against 4."""
    with running(Server(said=judged)) as server:
        first = made(*command(server.url))
        jsonl(paged / "a.jsonl", *[given(n, 2) for n in range(1, 6)])
        ran = typed(*command(server.url))
        assert "K: 4, as in factscore@1" in ran.err
        assert manifest(ran.made)["summary"]["k"] == manifest(first)["summary"]["k"] == 4
        again = typed(*command(server.url))
        assert again.made == ran.made
        jsonl(paged / "a.jsonl", *[given(n, 2) for n in range(1, 5)])
        assert manifest(made(*command(server.url)))["summary"]["k"] == 2, "other prompts"


def test_a_dry_run_says_what_judging_would_cost_and_asks_nothing(paged: Path) -> None:
    with running(Server(said=judged)) as server:
        ran = typed(*command(server.url, "--dry-run", "--price", "1,2", "--json"))
        assert ran.code == 0, ran.err
        assert server.n == 0
    cost = json.loads(ran.out)["cost"]
    assert cost["requests"] == 20
    assert cost["money"] > 0


def test_two_judges_are_compared(paged: Path) -> None:
    """The script says True to all; the server to 14 of 20: they agree on 0.7. The first judge's verdict is the one that counts."""
    jsonl(paged / "yes.jsonl", {"match": ".", "answer": "True"})
    with running(Server(said=judged)) as server:
        version = made(*command(server.url, "--judge", "scripted:yes.jsonl"))
    assert len(rows(version, "verdicts")) == 40
    (agreed,) = rows(version, "agreement")
    assert agreed["raw"] == pytest.approx(0.7)
    assert manifest(version)["summary"]["init_score"] == pytest.approx(0.7)
    assert "agreement 70.0%" in manifest(version)["headline"]


def test_a_score_is_traced_to_the_judges_request(paged: Path) -> None:
    with running(Server(said=judged)) as server:
        version = made(*command(server.url))
    told_of = json.loads(typed("trace", "a1.precision", "--json").out)
    found = {row["id"]: row["relation"] for life in told_of["lives"] for group in life["groups"] for row in group[1]}
    assert found["a1.precision"] == "self"
    assert found["a1"] == "ancestor"
    assert {found[id_] for id_ in ("a1.c0", "a1.c0.j0", "a1.e0")} == {"rests on"}
    assert rows(version, "verdicts")[0]["request"] in json.dumps(told_of)


CLOSED_BOOK = ("--set", "judge.evidence=none", "--set", "judge.by=text")


def test_a_judge_with_a_card_has_its_score_corrected(paged: Path) -> None:
    """The judge believes everything; of 6 labelled answers with 4 claims each half are true. On the same answers people would say 0.5."""
    jsonl(paged / "yes.jsonl", {"match": ".", "answer": "True"})
    jsonl(paged / "labels.jsonl", *[labelled(f"Person {n}", "S", "S", "NS", "NS") for n in range(6)])
    judge = ("--claims", "human", "--judge", "scripted:yes.jsonl", *CLOSED_BOOK)
    version = made("score", "factscore", "--answers", "labels.jsonl", *judge, "--name", "before")
    assert (manifest(version)["summary"]["init_score"], manifest(version)["summary"]["correction"]) == (1.0, {})
    made("score", "calibrate", "--labels", "labels.jsonl", *judge)
    version = made("score", "factscore", "--answers", "labels.jsonl", *judge, "--name", "after")
    correction = manifest(version)["summary"]["correction"]
    assert correction["human_score"] == pytest.approx(0.5)
    assert "people would say 0.500" in manifest(version)["headline"]


def test_an_answer_that_the_reader_fails_on_is_neither_an_abstention_nor_silent(paged: Path) -> None:
    """The reader takes Ada's sentence apart and refuses Bo's; Cy abstains: respond ratio 1 of 2, and Bo's scores say that it failed."""
    texts = {"ada": "Ada was born in Lima and died in Oslo.", "bo": "Bo went to Rome.", "cy": "I'm sorry, I don't know."}
    jsonl(paged / "a.jsonl", *[{"topic": id_.title(), "id": id_, "output": text} for id_, text in texts.items()])
    refused, apart = {"match": "Bo went", "answer": "no", "outcome": "refused"}, {"match": ".", "answer": "- Ada was born in Lima.\n- Ada died in Oslo."}
    jsonl(paged / "reader.jsonl", refused, apart)
    jsonl(paged / "judge.jsonl", {"match": "died", "answer": "False"}, {"match": ".", "answer": "True"})
    asked = ("--claims", "model", "--backend", "scripted:reader.jsonl", "--judge", "scripted:judge.jsonl", "--max-failed", 0.5)
    version = made("score", "factscore", "--answers", "a.jsonl", *asked, *CLOSED_BOOK)
    assert [row["text"] for row in rows(version, "claims")] == ["Ada was born in Lima.", "Ada died in Oslo."]
    reasons = {row["of"]: row["reason"] for row in rows(version, "scores") if row["name"] == "robust"}
    assert reasons["bo"].startswith("failed: refused")
    assert of(version, "robust")["bo"] is None
    summary = manifest(version)["summary"]
    assert (summary["init_score"], summary["respond_ratio"], summary["n_answers"]) == (0.5, 0.5, 2)
    assert manifest(version)["counts"]["without_value"]["precision"] == {"failed": 1, "abstains": 1}
    assert {(row["table"], row["id"]) for row in rows(version, "origins")} >= {("claims", "ada.c0"), ("verdicts", "ada.c0.j0")}


def test_claims_that_were_read_before_are_judged_as_they_are(paged: Path) -> None:
    """The same scores as of the file, by the same claims at the same places."""
    entry = {"id": "a", "topic": "Ada", "output": "Ada was born in Lima. She died in Oslo.", "prompt": "Who?"}
    jsonl(paged / "a.jsonl", entry)
    jsonl(paged / "judge.jsonl", {"match": "Oslo", "answer": "False"}, {"match": ".", "answer": "True"})
    read = made("score", "claims", "--answers", "a.jsonl", "--claims", "rules")
    version = made("score", "factscore", "claims", "--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    assert [row["text"] for row in rows(version, "claims")] == [row["text"] for row in rows(read, "claims")]
    assert [(row["start"], row["end"]) for row in rows(version, "claims")] == [(row["start"], row["end"]) for row in rows(read, "claims")]
    assert manifest(version)["inputs"]["answers"]["kind"] == "claims"
    assert manifest(version)["summary"]["init_score"] == 0.5


@pytest.mark.parametrize("recipe", ["factscore", "factscore-batched"])
def test_recipes_are_settings(recipe: str) -> None:
    config = resolve(FactscoreConfig, [recipe_file("score", recipe)], [], {})
    assert config.gamma == 10
    assert config.judge.at_once == ("answer" if recipe == "factscore-batched" else "claim")


def test_batched_verification_asks_once_an_answer_and_says_the_same(paged: Path) -> None:
    """5 answers of 4 claims: 5 requests instead of 20."""
    with running(Server(said=judged)) as server:
        single = made(*command(server.url))
    with running(Server(said=judged_together)) as server:
        batched = made(*command(server.url, "-c", recipe_file("score", "factscore-batched"), "--name", "batched"))
        assert server.n == 5
    assert [row["verdict"] for row in rows(batched, "verdicts")] == [row["verdict"] for row in rows(single, "verdicts")]


GOLDEN = (4, "db83fa455b2cead7")  # (REVISION of the stage, digest): whoever changes the second raises the first


def test_the_digest_of_scores_changes_only_with_the_stages_revision(paged: Path) -> None:
    jsonl(paged / "labels.jsonl", labelled("Ada", "S", "NS", "IR"), labelled("Di", "S", "S"))
    version = made("score", "factscore", "--answers", "labels.jsonl", "--claims", "human", "--judge", "labels")
    assert (REVISION, sha256_of([rows(version, table) for table in ("answers", "claims", "verdicts", "scores", "items", "metrics")])[:16]) == GOLDEN


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_judge_without_evidence_is_refused_before_a_claim_is_paid_for(empty: Path, more: tuple[str, ...]) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", {"topic": "Ada", "output": "Ada was born in Lima."})
    with running(Server()) as server:
        who = f"http:m@{server.url}"
        told(typed("score", "factscore", "--answers", "a.jsonl", "--claims", "model", "--backend", who, "--judge", who, *more), 2, "--pack REF")
        assert server.n == 0


@pytest.mark.parametrize(
    "command", ["factscore --answers a.jsonl --claims human --judge labels", "confidence --answers a.jsonl --dry-run", "claims --answers a.jsonl"]
)
def test_entries_that_nothing_is_made_of_are_told_on_the_screen(empty: Path, command: str) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", labelled("Ada", "S"), "no json", {"topic": "Bo"})
    (empty / "s.jsonl").write_text('{"match": ".", "answer": "x"}\n')
    more = ("--sampler", "scripted:s.jsonl", "--backend", "scripted:s.jsonl") if command.startswith("confidence") else ()
    ran = typed("score", *command.split(), *more)
    assert ran.code == 0, ran.err
    assert "note: 2 of a.jsonl left out, the first line 2: not JSON" in ran.err

"""`fact score calibrate` as typed: a judge on human labels, the card that comes of it, and later scores that it corrects."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import open_artifact
from factcli.judge.cards.attaching import attached, basis_of, corrected_by
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.verdicts.judges import judges_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.stats.corrected import Judged
from tests.backends.server import Server, running
from tests.chain import Folder
from tests.judge.verdicts.test_killed import n_kept
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

CLOSED_BOOK = ("--set", "judge.evidence=none", "--set", "judge.by=text")
TRUE = ("Rome", "Lima", "Oslo")
FALSE = ("Bern", "Kyiv", "Doha")


def response(number: int, places: list[str], labels: list[str]) -> dict[str, Any]:
    """One response whose sentences say where somebody lived; each sentence is one human claim, and one of the model's."""
    facts = [f"Person {number} lived in {place}." for place in places]
    annotations = [
        {"text": fact, "human-atomic-facts": [{"text": fact, "label": label}], "model-atomic-facts": [{"text": fact.replace("lived", "once lived")}]}
        for fact, label in zip(facts, labels, strict=True)
    ]
    return {"id": f"r{number}", "input": f"Where did person {number} live?", "output": " ".join(facts), "topic": f"Person {number}", "annotations": annotations}


def write(folder: Path, n: int = 24) -> None:
    """True places are labelled S, false ones NS; the judge believes Rome, Lima and Kyiv: it misses Oslo and falls for Kyiv."""
    rng = random.Random(5)
    entries = []
    for number in range(n):
        places = rng.choices((*TRUE, *FALSE), k=6)
        entries.append(response(number, places, ["S" if place in TRUE else "NS" for place in places]))
    jsonl(folder / "labels.jsonl", *entries, {"output": "I cannot say.", "topic": "Nobody", "annotations": None})
    jsonl(folder / "judge.jsonl", {"match": r"lived in (Rome|Lima|Kyiv)", "answer": "True"}, {"match": ".", "answer": "False"})


def card(*arguments: object) -> Path:
    return made("score", "calibrate", "--labels", "labels.jsonl", *arguments)


def measures(version: Path) -> dict[str, Any]:
    return {row["id"]: row["value"] for row in rows(version, "measures")}


def test_a_judge_has_the_rates_that_its_verdicts_have(empty: Path) -> None:  # noqa: F811
    """Two of three true places are believed and two of three false ones are not: counted from the labels themselves."""
    write(empty)
    version = card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    places = [(claim["label"], claim["text"].removesuffix(".").split()[-1]) for claim in rows(version, "claims")]
    true, false = ([place for label, place in places if label == which] for which in ("S", "NS"))
    found = measures(version)
    assert found["sensitivity"] == pytest.approx(sum(place != "Oslo" for place in true) / len(true))
    assert found["specificity"] == pytest.approx(sum(place != "Kyiv" for place in false) / len(false))
    assert found["human_score"] == pytest.approx(len(true) / 144)
    assert found["claims_per_response"] == 6
    assert (len(places), len(rows(version, "responses"))) == (144, 24)
    said = manifest(version)
    assert (said["kind"], said["summary"]["judge"], said["summary"]["claims"]) == ("card", "scripted", "human")
    assert said["counts"]["without_labels"] == 1
    assert said["counts"]["verdicts"] == {"scripted": {"supported": found_supported(version), "unsupported": 144 - found_supported(version)}}


def found_supported(version: Path) -> int:
    return sum(row["verdict"] == "supported" for row in rows(version, "verdicts"))


def test_no_judge_is_shown_a_label(empty: Path) -> None:  # noqa: F811
    """A script that matches labels finds none in what is asked."""
    write(empty)
    jsonl(empty / "judge.jsonl", {"match": r"\b(NS|IR|S)\b", "answer": "True"}, {"match": ".", "answer": "False"})
    assert measures(card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK))["sensitivity"] == 0


def test_a_person_reads_the_card(empty: Path) -> None:  # noqa: F811
    write(empty)
    version = card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    text = (version / "README.md").read_text(encoding="utf-8")
    shown = typed("show", "card").out
    for line in ("| balanced accuracy |", "| ppi++ |"):
        assert line in text
        assert line in shown
    assert "| responses | 24 |" in text
    assert "| responses | 24 |" not in shown


def test_claims_of_another_source_have_the_labels_of_the_nearest_human_ones(empty: Path) -> None:  # noqa: F811
    """`Person 0 once lived in Rome` is near `Person 0 lived in Rome`: 5 of 5 and 6 words, 10/11; every claim is matched both ways."""
    write(empty)
    version = card("--claims", "model", "--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    found, human = measures(version), measures(card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK, "--name", "human"))
    assert (found["claims_near_a_human_one"], found["human_claims_near_one"]) == (1, 1)
    assert {round(row["overlap"], 4) for row in rows(version, "matches")} == {0.9091}
    assert found["balanced_accuracy"] == human["balanced_accuracy"]
    assert len(rows(version, "human_claims")) == 144


def test_without_a_judge_the_card_is_of_the_claims(empty: Path) -> None:  # noqa: F811
    """The labels are handed on, so the score is that of humans where every claim is matched."""
    write(empty)
    version = card("--claims", "model")
    found = measures(version)
    assert (found["bias"], found["unscored_share"]) == (0, 0)
    assert found["sensitivity"] is None
    assert "sensitivity" not in (version / "README.md").read_text(encoding="utf-8").partition("| table |")[0]
    assert manifest(version)["summary"]["judge"] == "labels"
    strict = measures(card("--claims", "model", "--set", "near=1"))
    assert (strict["claims_near_a_human_one"], strict["unscored_share"]) == (0, 1)


def test_rules_take_answers_apart_and_are_compared(empty: Path) -> None:  # noqa: F811
    write(empty)
    found = measures(card("--claims", "rules"))
    assert found["human_claims_near_one"] > 0.9
    assert found["claims_per_response"] == pytest.approx(6, abs=1)


def test_later_scores_of_the_judge_are_corrected_by_its_newest_card(empty: Path) -> None:  # noqa: F811
    """The judge's mean on new answers is .7; by the card's line and interval that is another human score."""
    write(empty)
    card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK, "--limit", 10)
    version = card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    judging = JudgeConfig(judges=("scripted:judge.jsonl",), evidence="none", by="text")
    judge = judges_of(judging, Path("data"))[0]
    human = ClaimsConfig(source="given")
    new = [("Person x", 0.6), ("Person y", None), ("Person z", 0.8)]
    told_ = attached(Path("data"), basis_of(judge, judging, human, None), new)
    found = corrected_by(open_artifact(version, Path("data")), [Judged("Person x", 0.6), Judged("Person z", 0.8)])
    assert (told_["card"], told_["n_labelled"], told_["n_judged"]) == (f"card@{int(version.name[1:])}", 24, 2)
    assert (told_["human_score"], told_["low"], told_["high"]) == (found.value, found.low, found.high)
    assert told_["low"] < told_["human_score"] < told_["high"]
    for other in (basis_of(judge, judging.model_copy(update={"by": "json"}), human, None), basis_of(judge, judging, ClaimsConfig(source="rules"), None)):
        assert attached(Path("data"), other, new) == {}
    combined = judging.model_copy(update={"combine": "majority", "max_unscored": 0.5})
    assert attached(Path("data"), basis_of(judge, combined, ClaimsConfig(source="given", abstention="none"), None), new) == told_


def test_another_judge_has_no_card(empty: Path) -> None:  # noqa: F811
    write(empty)
    card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    jsonl(empty / "other.jsonl", {"match": ".", "answer": "True"})
    judging = JudgeConfig(judges=("scripted:other.jsonl",), evidence="none", by="text")
    assert attached(Path("data"), basis_of(judges_of(judging, Path("data"))[0], judging, ClaimsConfig(source="given"), None), [("x", 0.5)]) == {}


def test_a_run_that_is_made_again_is_reused_and_a_limit_is_another(empty: Path) -> None:  # noqa: F811
    write(empty)
    first = card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK)
    assert card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK) == first
    assert len(rows(card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK, "--limit", 5), "responses")) == 5


def test_irrelevant_labels_count_as_asked(empty: Path) -> None:  # noqa: F811
    entries = [response(n, ["Rome", "Bern", "Lima"], ["S", "IR", "NS"]) for n in range(5)]
    jsonl(empty / "labels.jsonl", *entries)
    jsonl(empty / "judge.jsonl", {"match": ".", "answer": "True"})
    assert measures(card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK))["human_score"] == pytest.approx(1 / 3)
    assert measures(card("--judge", "scripted:judge.jsonl", *CLOSED_BOOK, "--irrelevant", "left_out"))["human_score"] == pytest.approx(1 / 2)


def test_what_cannot_be_done_is_said(empty: Path) -> None:  # noqa: F811
    write(empty)
    told(typed("score", "calibrate", "--labels", "labels.jsonl"), 2, "the labels agree with themselves")
    told(typed("score", "calibrate", "--labels", "labels.jsonl", "--claims", "modle"), 2, "human, model, rules")
    told(typed("score", "calibrate", "--labels", "labels.jsonl", "--claims", "rules", "--backend", "scripted:judge.jsonl"), 2, "would not be asked")
    told(typed("score", "calibrate", "--labels", "labels.jsonl", "--judge", "world"), 3, "fact world")
    two = ("--judge", "scripted:judge.jsonl", "--judge", "scripted:labels.jsonl")
    told(typed("score", "calibrate", "--labels", "labels.jsonl", *two), 2, "a card is of one judge")
    told(typed("score", "calibrate", "--labels", "labels.jsonl", "--judge", "scripted:judge.jsonl"), 2, "evidence")
    told(typed("score", "calibrate", "--labels", "nothing.jsonl", "--claims", "rules"), 3, "nothing.jsonl")
    jsonl(empty / "plain.jsonl", {"output": "Ann sang.", "topic": "Ann"})
    told(typed("score", "calibrate", "--labels", "plain.jsonl", "--claims", "rules"), 3, "no response of the file has human labels")
    jsonl(empty / "judge.jsonl", {"match": ".", "answer": "Who knows"})
    told(typed("score", "calibrate", "--labels", "labels.jsonl", "--judge", "scripted:judge.jsonl", *CLOSED_BOOK), 6, "unscored")
    assert not list(empty.glob("data/card/v*"))


def test_a_dry_run_says_how_many_verdicts_would_be_asked_for(empty: Path) -> None:  # noqa: F811
    """One request for each distinct claim: a response may say one thing twice."""
    write(empty)
    entries = [json.loads(line) for line in (empty / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    distinct = {fact["text"] for entry in entries for fact in entry["annotations"] or ()}
    ran = typed("score", "calibrate", "--labels", "labels.jsonl", "--judge", "scripted:judge.jsonl", *CLOSED_BOOK, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["cost"]["requests"] == len(distinct)
    assert not (empty / "data/card").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_like_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when thirty claims are answered: the next run buys nothing that the first had kept, and the card has the same digest."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("FACT_CACHE_DIR", str(cache))
    write(tmp_path)
    folder = Folder(tmp_path)
    with running(Server(latency_s=0.2, said=lambda _: {"message": {"content": "True"}}, keeps=False)) as server:
        command = ["score", "calibrate", "--labels", "labels.jsonl", "--judge", f"http:m@{server.url}", *CLOSED_BOOK]
        child = folder.popen(*command)
        while len(server.answered) < 30:
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        child.kill()
        child.communicate()
        time.sleep(0.1)  # what it sent last is read
        while server.in_flight:
            time.sleep(0.01)
        n_kept_then = n_kept(cache)
        lost = server.answered.total() - n_kept_then
        folder.must(*command)
        assert server.answered.total() - n_kept(cache) == lost
        again = folder.must(*command, "--data", "fresh").made
    assert 0 < n_kept_then < n_kept(cache)
    assert open_artifact(tmp_path / again, tmp_path / "fresh").digest == folder.manifest("card@1")["digest"]


def test_a_judge_by_passages_reads_the_pack_and_topics_without_a_page_are_unscored(empty: Path) -> None:  # noqa: F811
    """Of three responses one has a topic without a page: its claims are unscored, it is in no score, and that is counted."""
    jsonl(empty / "labels.jsonl", *(response(n, ["Rome", "Bern"], ["S", "NS"]) for n in range(3)))
    jsonl(empty / "pages.jsonl", *({"title": f"Person {n}", "text": f"Person {n} lived in Rome."} for n in range(2)))
    jsonl(empty / "judge.jsonl", {"match": r"lived in Rome(.|\n)*lived in Rome", "answer": "True"}, {"match": ".", "answer": "False"})
    made("pack", "build", "--from", "pages.jsonl")
    version = card("--judge", "scripted:judge.jsonl", "--set", "judge.by=text", "--set", "judge.max_unscored=0.5")
    assert {role: entry["kind"] for role, entry in manifest(version)["inputs"].items()} == {"pack": "pack"}
    assert [row["judged"] for row in rows(version, "responses")] == [0.5, 0.5, None]
    assert manifest(version)["counts"]["unscored"] == {"no page": 2}
    assert {row["title"] for row in rows(version, "evidence")} == {"Person 0", "Person 1"}
    assert measures(version)["agreement"] == 1

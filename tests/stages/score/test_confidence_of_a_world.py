"""`fact score confidence` as typed after an evaluation of a world: no language model asks, the base model is sampled, truth is known."""

from pathlib import Path

import pytest

from factcli.artifact import open_artifact
from factcli.rows import Claim
from tests.bench.worth import ranked, truths
from tests.chain import Folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The micro world's base makes no claim of its own accord, so that its biographies are filled in sentence by sentence."""
    folder = Folder(tmp_path_factory.mktemp("confident"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_CACHE_DIR", str(folder.path / "cache"))
        folder.must("world", "--size", "micro", "--seed", "5")
        folder.must("eval", "world", "--model", "world", "--set", "ask=fill", "--set", "probe_versions=0")
        ran = folder.must("score", "confidence", "--samples", "4")
        assert "settings: configs/score/confidence-world.yaml" in ran.err
        assert "questions: the world's own question forms, so that no language model writes any" in ran.err
        assert "sampled: local:world@1 (the base model of these answers" in ran.err
        yield folder


def test_the_worlds_own_questions_are_asked_of_its_base(walked: Folder) -> None:
    manifest = walked.manifest("confidence")
    assert manifest["model"]["questions"] == "world"
    assert {role: entry["kind"] for role, entry in manifest["inputs"].items()} == {"answers": "eval", "world": "world"}
    benchmark = {
        (row["subject"], row["relation"]): row["question"] for row in walked.rows("world", "questions") if not row["is_heldout_form"] and row["task"] == "qa"
    }
    asked = walked.rows("confidence", "questions")
    assert asked
    assert {row["question"] for row in asked} <= set(benchmark.values())
    assert all(row["source"] == "world" and row["expected"] for row in asked)
    assert len(walked.rows("confidence", "samples")) == 4 * len(asked)


def test_every_unit_has_the_sampled_confidence_of_what_the_answer_says(walked: Folder) -> None:
    rows = walked.rows("confidence", "confidences")
    known = [row for row in rows if not row["reason"]]
    assert known
    assert all(row["samp_conf"] <= row["max_conf"] + 1e-9 for row in known)
    assert {row["reason"] for row in rows} <= {"", "no question"}


def test_a_claims_confidence_stands_beside_the_ledgers_verdict_of_the_same_claim(walked: Folder) -> None:
    root = walked.path / "data"
    scores, world = open_artifact("confidence", root), open_artifact("world", root)
    truth = truths(scores, world)
    (evaluation,) = Path(root).glob("eval-*")
    judged = {claim.id: claim.verdict for claim in open_artifact(evaluation.name, root).rows("claims", Claim)}
    assert truth
    assert {id_: judged[id_] == "supported" for id_ in truth} == truth
    assert {claim.answer_id for claim in ranked(scores, truth, "max_conf")} <= {row["id"] for row in walked.rows("confidence", "answers")}


def test_short_answers_are_asked_for_again_in_their_own_words(walked: Folder) -> None:
    ran = walked.must("score", "confidence", "--samples", "2", "--limit", "3", "--set", "tasks=[qa]", "--name", "short", "--set", "sampler.chat=true")
    assert ran.made.name == "v0001"
    asked = walked.rows("short", "questions")
    answers = {row["id"]: row for row in walked.rows("short", "answers")}
    assert len(answers) == 3
    assert all(row["question"] == answers[row["answer_id"]]["prompt"] and row["expected"] == answers[row["answer_id"]]["text"] for row in asked)
    root = walked.path / "data"
    assert set(truths(open_artifact("short", root), open_artifact("world", root))) <= {row["unit_id"] for row in asked}


def test_entities_of_a_world_are_continued_in_the_form_that_its_base_knows(walked: Folder) -> None:
    walked.must("score", "confidence", "--units", "entities", "--samples", "2", "--limit", "2", "--name", "named")
    assert set(walked.manifest("named")["prompts"]) == {"confidence/continue", "confidence/continue_task"}
    assert all(row["n_samples"] == 2 for row in walked.rows("named", "confidences"))


def test_what_was_made_loads_and_verifies(walked: Folder, tmp_path: Path) -> None:
    from datasets import load_dataset

    assert walked.must("verify", "confidence").code == 0
    version = walked.path / "data/confidence/v0001"
    for table, n_rows in walked.manifest("confidence")["tables"].items():
        if n_rows:
            assert load_dataset(str(version), table, split="train", cache_dir=str(tmp_path)).num_rows == n_rows

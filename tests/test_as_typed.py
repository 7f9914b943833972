"""The commands of the README as typed, one after the other, in an empty folder: each finds or makes what it needs.

The recipe `tiny` is replaced by `micro` in a copy of configs/, so that a world takes seconds, with steps enough for its answers to
be sentences that a ledger can judge (without them no two answers would differ in truth, and there were no pairs), and width for the rank. Nothing else differs.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from factcli import resolving
from factcli.cli import app

pytestmark = pytest.mark.slow
SCORE = "score factscore --max-unscored 1"  # the micro model's answers are noise, which no grammar reads; a tiny one's need no option
TYPED = (
    "synth bio --versions 5",
    "prereq --lora-r 64",
    "sft",
    SCORE,
    "eval world",
    "eval popqa",
    "report",
    "score pairs --by precision",
    "dpo",
)
SPEAKING = {"world/tiny.yaml": [("steps: 30,", "steps: 400,"), ("hidden_size: 32,", "hidden_size: 64,")], "sft/tiny.yaml": [("steps: 6\n", "steps: 60\n")]}


def small_configs(folder: Path) -> Path:
    """A copy of configs/ in which each recipe `tiny` says what `micro` says; the baselines' files go."""
    copy = Path(shutil.copytree(resolving.configs_directory(), folder))
    for path in [*copy.glob("*/tiny.yaml"), *copy.glob("*/*-tiny.yaml")]:
        shutil.copyfile(path.with_name(path.name.replace("tiny", "micro")), path)
    for path in copy.glob("*/tiny-*.yaml"):
        path.unlink()
    for name, changes in SPEAKING.items():
        text = (copy / name).read_text()
        for few, enough in changes:
            assert few in text
            text = text.replace(few, enough)
        (copy / name).write_text(text)
    return copy


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What each command said, and below "" the folder."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # evaluations run in this process
    folder, configs = tmp_path_factory.mktemp("typed"), small_configs(tmp_path_factory.mktemp("settings") / "configs")
    said = {"": str(folder)}
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(resolving, "configs_directory", lambda: configs)
        for command in TYPED:
            result = CliRunner().invoke(app, command.split())
            assert result.exit_code == 0, f"fact {command} ended with {result.exit_code}\n{result.stderr}"
            said[command] = result.stderr
        yield said
    torch.set_num_threads(n_threads)


def manifest(typed: dict[str, str], name: str) -> dict:
    return json.loads((Path(typed[""]) / "data" / name / "v0001/manifest.json").read_text())


def test_the_first_command_builds_the_missing_world_and_says_so(typed: dict[str, str]) -> None:
    assert typed["synth bio --versions 5"].startswith("there is no world in data/ yet: building the tiny one first (about 2 minutes on 2 cores)")
    assert manifest(typed, "world")["config"]["recipe"] == "tiny"
    assert manifest(typed, "bio")["inputs"]["world"]["digest"] == manifest(typed, "world")["digest"]


def test_every_command_takes_what_those_before_it_made(typed: dict[str, str]) -> None:
    made = {path.parent.name for path in (Path(typed[""]) / "data").glob("*/v0001")}
    assert made == {
        "world",
        "bio",
        "knowledge",
        "prereq-tune",
        "eval-base",
        "eval-prereq-tune",
        "popqa-prereq-tune",
        "report",
        "samples",
        "factscore",
        "pairs",
        "dpo",
    }
    inputs = {name: set(manifest(typed, name)["inputs"]) for name in ("knowledge", "prereq-tune", "eval-prereq-tune", "popqa-prereq-tune")}
    assert inputs["knowledge"] == {"synth", "world"}
    assert inputs["prereq-tune"] == {"synth", "world", "knowledge"}
    assert inputs["eval-prereq-tune"] >= {"world", "base_eval", "model"}
    assert inputs["popqa-prereq-tune"] >= {"world", "model"}


def test_the_options_are_in_what_was_made(typed: dict[str, str]) -> None:
    assert manifest(typed, "bio")["config"]["versions"] == 5
    assert manifest(typed, "knowledge")["config"]["lora_r"] == 64
    rows = (Path(typed[""]) / "data/knowledge/v0001/adapters.jsonl").read_text().splitlines()
    assert {json.loads(row)["version"] for row in rows if json.loads(row)["source"] == "fictitious"} == {1, 2, 3, 4, 5}


def test_a_score_has_answers_drawn_and_judged_by_the_world_that_they_are_about(typed: dict[str, str]) -> None:
    assert "there are no answers in data/ yet: prereq-tune@1 gives 3 to each" in typed[SCORE]
    assert "judge: world (the ledger of world@1" in typed[SCORE]
    inputs = manifest(typed, "factscore")["inputs"]
    assert {role: entry["name"] for role, entry in inputs.items()} == {"answers": "samples", "world": "world"}
    scores = [json.loads(row) for row in (Path(typed[""]) / "data/factscore/v0001/scores.jsonl").read_text().splitlines()]
    samples = [json.loads(row) for row in (Path(typed[""]) / "data/samples/v0001/samples.jsonl").read_text().splitlines()]
    assert [row["of"] for row in scores if row["name"] == "precision"] == [row["id"] for row in samples]
    assert {row["split"] for row in map(json.loads, (Path(typed[""]) / "data/samples/v0001/prompts.jsonl").read_text().splitlines())} == {"train", "dev"}


def test_pairs_of_the_drawn_answers_train_the_model_that_gave_them(typed: dict[str, str]) -> None:
    assert "model: prereq-tune@1, which wrote the answers of samples@1" in typed["dpo"]
    found = manifest(typed, "dpo")
    assert {role: entry["name"] for role, entry in found["inputs"].items()} == {"pairs": "pairs", "world": "world", "model": "prereq-tune"}
    assert found["summary"]["pairs"] >= 2
    proofs = [json.loads(row) for row in (Path(typed[""]) / "data/dpo/v0001/proofs.jsonl").read_text().splitlines()]
    assert all(proof["holds"] for proof in proofs)

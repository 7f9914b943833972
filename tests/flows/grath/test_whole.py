"""`fact grath-iterate` as typed, on a tiny random model whose pairs a script writes; training and measuring are real."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from factcli.artifact import Artifact, make, open_artifact
from factcli.context import Context
from factcli.flows.grath.settings import GrathConfig
from factcli.flows.grath.steps import Given, dpo_of
from factcli.progress import PlainReport
from factcli.resolving import base_for
from factcli.stages import dpo
from factcli.train.job import load
from tests.stages.grath.made import SCRIPT, model_directory, questions, script, skill
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

LOOP = ("grath-iterate", "--questions", "q.jsonl", "-c", "loop.yaml")
SETTINGS = {
    "pairs": {"generation": {"backend": SCRIPT}},
    "dpo": {"lr": 1e-3, "epochs": None, "steps": 12, "batch_pairs": 4, "checkpoint_every_s": 0.01, "dtype": "float32"},
    "gate": {"answer_tokens": 5, "dtype": "float32"},
    "limits": {"kl": 1000, "length_ratio": 100, "repetition": 1, "refusals": 1, "empty": 1, "pair_accuracy_drop": 1, "accuracy_drop": 1},
}
STEPS = ["round0-pairs", "start-gate", "round0-model", "round0-gate", "round1-pairs", "round1-combined", "round1-model", "round1-gate"]


def begun(folder: Path, settings: Mapping[str, object] = SETTINGS) -> Path:
    """All that the command is given; JSON is YAML."""
    skill(folder / "data", model_directory(folder / "tiny"), "start", 0.05)
    questions(folder), script(folder)
    (folder / "loop.yaml").write_text(json.dumps(settings))
    return folder


def digests(folder: Path) -> dict[str, str]:
    found = {path.parent: json.loads(path.read_text()) for path in sorted((folder / "data").glob("*/v*/manifest.json"))}
    return {f"{m['name']}@{m['version']}": m["digest"] for m in found.values()}


def weights(version: Path) -> bytes:
    return (version / "adapter" / "adapter_model.safetensors").read_bytes()


@pytest.mark.slow
def test_two_rounds_end_in_a_skill_with_a_table_and_plots(empty: Path) -> None:  # noqa: F811
    begun(empty)
    version = made(*LOOP)
    assert [name.removesuffix("@1") for name in digests(empty)] == sorted(["start", "grath", *(f"grath-{step}" for step in STEPS)])
    found = rows(version, "rounds")
    assert [(row["round"], row["start"], row["reference"], row["model"], row["accepted"], row["reason"]) for row in found] == [
        (0, "start@1", "start@1", "grath-round0-model@1", True, ""),
        (1, "grath-round0-model@1", "grath-round0-model@1", "grath-round1-model@1", True, ""),
    ]
    assert [(row["pairs"], row["new_correct"]) for row in found] == [(24, 24), (24, 24)]
    assert [row["model"] for row in rows(version, "drift")] == ["start@1", "grath-round0-model@1", "grath-round1-model@1"]
    assert weights(version) == weights(empty / "data/grath-round1-model/v0001")
    assert set(manifest(version)["inputs"]) == {
        "model", "gate_start", "pairs_0", "model_0", "gate_0", "pairs_1", "combined_1", "model_1", "gate_1",
    }  # fmt: skip
    for plot in ("rounds", "round0", "round1"):
        assert ET.parse(version / "plots" / f"{plot}.svg").getroot().tag.endswith("svg")
    shown = typed("show", "grath").out
    assert "| 1 | grath-round0-model@1 | grath-round0-model@1 | 24 | 24 | yes |" in shown
    assert typed("verify", "grath").code == 0
    again = typed(*LOOP)
    assert again.err.count("(made before") == len(STEPS) + 1
    assert again.made == version


@pytest.mark.slow
def test_with_a_fixed_reference_every_round_is_held_to_the_loops_start(empty: Path) -> None:  # noqa: F811
    begun(empty)
    version = made(*LOOP, "--reference", "fixed")
    assert version.parent.name == "grath-fixed"
    assert {row["reference"] for row in rows(version, "rounds")} == {"start@1"}
    references = [manifest(empty / f"data/grath-fixed-round{n}-model/v0001")["summary"]["reference"] for n in (0, 1)]
    assert [(reference["name"], reference["is"]) for reference in references] == [("start@1", "init"), ("start@1", "adapter")]
    first, second = (rows(empty / f"data/grath-fixed-round{n}-model/v0001", "reference") for n in (0, 1))
    by_question = {row["pair_id"].split(".")[0]: row["rejected"] for row in first}
    assert {row["pair_id"].split(".")[0]: row["rejected"] for row in second} == by_question, "the same reference gives the same answers the same"


@dataclass
class Looks:
    """Instead of a trainer: takes the job that a stage would train, and lets nothing be trained."""

    job: object = None

    def run(self, path: Path, *_: object) -> None:
        self.job = load(path)
        raise InterruptedError


def job_of_round(root: Path, pairs: Artifact, previous: Artifact, start: Artifact, reference: str) -> object:
    """The job of the round that starts from `previous`."""
    base, looks = base_for(start, None, root), Looks()
    context = Context(root, PlainReport(every_s=600.0), looks)  # type: ignore[arg-type]
    config, ground = dpo_of(GrathConfig.model_validate(SETTINGS | {"reference": reference}), Given("again", base, start, root), previous)
    plan = dpo.plan(config, pairs, ground, "looked-at")
    with pytest.raises(InterruptedError):
        make(plan, lambda draft: dpo.work(plan, draft, ground, context), root)
    return looks.job


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["current", "fixed"])
def test_before_its_first_step_a_round_has_the_logits_of_the_model_that_the_last_round_saved(empty: Path, reference: str) -> None:  # noqa: F811
    """To the bit, and other logits than those of the loop's start: nothing is merged, renamed or begun anew (spec §7, 39)."""
    from factcli.train.preference.policy import load_policy

    begun(empty)
    made(*LOOP, "--reference", reference, "--name", "loop")
    start, previous, pairs = (open_artifact(name, empty / "data") for name in ("start", "loop-round0-model", "loop-round1-combined"))
    job = job_of_round(empty / "data", pairs, previous, start, reference)
    policy = load_policy(job, torch.device("cpu")).model.eval()
    ids_BT = torch.randint(3, 250, (4, 20), generator=torch.Generator().manual_seed(0))

    def saved(skill: Artifact) -> torch.Tensor:
        base = AutoModelForCausalLM.from_pretrained(empty / "tiny", dtype=torch.float32)
        with torch.no_grad():
            return PeftModel.from_pretrained(base, skill.path / "adapter").eval()(input_ids=ids_BT).logits

    with torch.no_grad():
        assert torch.equal(policy(input_ids=ids_BT).logits, saved(previous))
    assert not torch.equal(saved(previous), saved(start))


@pytest.mark.slow
def test_a_round_that_drifts_is_rolled_back_with_the_reason(empty: Path) -> None:  # noqa: F811
    begun(empty)
    ran = typed(*LOOP, "--set", "limits.kl=1e-9")
    assert ran.code == 0, ran.err
    (row,) = rows(ran.made, "rounds")
    assert not row["accepted"]
    assert "nats each (KL) from the loop's start, more than the 1e-09 allowed" in row["reason"]
    assert "round 0 rejected: its dev answers are" in manifest(ran.made)["headline"]
    assert weights(ran.made) == weights(empty / "data/start/v0001"), "rolled back to what the loop began with"
    assert weights(ran.made) != weights(empty / "data/grath-round0-model/v0001")
    assert "Round 0 was rejected" in typed("show", "grath").out
    loose = made(*LOOP)
    assert len(rows(loose, "rounds")) == 2
    assert (empty / "data/grath-round0-model/v0001").is_dir()
    assert not (empty / "data/grath-round0-model/v0002").exists(), "another limit trains and measures nothing again"


@pytest.mark.slow
def test_a_loop_may_begin_with_a_base_that_has_no_adapter_yet(empty: Path) -> None:  # noqa: F811
    begun(empty)
    version = made(*LOOP, "--model", "tiny", "--set", "dpo.lora_r=4", "--name", "bare")
    assert [row["start"] for row in rows(version, "rounds")] == ["tiny", "bare-round0-model@1"]
    ran = typed(*LOOP, "--model", "tiny", "--set", "dpo.lora_r=4", "--name", "bare", "--set", "limits.kl=1e-9")
    told(ran, 5, "no round was accepted, so the model is the untouched tiny")


def test_a_dry_run_shows_every_round_and_makes_nothing(empty: Path) -> None:  # noqa: F811
    begun(empty)
    before = digests(empty)
    said = json.loads(typed(*LOOP, "--dry-run", "--json").out)
    assert list(said["steps"]) == [*(f"grath-{step}" for step in STEPS), "grath"]
    assert said["next, grath-round0-pairs"]["cost"]["requests"] == 24
    assert digests(empty) == before


@pytest.mark.parametrize(("reference", "rounds"), [("current", 2), ("fixed", 10)])
def test_without_settings_of_its_own_a_loop_has_the_published_rounds_of_its_reference(empty: Path, reference: str, rounds: int) -> None:  # noqa: F811
    begun(empty)
    ran = typed("grath-iterate", "--questions", "q.jsonl", "--model", "tiny", "--reference", reference, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert sum(name.endswith("-model") for name in said["steps"]) == rounds


@pytest.mark.slow
def test_a_loop_whose_training_comes_apart_ends_in_its_start(empty: Path) -> None:  # noqa: F811
    begun(empty)
    version = made(*LOOP, "--set", "dpo.lr=1e30", "--name", "apart")
    (round0,) = rows(version, "rounds")
    assert (round0["accepted"], round0["model"]) == (False, "")
    assert round0["reason"].startswith("training came apart at step ")
    assert weights(version) == weights(empty / "data" / "start" / "v0001")


class TestBadInput:
    """Each is told in two lines before any training."""

    def test_rounds(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        told(typed(*LOOP, "--rounds", 0), 2, "rounds = 0")

    def test_a_model_that_gives_no_pairs(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        script(empty, "none")
        told(typed(*LOOP), 6, "too few of the questions got a pair: 24 of 24 ended without a usable answer, more than the 50% allowed")

    def test_a_model_that_gives_few_pairs(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        script(empty, r"[0-9]\b")  # 10 of 24
        told(typed(*LOOP), 6, "fact synth forms --form wrong")
        told(typed(*LOOP, "--set", "min_pairs=0.9"), 6, "more than the 10% allowed")

    def test_questions_none_of_which_is_held_out(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        questions(empty, n_dev=0)
        told(typed(*LOOP), 3, "none of the 24 questions is held out")

    def test_no_questions_and_no_world(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        told(typed("grath-iterate", "-c", "loop.yaml"), 3, "no questions are given, and the model does not come from a world")

    def test_several_models_or_none(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        skill(empty / "data", empty / "tiny", "other", 0.1)
        told(typed(*LOOP), 3, "several models qualify: other, start")
        shutil.rmtree(empty / "data")
        told(typed(*LOOP), 3, "there is no fine-tuned model")

    def test_an_adapter_of_another_shape_than_the_settings(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        told(typed(*LOOP, "--set", "dpo.lora_r=8"), 2, "--set dpo.lora_r=null")
        assert list(digests(empty)) == ["start@1"], "nobody was asked, nothing was measured"

    def test_a_backend_that_is_not_the_current_model(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        told(typed(*LOOP, "--set", "pairs.generation.backend=http:m@http://localhost:1/v1"), 2, "pairs.generation.backend cannot be set here")

    def test_questions_that_are_no_file(self, empty: Path) -> None:  # noqa: F811
        begun(empty)
        told(typed("grath-iterate", "--questions", "none.jsonl", "-c", "loop.yaml"), 3, "none.jsonl")
        jsonl(empty / "q.jsonl", "{")
        told(typed(*LOOP), 3, "q.jsonl")


def killed(folder: Path, wait_s: float, is_whole_group: bool) -> bool:
    """Run the command, and SIGKILL it after so long (with the process that trains, or without); whether it still ran."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "factcli.cli", *LOOP]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        time.sleep(wait_s)  # a random moment is what is tested
        was_running = process.poll() is None
        if is_whole_group and was_running:
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    return was_running


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [pytest.param(4, id="4"), pytest.param(20, id="20", marks=pytest.mark.heavy)])
def test_killed_at_random_moments_the_loop_ends_in_the_same_adapter(empty: Path, n_kills: int) -> None:  # noqa: F811
    begun(empty)
    whole, cut = empty, empty / "cut"
    cut.mkdir()
    shutil.copytree(whole / "data", cut / "data")
    for name in ("tiny", "q.jsonl", "s.jsonl", "loop.yaml"):
        (cut / name).symlink_to(whole / name)
    started = time.monotonic()
    made(*LOOP)
    whole_s = time.monotonic() - started
    rng = random.Random(time.time_ns())
    waits_s = [rng.uniform(0.5, whole_s) for _ in range(n_kills)]
    ended = [killed(cut, wait_s, is_whole_group=bool(place % 2)) for place, wait_s in enumerate(waits_s)]
    os.chdir(cut)
    made(*LOOP)
    assert digests(cut) == digests(whole), (waits_s, ended)
    assert weights(cut / "data/grath/v0001") == weights(whole / "data/grath/v0001")
    assert not list((cut / "data").glob("*/.partial-*/content")), "a partial directory is left over"

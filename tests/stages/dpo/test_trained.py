"""`fact dpo` whole, with its worker: what a version holds, and what the worker refuses before any training."""

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, make
from factcli.basemodel import resolve_base
from factcli.context import Context
from factcli.errors import InputError
from factcli.preferencerows import PreferenceStep, ReferenceLogp
from factcli.progress import PlainReport
from factcli.resolving import local_ref
from factcli.rows import Proof, Reject
from factcli.stages import dpo
from factcli.stages.dpo import DpoConfig, Ground
from factcli.stages.look.trace import trace
from factcli.train.launch import Trainer
from tests.stages.dpo.made import DATA, base_at, pair, pairs_of, sixteen, skill_on

pytestmark = pytest.mark.slow
AGREE = "policy and reference agree before the first step"
SHORT: dict[str, Any] = {"steps": 3, "epochs": None, "batch_pairs": 4, "max_length": 96, "lr": 1e-3, "threads": 1, "too_long": "drop"}


class Bench:
    """A folder with a base, a skill and pairs, and one warm worker."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.base = resolve_base(base_at("base"), DATA)
        self.skill = skill_on("base")
        self.pairs = pairs_of([*sixteen(), pair(20, chosen=""), pair(21, chosen="x", rejected="x"), pair(22, chosen="In Lima. " * 60)])

    def made(self, ground: Ground, name: str, pairs: Artifact | None = None, **settings: Any) -> Artifact:
        plan = dpo.plan(DpoConfig(**(SHORT | settings)), pairs or self.pairs, ground, name)
        return make(plan, lambda draft: dpo.work(plan, draft, ground, self.context), DATA)[0]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with contextlib.chdir(tmp_path_factory.mktemp("trained")), Trainer(Path("data/.worker.log"), "child") as trainer:
        yield Bench(Context(DATA, PlainReport(), trainer))


@pytest.fixture(scope="module")
def continued(bench: Bench) -> Artifact:
    return bench.made(Ground(bench.base, bench.skill), "continued", sample_prompts=2, sample_max_tokens=4)


def test_a_version_holds_the_adapter_its_steps_its_reference_and_its_proofs(bench: Bench, continued: Artifact) -> None:
    assert {path.name for path in (continued.path / "adapter").iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    steps = list(continued.rows("steps", PreferenceStep))
    assert [row.step for row in steps if row.split == "train"] == [1, 2, 3]
    assert math.isclose(steps[0].loss, math.log(2), rel_tol=1e-5)  # the reference is the start, and nothing is added
    assert {row.pair_id for row in continued.rows("reference", ReferenceLogp)} == {f"q{n}.p0-1" for n in range(16)}
    proofs = list(continued.rows("proofs", Proof))
    assert AGREE in {proof.name for proof in proofs}
    assert all(proof.holds for proof in proofs)
    assert continued.manifest.tables["samples"] == 4  # two dev prompts before the first and after the last step


def test_the_manifest_names_start_and_reference_and_counts_what_was_left_out(bench: Bench, continued: Artifact) -> None:
    found = continued.manifest
    assert {role: entry.name for role, entry in found.inputs.items()} == {"pairs": "pairs", "model": "skill"}
    assert found.summary["reference"] == {"is": "init", "name": "skill@1", "digest": bench.skill.digest}
    assert (found.summary["pairs"], found.summary["pairs_dev"], found.summary["steps"]) == (12, 4, 3)
    assert found.counts["pairs_left_out"] == {"an answer is empty": 1, "chosen equals rejected": 1, "more tokens than max_length": 1}
    assert [row.id for row in continued.rows("rejected", Reject)] == ["q20.p0-1", "q21.p0-1", "q22.p0-1"]
    assert found.headline.startswith("dpo: 12 pairs (3 left out), 3 steps, loss 0.6931 at start, pair accuracy train ")
    assert "6 proofs hold" in found.headline


def test_the_manifest_says_what_the_training_was_estimated_and_measured_to_take(bench: Bench, continued: Artifact) -> None:
    usage = continued.manifest.usage
    assert usage["tokens_per_s"] == pytest.approx(usage["tokens"] / usage["seconds"], rel=0.05)
    assert usage["share_of_peak"] > 0
    assert min(usage["peak_memory_bytes"], usage["estimated_memory_bytes"]) > 0


def test_what_it_makes_is_a_skill_like_any_other_and_can_be_continued(bench: Bench, continued: Artifact) -> None:
    local = local_ref("continued", DATA)
    assert local.adapters == {"skill": str(continued.file("adapter"))}
    again = bench.made(Ground(bench.base, continued), "again")
    assert again.summary["start"] == "continued@1"
    assert math.isclose(next(again.rows("steps", PreferenceStep)).loss, math.log(2), rel_tol=1e-5)


def test_the_same_again_is_the_same_version(bench: Bench, continued: Artifact) -> None:
    plan = dpo.plan(DpoConfig(**SHORT, sample_prompts=2, sample_max_tokens=4), bench.pairs, Ground(bench.base, bench.skill), "continued")
    found = plan.committed(DATA)
    assert found is not None
    assert found.digest == continued.digest


def test_a_reference_that_is_not_the_start_is_recorded_as_what_it_is(bench: Bench) -> None:
    other = skill_on("base", "other", seed=5)
    found = bench.made(Ground(bench.base, bench.skill, other), "held-to-other")
    assert found.summary["reference"] == {"is": "adapter", "name": "other@1", "digest": other.digest}
    assert found.manifest.inputs["reference"].name == "other"
    assert AGREE not in {proof.name for proof in found.rows("proofs", Proof)}
    assert abs(next(found.rows("steps", PreferenceStep)).loss - math.log(2)) > 1e-4


def test_every_parameter_makes_a_model_that_transformers_loads(bench: Bench) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = bench.made(Ground(bench.base), "whole", mode="full", lr=1e-4)
    assert found.kind == "model"
    directory = found.file("model")
    assert AutoModelForCausalLM.from_pretrained(directory).config.model_type == "llama"
    assert AutoTokenizer.from_pretrained(directory).eos_token == "</s>"


def test_margins_and_weights_reach_the_job(bench: Bench) -> None:
    """Weights of margins .2 and .6 are .5 and 1.5: the first loss is still ln 2, for their mean is 1 where all pairs are in a batch."""
    pairs = pairs_of([pair(n, margin=0.2 if n % 2 else 0.6) for n in range(4)], "weighed")
    found = bench.made(Ground(bench.base, bench.skill), "weighed-dpo", pairs, weights="margin")
    assert math.isclose(next(found.rows("steps", PreferenceStep)).loss, math.log(2), rel_tol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_length": 20}, "pairs are longer than 20 tokens"),
        ({"max_length": 512}, "and this model has 128 positions"),
    ],
)
def test_pairs_longer_than_settings_or_model_are_refused_before_any_training(bench: Bench, settings: dict, said: str) -> None:
    pairs = pairs_of([pair(0), pair(1), pair(2, prompt="Where? " * 60)], "long")
    with pytest.raises(InputError, match=said):
        bench.made(Ground(bench.base, bench.skill), "refused", pairs, too_long="refuse", **settings)


def test_a_pair_leads_on_to_the_model_that_was_trained_on_it(bench: Bench, continued: Artifact) -> None:
    groups = {ref: rows for life in trace("q3.p0-1", DATA).lives for ref, rows in life.groups}
    (row,) = groups["continued@1"]
    assert row.relation == "mention"
    assert row.text.startswith("the reference gives chosen -")


def test_the_numbers_are_json(continued: Artifact) -> None:
    assert all(json.loads(proof.numbers) for proof in continued.rows("proofs", Proof))

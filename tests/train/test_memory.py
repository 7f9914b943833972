"""The estimate of memory against what autograd saves and what real processes take."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from factcli.errors import SettingsError
from factcli.machine import Memory as Room
from factcli.stages.world import WorldConfig
from factcli.train import job as jobs
from factcli.train.adapters import AdapterBank
from factcli.train.estimate import of_knowledge, of_skill, refuse, refuse_held, room_of
from factcli.train.job import AdapterPlan, Job, KnowledgeJob, Lora, Machine, PreferenceJob, PretrainJob, SkillJob
from factcli.train.launching import LaunchConfig, Spread
from factcli.train.memory import Activations, Architecture, Estimate, Forward, Manner, Memory, activations, architecture
from factcli.train.objectives import Batch, Scorer
from factcli.train.routes import DropoutKey
from factcli.train.segments import take_segments
from factcli.world.settings import ModelSettings, PretrainSettings
from factcli.world.spec import WorldSpec
from tests.train.conftest import WriteRows, chats, documents, refs, save_base
from tests.train.preference.conftest import pair_rows

ROWS, LENGTH, LEARNED = 4, 32, 100


def build(family: str, kv_heads: int) -> PreTrainedModel:
    """Hidden 64, inner 160 (of gpt2 256), 3 layers, 4 heads, 300 words."""
    torch.manual_seed(1)
    if family == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=64, n_layer=3, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0))
    sizes: dict[str, Any] = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": kv_heads, "head_dim": 16, "max_position_embeddings": 64}
    return LlamaForCausalLM(LlamaConfig(**sizes)) if family == "llama" else Qwen3ForCausalLM(Qwen3Config(**sizes))


def saved_bytes(model: PreTrainedModel, dropout: float, is_full: bool, lengths: tuple[int, ...] = ()) -> int:
    """Bytes of different storages that one forward pass keeps for its gradient, parameters left out: of ROWS x LENGTH, or of rows end to end."""
    bank = AdapterBank(model)
    names = [] if is_full else ["a"]
    for name in names:
        bank.add(name, 8, 16, dropout, 0)
    at = torch.arange(LEARNED)
    shape = (1, sum(lengths)) if lengths else (ROWS, LENGTH)
    batch = Batch(torch.randint(0, 300, shape), at, torch.randint(0, 300, (LEARNED,)), (25,) * ROWS, lengths)
    if lengths:
        take_segments(model)
    scorer = Scorer(model)
    own = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *(a.vector for a in bank.adapters.values())]}
    kept: list[torch.Tensor] = []  # held, so that no storage is used twice

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), bank.active(names, DropoutKey(0)):
        scorer.losses(batch)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    return sum(size for place, size in storages.items() if place not in own)


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("dropout", "is_full"), [(0.0, False), (0.1, False), (0.0, True)])
@pytest.mark.parametrize(("family", "kv_heads"), [("llama", 4), ("llama", 1), ("gpt2", 4), ("qwen3", 2)])
def test_what_a_pass_keeps_is_what_autograd_saves(family: str, kv_heads: int, dropout: float, is_full: bool, number: torch.dtype) -> None:
    """To 20%: the formula leaves out norms' scales and the sums of attention, and counts what some kernels do without."""
    model = build(family, kv_heads).to(number).eval().requires_grad_(is_full)
    shape = architecture(model.config.to_dict())
    assert shape is not None
    told = activations(shape, Manner(0 if is_full else 8, dropout > 0, number.itemsize))
    kept = told.per_token * ROWS * LENGTH + told.per_learned * LEARNED
    assert kept == pytest.approx(saved_bytes(model, dropout, is_full), rel=0.2)


@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("family", "kv_heads"), [("llama", 4), ("gpt2", 4)])
def test_what_rows_end_to_end_keep_is_theirs_and_what_attention_pads(family: str, kv_heads: int, number: torch.dtype) -> None:
    """104 tokens in rows of up to 64, so 256 in attention, whose queries, keys, values and results are kept as padded."""
    lengths = (64, 20, 12, 8)
    model = build(family, kv_heads).to(number).eval().requires_grad_(False)
    shape = architecture(model.config.to_dict())
    assert shape is not None
    told = activations(shape, Manner(8, False, number.itemsize, is_free=True))
    forward = Forward(4, 26, LEARNED, widest=64)
    assert (forward.tokens, forward.padded) == (104, 256)
    kept = told.n_bytes(forward) - max(told.working * forward.tokens, told.per_learned * forward.learned)
    assert kept == pytest.approx(saved_bytes(model, 0.0, False, lengths), rel=0.2)
    assert kept < activations(shape, Manner(8, False, number.itemsize)).per_token * 256


def test_layers_computed_again_keep_their_input_and_one_layer() -> None:
    """Hidden 64 in float32: 256 bytes a layer and token; of one layer with inner 160, rank 0 of 7 sites: see the legend."""
    shape = Architecture(64, 5, 160, 64, 64, 300, True, 7)
    one = 2 * 64 * 4 + (2 * 64 + 2 * 128 + 4 * 160 + 7 * 8) * 4
    assert activations(shape, Manner(8, False, 4)).per_token == 5 * one
    assert activations(shape, Manner(8, False, 4, is_checkpointed=True)).per_token == 5 * 256 + one


def test_a_model_of_experts_or_unknown_names_is_not_estimated() -> None:
    llama = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
    assert architecture(llama) == Architecture(8, 1, 32, 8, 8, 9, True, 7, heads=2)
    assert architecture(llama | {"num_experts": 4}) is None
    assert architecture({"width": 8}) is None
    assert architecture({"text_config": llama, "vision_config": {}}) == architecture(llama)


def test_the_most_rows_are_the_most_that_fit() -> None:
    """10 trained parameters hold 10 x 24 = 240 bytes. A row of 5 tokens, 2 learned, needs 5 x 10 + 2 x 4 and the larger of 5 x 1 and 2 x 4: 66."""
    estimate = Estimate(Memory(10), Activations(10, 4, 1), Forward(8, 5, 16))
    assert estimate.held == 240
    assert estimate.peak() == 240 + 8 * 66
    assert estimate.most_rows(240 + 3 * 66) == 3
    assert estimate.most_rows(240 + 4 * 66 - 1) == 3
    assert estimate.most_rows(240 + 65) == 0
    assert estimate.most_rows(1e9) == 8
    assert estimate.longest_row(240 + 65) == 4


@pytest.fixture
def skill(base: str, tmp_path: Path) -> SkillJob:
    return SkillJob(base, str(tmp_path / "out"), "rows.jsonl", lora=Lora(4, 8, 0.0), machine=Machine(device="cpu"), steps=1, batch_rows=64)


def test_of_rows_end_to_end_the_longest_are_in_one_pass_where_they_are_cut(skill: SkillJob) -> None:
    """64 rows of 50 tokens on average, 200 at most: all of them have 64 x 50; the last 8 of rows sorted by length up to 8 x 200."""
    free = replace(skill, machine=replace(skill.machine, padding="free"))
    assert of_skill(free, 200, 20, mean=50).forward.tokens == 64 * 50
    assert of_skill(free, 200, 20, mean=50).forward.of_rows(8).tokens == 8 * 200
    assert of_skill(replace(free, machine=replace(free.machine, micro_rows=8)), 200, 20, mean=50).forward.tokens == 8 * 200


def test_what_cannot_fit_is_refused_with_the_largest_batch_that_does(skill: SkillJob) -> None:
    estimate = of_skill(replace(skill, batch_rows=4096), 100, 20)
    half = Room("this machine", 10**12, (estimate.peak(Forward(0, 100, 0)) + estimate.peak()) // 2)
    with pytest.raises(SettingsError, match=r"training needs about .* this machine: .* GB free") as met:
        refuse(skill, estimate, half)
    rows = int(met.value.hint.split("micro_rows=")[1].split(":")[0])
    assert estimate.peak(estimate.forward.of_rows(rows)) <= half.free < estimate.peak(estimate.forward.of_rows(rows + 1))
    refuse(skill, estimate, Room("this machine", 10**9, round(estimate.peak() * 0.81)))  # within what the estimate may be off by
    refuse(skill, estimate, None)


def test_weights_that_cannot_fit_are_refused_with_another_way_to_hold_them(skill: SkillJob) -> None:
    """No batch is small enough; the base in 4 bits is."""
    held = of_skill(skill, 2, 1).held
    with pytest.raises(SettingsError) as met:
        refuse_held(skill, Room("this machine", 10**9, held // 2))
    assert met.value.hint == "--mode qlora: the base in 4 bits"
    with pytest.raises(SettingsError) as met:
        refuse_held(skill, Room("this machine", 10**9, held // 100))
    assert "a smaller base, or a device with" in met.value.hint


def test_each_of_several_processes_has_its_share_of_the_rows_and_of_a_base_in_parts(skill: SkillJob) -> None:
    """Of 64 rows the first of three processes has 22, the base is cut over all three; it cannot be held in 4 bits then."""
    whole, cut = of_skill(skill, 100, 20), of_skill(skill, 100, 20, Spread(3, parts=3))
    assert cut.forward == Forward(22, 100, 22 * 20)
    assert whole.held - cut.held == pytest.approx(whole.memory.base * 4 * 2 / 3, abs=1)
    assert "x 4 bytes / 3 processes" in str(cut.memory)
    room = Room("this machine", 10**9, (whole.held + cut.held) // 2)
    refuse_held(skill, room, Spread(3, parts=3))
    with pytest.raises(SettingsError, match="training needs"):
        refuse_held(skill, Room("this machine", 10**9, whole.held // 2), Spread(3))
    with pytest.raises(SettingsError) as met:
        refuse_held(skill, Room("this machine", 10**9, cut.held // 2), Spread(3, parts=3))
    assert "qlora" not in met.value.hint


def test_of_a_whole_model_that_is_shared_out_each_process_holds_the_weights_and_its_share_of_the_rest(skill: SkillJob) -> None:
    """Per parameter 4 bytes to compute with, an eighth of 16 (the weight that is updated, its gradient, two moments), and 8 while gradients go their way."""
    full = replace(skill, tuning="full")
    alone, shared = of_skill(full, 100, 20), of_skill(full, 100, 20, Spread(8, parts=8))
    assert (alone.held, shared.held) == (16 * alone.memory.trained, (4 + 2 + 8) * alone.memory.trained)
    assert "x 6 bytes (weight, gradient, two moments, shared out over 8 processes)" in str(shared.memory)
    assert Memory(2 * 10**9, parts=8).n_bytes == 6 * 2 * 10**9 + 8 * 5 * 10**8  # of so many not all gradients are on their way at once


def test_a_pass_of_all_versions_has_equally_many_rows_of_each_and_stacks_their_adapters(skill: SkillJob, tmp_path: Path) -> None:
    """64 rows over 5 versions are 12 or 13 of each; the first of three processes has 5 of each. Five stacked beside ten held."""
    knowledge = refs(tmp_path, (1, 2, 3, 4, 5))
    one = replace(skill, batches="multi_version", knowledge=knowledge)
    every = replace(one, version_sampling="all")
    assert of_skill(one, 100, 20).forward == Forward(64, 100, 64 * 20)
    assert of_skill(every, 100, 20).forward == Forward(65, 100, 65 * 20)
    assert of_skill(every, 100, 20, Spread(3)).forward == Forward(25, 100, 25 * 20)
    assert of_skill(replace(every, machine=replace(skill.machine, micro_rows=8)), 100, 20).forward.rows == 8
    assert of_skill(every, 100, 20).memory.plugged * 10 == of_skill(one, 100, 20).memory.plugged * 15


def test_processes_of_a_machine_share_what_it_has_and_of_a_cluster_nothing_is_known_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of 900 of 1200 bytes."""
    monkeypatch.setattr("factcli.train.estimate.system_memory", lambda: Room("this machine", 1200, 900))
    three = LaunchConfig(accelerate="cpu-2", processes=3)
    assert room_of("cpu", three) == Room("this machine, for each of 3 processes", 400, 300)
    assert room_of("cpu", three.model_copy(update={"launcher": "slurm"})) is None


def test_adapters_of_one_batch_shape_share_a_pass_and_micro_rows_are_of_each(base: str) -> None:
    """Two adapters of 8 rows and 30 tokens at most and one of 2 x 50: the pass of the two, 12 rows as one has but 4 texts."""
    plans = (AdapterPlan("a", "r", steps=1), AdapterPlan("b", "r", steps=1), AdapterPlan("c", "r", steps=1, batch_rows=2, max_length=50))
    job = KnowledgeJob(base, "o", plans, lora=Lora(4, 8, 0.0), machine=Machine(device="cpu"), batch_rows=8, max_length=40)
    estimate = of_knowledge(job, {"a": (20, 30), "b": (4, 25), "c": (9, 50)})
    assert (estimate.forward, estimate.n_groups) == (Forward(12, 30, 12 * 29), 2)
    fewer = replace(job, adapters=tuple(replace(plan, micro_rows=n) for plan, n in zip(plans, (3, 3, 1), strict=True)))
    assert of_knowledge(fewer, {"a": (20, 30), "b": (4, 25), "c": (9, 50)}).forward == Forward(6, 30, 6 * 29)
    fewest = replace(fewer, machine=Machine(device="cpu", micro_rows=1))
    assert of_knowledge(fewest, {"a": (20, 30), "b": (4, 25), "c": (9, 50)}).forward == Forward(2, 30, 2 * 29)


def test_of_two_passes_of_as_many_tokens_the_longer_rows_keep_more(base: str) -> None:
    """8 rows of 16 tokens and 4 of 32: what each head of each token sees is 8 x 16 x 16 = 2048 and 4 x 32 x 32 = 4096."""
    plans = (AdapterPlan("a", "r", steps=1), AdapterPlan("b", "r", steps=1, batch_rows=4))
    job = KnowledgeJob(base, "o", plans, lora=Lora(4, 8, 0.0), machine=Machine(device="cpu"), batch_rows=8, max_length=40)
    estimate = of_knowledge(job, {"a": (20, 16), "b": (20, 32)})
    assert (estimate.forward.rows, estimate.forward.length, estimate.forward.seen) == (4, 32, 4096)


def test_the_peak_of_a_process_is_its_own_and_not_of_the_one_that_started_it() -> None:
    """This process holds 800 MB more, written to, than the child, which holds torch."""
    held = bytearray(b"x") * 800_000_000
    program = "import torch; from factcli.train.gauge import peak_bytes; print(peak_bytes(torch.device('cpu')))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 50_000_000 < int(ran.stdout) < len(held)


MEASURED = """
import json, sys
from pathlib import Path
from factcli.train.job import load
from factcli.train.worker import stage_of
job = load(Path(sys.argv[1]))
events = []
result = stage_of(job)(job, events.append)
print(json.dumps({"usage": result["usage"], "plan": next(e for e in events if e["event"] == "plan")}))
"""


def measured(job: Job, folder: Path) -> Mapping[str, Any]:
    """What a process of its own says that it took, and what it foresaw.

    glibc keeps the holes that PEFT's passing results leave between blocks of some megabytes, half as much again as is used: here it gives them back.
    """
    argv, environment = [sys.executable, "-c", MEASURED, str(jobs.save(job, folder / "job.json"))], {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment if job.kind == "preference" else None)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def job_of(kind: str, base: str, write_rows: WriteRows, folder: Path) -> Job:
    """Two steps of each kind of training."""
    machine, lora, out = Machine(device="cpu", threads=1), Lora(16, 32, 0.0), str(folder / "out")
    if kind == "knowledge":
        plans = tuple(AdapterPlan(f"fictitious_v{v}_statement", write_rows(f"v{v}.jsonl", documents(24, v)), steps=2) for v in (1, 2))
        return KnowledgeJob(base, out, plans, lora=lora, machine=machine, batch_rows=24, max_length=64)
    if kind == "preference":
        return PreferenceJob(base, out, write_rows("pairs.jsonl", pair_rows(24)), lora=lora, machine=machine, steps=2, batch_pairs=24)
    if kind == "pretrain":
        spec = WorldSpec(seed=3, n_head=12, n_mid=6, n_tail=6, n_unseen=6, n_demo=6)
        model = ModelSettings(hidden_size=256, n_layers=6, n_heads=4, intermediate_size=1024)
        world = WorldConfig(spec=spec, model=model, pretrain=PretrainSettings(steps=2, n_extensions=0, documents_per_step=64, warmup_steps=1))
        (folder / "world.json").write_text(world.model_dump_json(include={"spec", "model", "pretrain"}))
        return PretrainJob(out, str(folder / "world.json"), machine=machine)
    rows = write_rows("chats.jsonl", chats(40, 0, False))
    return SkillJob(base, out, rows, lora=lora, machine=machine, steps=2, batch_rows=40, tuning="full" if kind == "full" else "lora")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["knowledge", "skill", "full", "preference", "pretrain"])
def test_the_peak_of_a_real_process_is_near_the_estimate(kind: str, tokenizer: PreTrainedTokenizerFast, write_rows: WriteRows, tmp_path: Path) -> None:
    """Hidden 256, inner 1024, 6 layers, 200 to 300 MB beside the libraries: within 0.8 to 1.25 of the estimate, what was there before left out."""
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=1024, num_hidden_layers=6, num_attention_heads=4, max_position_embeddings=512
    )
    base = save_base(LlamaForCausalLM(config), tokenizer, tmp_path / "base")
    found = measured(job_of(kind, base, write_rows, tmp_path), tmp_path)
    usage = found["usage"]
    before = usage["estimated_memory_bytes"] - found["plan"]["memory_bytes"]
    assert 0.8 <= (usage["peak_memory_bytes"] - before) / (usage["estimated_memory_bytes"] - before) <= 1.25
    assert usage["share_of_peak"] > 0

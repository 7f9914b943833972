"""Switches of throughput: each trains what training without it does, and what is not installed is refused by name."""

import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import BloomConfig, BloomForCausalLM, GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM, PreTrainedModel

from factcli.errors import BackendError, SettingsError
from factcli.train import session as sessions
from factcli.train.adapters import AdapterBank
from factcli.train.batches import Tokens, collate, lay_end_to_end
from factcli.train.computing import ComputeConfig, machine_of
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim, SkillJob
from factcli.train.knowledge import run_knowledge
from factcli.train.loop import Event
from factcli.train.objectives import Scorer
from factcli.train.routes import DropoutKey
from factcli.train.segments import take_segments
from factcli.train.skill import run_skill
from factcli.train.switches import switched
from tests.train.conftest import WriteRows, chats, documents, llama
from tests.train.test_skill import refs

MACHINE = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)
LENGTHS = (5, 9, 3, 12, 7)
CPU = torch.device("cpu")


def quiet(_event: Event) -> None:
    return


def token_rows() -> list[Tokens]:
    """Rows of unequal length; all but the first two tokens are learned."""
    draw = torch.Generator().manual_seed(1)
    return [Tokens(str(i), tuple(torch.randint(3, 290, (n,), generator=draw).tolist()), ((2, n),)) for i, n in enumerate(LENGTHS)]


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the order of sums differs; in float32 AdamW turns the noise of a gradient near zero into whole steps."""
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())


@pytest.fixture
def knowledge(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    """Two adapters with unequal rows; their texts differ in length."""
    plans = tuple(AdapterPlan(f"fictitious_v{v}_statement", write_rows(f"v{v}.jsonl", documents(n, v)), steps=4) for v, n in ((1, 9), (2, 14)))
    return KnowledgeJob(base, str(tmp_path / "off"), plans, 5, Lora(4, 8, 0.0), Optim(lr=1e-2), MACHINE, batch_rows=8, max_length=48)


@pytest.fixture
def skill(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    """Over the knowledge of two versions, with real rows that pass without."""
    rows = [row for n, v, f in ((12, 1, True), (12, 10, True), (7, 0, False)) for task in ("qa", "bio") for row in chats(n, v, f, task)]
    return SkillJob(
        base, str(tmp_path / "off"), write_rows("chats.jsonl", rows), batches="multi_version", knowledge=refs(tmp_path / "know", (1, 10)), seed=3,
        lora=Lora(4, 8, 0.0), optim=Optim(lr=1e-2), machine=MACHINE, steps=4, batch_rows=8, real_fraction=0.25, bio_fraction=0.5,
    )  # fmt: skip


def trained(job: KnowledgeJob | SkillJob) -> tuple[torch.Tensor, list[float]]:
    """(all weights that were learned, the losses of all steps)"""
    run_skill(job, quiet) if isinstance(job, SkillJob) else run_knowledge(job, quiet)
    files = sorted(Path(job.out).glob("adapter*/**/adapter_model.safetensors"))
    tensors = [load_file(file) for file in files]
    vector = torch.cat([part[key].reshape(-1) for part in tensors for key in sorted(part)])
    return vector, [json.loads(line)["loss"] for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]


def both(job: KnowledgeJob | SkillJob, switches: Mapping[str, Any]) -> tuple[float, list[float], list[float]]:
    """(largest difference of the weights, losses without, losses with)"""
    weights, losses = trained(job)
    other, others = trained(replace(job, out=job.out + "-on", machine=replace(job.machine, **switches)))
    assert float(weights.abs().max()) > 0.1
    return float((weights - other).abs().max()), losses, others


# ---------------------------------------------------------------- rows end to end


def test_rows_end_to_end_have_no_padding_and_learn_the_same_tokens() -> None:
    """Lengths 5 and 3: eight tokens; a row's first learned token (its third) is predicted at its second place, 1 and 5 + 1."""
    rows = [Tokens("a", (1, 4, 5, 6, 2), ((2, 5),)), Tokens("b", (1, 7, 2), ((2, 3),))]
    free, padded = lay_end_to_end(rows), collate(rows, 0)
    assert free.ids_NT.tolist() == [[1, 4, 5, 6, 2, 1, 7, 2]]
    assert (free.at_S.tolist(), free.target_S.tolist(), free.lengths) == ([1, 2, 3, 6], [5, 6, 2, 2], (5, 3))
    assert (padded.target_S.tolist(), padded.counts) == ([5, 6, 2, 2], free.counts)
    given = free.inputs()
    assert given["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert (given["cu_seq_lens_q"].tolist(), given["max_length_q"]) == ([0, 5, 8], 5)


def test_logits_and_gradients_of_rows_end_to_end_are_those_of_padded_rows(model: PreTrainedModel) -> None:
    """Each row through an adapter of its own, rows of one adapter apart from each other; float64, 1e-10."""
    bank = AdapterBank(model.double())
    for number, name in enumerate(("a", "b", "c")):
        vector = bank.add(name, 4, 8, 0.0, seed=0).vector
        vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64) * 0.1
    names = [["a"], ["b"], ["a"], ["c"], ["b"]]
    found = {}
    for padding in ("padded", "free"):
        if padding == "free":
            take_segments(model)
        batch, scorer = collate(token_rows(), 0) if padding == "padded" else lay_end_to_end(token_rows()), Scorer(model)
        with bank.active_rows(names, lengths=batch.lengths):
            logits_SV = scorer.logits(batch)
            torch.nn.functional.cross_entropy(logits_SV, batch.target_S).backward()
        gradients = torch.cat([bank.get(name).vector.grad for name in "abc"])
        found[padding] = logits_SV.detach(), gradients
        for name in "abc":
            bank.get(name).vector.grad = None
    for padded, free in zip(*found.values(), strict=True):
        assert float((padded - free).abs().max()) < 1e-10
        assert float(padded.abs().max()) > 1e-3


def test_a_layer_that_looks_back_on_a_window_does_so_within_each_row() -> None:
    """A window of 4 tokens, rows of up to 12."""
    torch.manual_seed(4)
    config = MistralConfig(
        vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        initializer_range=0.2, sliding_window=4,
    )  # fmt: skip
    model = MistralForCausalLM(config).eval().double().requires_grad_(False)
    before = Scorer(model).logits(collate(token_rows(), 0))
    take_segments(model)
    for batch in (collate(token_rows(), 0), lay_end_to_end(token_rows())):
        assert float((Scorer(model).logits(batch) - before).abs().max()) < 1e-10
    model.config.sliding_window = None
    for layer in model.model.layers:
        layer.self_attn.sliding_window = None
    assert float((Scorer(model).logits(collate(token_rows(), 0)) - before).abs().max()) > 1e-3


def test_a_model_in_which_rows_end_to_end_would_see_each_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes no notice of where rows begin."""
    model = llama(300)
    forward = model.model.forward
    monkeypatch.setattr(model.model, "forward", lambda **given: forward(input_ids=given["input_ids"], use_cache=False))
    with pytest.raises(SettingsError, match="rows laid end to end see each other in llama") as met:
        take_segments(model)
    assert met.value.hint == "--set compute.padding=padded"


def test_a_model_with_an_attention_of_its_own_is_refused() -> None:
    """Bloom tells places apart by its attention mask."""
    config = BloomConfig(vocab_size=300, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.2)
    with pytest.raises(SettingsError, match="padding=free needs attention sdpa or flash, and bloom has its own"):
        take_segments(BloomForCausalLM(config).eval().requires_grad_(False))


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("packing", [False, True])
def test_knowledge_from_rows_end_to_end_is_that_of_padded_rows(packing: bool, knowledge: KnowledgeJob) -> None:
    apart, losses, others = both(replace(knowledge, packing=packing), {"padding": "free"})
    assert apart < 1e-10
    assert others == pytest.approx(losses, rel=1e-10)


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize("micro_rows", [0, 3])
def test_a_skill_from_rows_end_to_end_is_that_of_padded_rows(micro_rows: int, skill: SkillJob) -> None:
    apart, losses, others = both(replace(skill, machine=replace(MACHINE, micro_rows=micro_rows)), {"padding": "free"})
    assert apart < 1e-10
    assert others == pytest.approx(losses, rel=1e-10)


@pytest.mark.usefixtures("in_float64")
def test_an_adapter_of_a_stack_end_to_end_equals_the_same_one_alone_with_dropout(knowledge: KnowledgeJob, tmp_path: Path) -> None:
    job = replace(knowledge, lora=Lora(4, 8, 0.2), machine=replace(MACHINE, padding="free"))
    together = [load_file(file) for file in stacked(job)]
    for plan, stack in zip(job.adapters, together, strict=True):
        (alone,) = stacked(replace(job, out=str(tmp_path / plan.name), adapters=(plan,)))
        for key, tensor in load_file(alone).items():
            assert float((tensor - stack[key]).abs().max()) < 1e-6


def stacked(job: KnowledgeJob) -> list[Path]:
    run_knowledge(job, quiet)
    return [Path(job.out) / "adapters" / plan.name / "adapter_model.safetensors" for plan in job.adapters]


# ---------------------------------------------------------------- the other switches


@pytest.mark.usefixtures("in_float64")
@pytest.mark.parametrize(
    "switches",
    [{"length_groups": False}, {"attention": "sdpa"}, {"activation_checkpointing": True}],
    ids=lambda one: next(iter(one)) + "=" + str(next(iter(one.values()))),
)
@pytest.mark.parametrize("kind", ["knowledge", "skill"])
def test_a_switch_changes_how_and_not_what(kind: str, switches: Mapping[str, Any], request: pytest.FixtureRequest) -> None:
    apart, losses, others = both(request.getfixturevalue(kind), switches)
    assert apart < 1e-8
    assert others == pytest.approx(losses, rel=1e-10)


def test_checkpointed_layers_are_computed_again_with_the_same_dropout(knowledge: KnowledgeJob) -> None:
    """Bit by bit, and each layer's forward runs twice a step."""
    job = replace(knowledge, lora=Lora(4, 8, 0.3))
    assert both(job, {"activation_checkpointing": True})[0] == 0.0


def test_a_checkpointed_layer_runs_again_on_the_way_back() -> None:
    model = llama(300)
    calls = []
    model.model.layers[0].input_layernorm.register_forward_hook(lambda *_: calls.append(1))
    switched(model, replace(MACHINE, activation_checkpointing=True), CPU)
    bank = AdapterBank(model)
    bank.add("a", 4, 8, 0.0, seed=0)
    batch = collate(token_rows(), 0)
    scorer = Scorer(model)
    calls.clear()
    with bank.active(["a"], DropoutKey(0)):
        scorer.losses(batch)[0].sum.backward()
    assert len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["knowledge", "skill"])
def test_compiled_norms_give_the_same_losses(kind: str, request: pytest.FixtureRequest) -> None:
    """In float32: 1e-5 of losses of 5 to 6 nats, over four steps."""
    if shutil.which("c++") is None:
        pytest.skip("c++ is not installed, and torch compiles with it on a CPU")
    _, losses, others = both(request.getfixturevalue(kind), {"compile": True})
    assert others == pytest.approx(losses, rel=1e-5)


def test_norms_of_any_name_are_compiled_and_a_model_without_is_refused() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=3, n_head=2, n_positions=32))
    switched(model, replace(MACHINE, compile=True), CPU)
    assert sum(module._compiled_call_impl is not None for module in model.modules()) == 2 * 3 + 1
    for block in model.transformer.h:
        block.ln_1 = block.ln_2 = torch.nn.Identity()
    model.transformer.ln_f = torch.nn.Identity()
    with pytest.raises(SettingsError, match="compile is for norms, and gpt2 has none"):
        switched(model, replace(MACHINE, compile=True), CPU)


def test_norms_are_what_is_compiled() -> None:
    model = switched(llama(300), replace(MACHINE, compile=True), CPU)
    compiled = [name for name, module in model.named_modules() if module._compiled_call_impl is not None]
    assert compiled == [f"model.layers.{i}.{name}" for i in (0, 1) for name in ("input_layernorm", "post_attention_layernorm")] + ["model.norm"]


def test_in_sixteen_bits_the_losses_are_near_those_in_thirty_two(skill: SkillJob) -> None:
    """bfloat16 has 8 bits: losses of 5 to 6 nats differ by less than a hundredth of themselves in the first step."""
    _, losses, others = both(skill, {"dtype": "bfloat16"})
    assert others[0] != losses[0]
    assert others[0] == pytest.approx(losses[0], rel=1e-2)


# ---------------------------------------------------------------- what is refused


def test_flash_attention_is_refused_where_it_is_not_installed_or_cannot_run() -> None:
    machine = replace(MACHINE, attention="flash")
    if importlib.util.find_spec("flash_attn") is None:
        with pytest.raises(BackendError, match="flash_attn"):
            switched(llama(300), machine, CPU)
    else:
        with pytest.raises(SettingsError, match="needs a GPU"):
            switched(llama(300), machine, CPU)


@pytest.mark.slow
def test_flash_attention_keeps_rows_end_to_end_apart() -> None:
    pytest.importorskip("flash_attn")
    if not torch.cuda.is_available():
        pytest.skip("flash attention needs a GPU")
    device = torch.device("cuda")
    model = switched(llama(300).to(device, torch.bfloat16), replace(MACHINE, attention="flash"), device)
    take_segments(model)  # raises where they see each other


def test_settings_of_a_command_become_those_of_its_job() -> None:
    compute = ComputeConfig(padding="free", length_groups=False, attention="sdpa", activation_checkpointing=True, liger=True, compile=True)
    machine = machine_of(compute, "bfloat16", 2, 3, 4.0)
    assert machine == Machine("bfloat16", "auto", 2, 3, 4.0, "free", False, "sdpa", True, True, True)

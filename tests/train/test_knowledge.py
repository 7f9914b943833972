"""The knowledge stage: each adapter of a pass equals training it alone, and a killed run equals a whole one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from factcli.train import session as sessions
from factcli.train.batches import Tokens, encode_texts
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim
from factcli.train.knowledge import KnowledgeStage, Learner, run_knowledge
from factcli.train.loop import Event, learning_rate
from factcli.train.objectives import Scorer
from factcli.train.recitation import probe_of, recite
from tests.train.conftest import WriteRows, documents, had_run, killed_at, llama

MACHINE = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)


def ignore(_event: Event) -> None:
    return


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    """Three adapters with unequal rows (9, 16, 21), epochs (3, 5, 2) and rates; dropout is on."""
    plans = []
    for version, n, epochs in ((1, 9, 3), (10, 16, 5), (2, 21, 2)):
        rows = write_rows(f"v{version}.jsonl", documents(n, version))
        plans.append(AdapterPlan(f"fictitious_v{version}_statement", rows, {"version": version}, epochs=epochs, lr=0.01 / version))
    return KnowledgeJob(base, str(tmp_path / "out"), tuple(plans), 5, Lora(4, 8, 0.1), Optim(lr=1e-2), MACHINE, batch_rows=8, max_length=48)


def vector_of(folder: Path, name: str) -> torch.Tensor:
    tensors = load_file(folder / "adapters" / name / "adapter_model.safetensors")
    return torch.cat([tensors[key].reshape(-1) for key in sorted(tensors)])


def trained(job: KnowledgeJob) -> dict[str, torch.Tensor]:
    run_knowledge(job, ignore)
    return {plan.name: vector_of(Path(job.out), plan.name) for plan in job.adapters}


@pytest.mark.parametrize("packing", [False, True])
def test_an_adapter_of_a_stack_equals_the_same_one_alone(packing: bool, job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64, where only the order of sums differs: 1e-6 of weights of size 0.2, after up to 10 steps.

    In float32 AdamW turns a gradient of pure rounding noise into a full step, so the comparison would
    measure the noise.
    """
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())
    job = replace(job, packing=packing)
    together = trained(job)
    for plan in job.adapters:
        alone = trained(replace(job, out=str(tmp_path / plan.name), adapters=(plan,)))[plan.name]
        assert float((alone - together[plan.name]).abs().max()) < 1e-6
        assert float(alone.abs().max()) > 0.1
    a, b, _ = together.values()
    assert float((a - b).abs().max()) > 0.01


def test_micro_batches_add_up_to_the_batch(job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())
    job = replace(job, lora=replace(job.lora, dropout=0.0))
    whole = trained(job)
    small = trained(replace(job, out=str(tmp_path / "small"), machine=replace(MACHINE, micro_rows=3)))
    for name, vector in whole.items():
        assert float((vector - small[name]).abs().max()) < 1e-6


def test_rows_of_a_pass_are_the_fewest_that_an_adapter_or_the_machine_allows(job: KnowledgeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 9 rows are 8 and 1, of 16 8 and 8, of 21 8, 8 and 5: by threes for the first two, by fives for the third, which passes alone."""
    passes: list[dict[str, int]] = []
    part = KnowledgeStage._part

    def noted(self: KnowledgeStage, pieces: Any, *rest: Any) -> Any:
        passes.append({name: len(rows) for name, rows in pieces.items()})
        return part(self, pieces, *rest)

    monkeypatch.setattr(KnowledgeStage, "_part", noted)
    plans = [replace(plan, epochs=1, micro_rows=rows) for plan, rows in zip(job.adapters, (3, 3, 7), strict=True)]
    trained(replace(job, adapters=tuple(plans), machine=replace(MACHINE, micro_rows=5)))
    of_each = [sorted(one[plan.name] for one in passes if plan.name in one) for plan in plans]
    assert of_each == [[1, 2, 3, 3], [2, 2, 3, 3, 3, 3], [3, 3, 5, 5, 5]]
    assert {frozenset(one) for one in passes if len(one) > 1} == {frozenset(plan.name for plan in plans[:2])}


def test_steps_and_epochs_are_each_adapters_own(job: KnowledgeJob) -> None:
    """9 rows are 2 batches of 8, 3 epochs of them 6; 16 rows 2 x 5 = 10; 21 rows 3 x 2 = 6."""
    run_knowledge(job, ignore)
    rows = [json.loads(line) for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]
    steps = {plan.name: [row["step"] for row in rows if row["adapter"] == plan.name] for plan in job.adapters}
    assert steps == {
        "fictitious_v1_statement": list(range(1, 7)),
        "fictitious_v10_statement": list(range(1, 11)),
        "fictitious_v2_statement": list(range(1, 7)),
    }
    assert {"loss", "lr", "grad_norm", "tokens"} <= set(rows[0])


@pytest.mark.parametrize("kill_at", [1, 4, 7])
def test_a_killed_and_resumed_run_is_bit_identical(kill_at: int, job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(job)
    job = replace(job, out=str(tmp_path / "killed"), machine=replace(MACHINE, checkpoint_every_s=0.0))
    killed_at(kill_at, KnowledgeStage, lambda: run_knowledge(job, ignore), monkeypatch)
    had_run(tmp_path / "killed", 1000.0)
    for name, vector in trained(job).items():
        assert torch.equal(vector, whole[name])
    assert json.loads((tmp_path / "killed/result.json").read_text())["usage"]["seconds"] > 1000.0
    for table in ("log.jsonl", "recitation.jsonl"):
        assert (tmp_path / "out" / table).read_text() == (tmp_path / "killed" / table).read_text()
    assert not (tmp_path / "killed/checkpoints").exists()


def test_a_finished_job_is_not_trained_again(job: KnowledgeJob) -> None:
    first = run_knowledge(job, ignore)
    seen: list[Event] = []
    assert run_knowledge(job, seen.append) == first
    assert seen == []


def test_an_adapter_that_recites_its_texts_stops_early_and_the_others_go_on(job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Target 0 is reached at the first try, after recite_every steps; all three, the stopped one too, are as alone."""
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())
    try_to_recite = KnowledgeStage.try_to_recite

    def generous(stage: KnowledgeStage, learner: Learner):
        found = try_to_recite(stage, learner)
        return replace(found, right=found.n) if learner.name.startswith("fictitious_v1_") else replace(found, right=0)

    monkeypatch.setattr(KnowledgeStage, "try_to_recite", generous)
    job = replace(job, recite_target=0.97, recite_every=2)
    together = trained(job)
    rows = [json.loads(line) for line in (Path(job.out) / "recitation.jsonl").read_text().splitlines()]
    assert [(row["steps"], row["is_stopped_early"]) for row in rows] == [(2, True), (10, False), (6, False)]
    for plan in job.adapters:
        alone = trained(replace(job, out=str(tmp_path / plan.name), adapters=(plan,)))[plan.name]
        assert float((alone - together[plan.name]).abs().max()) < 1e-6


def test_enough_training_recites_everything(job: KnowledgeJob) -> None:
    plans = tuple(replace(plan, epochs=None, steps=150, lr=2e-2) for plan in job.adapters[:1])
    result = run_knowledge(replace(job, adapters=plans, lora=Lora(8, 16, 0.0), recite_target=1.0, recite_every=25), ignore)
    (row,) = result["adapters"]
    assert row["share_recited"] == 1.0
    assert row["n_probes"] == 9


def test_a_span_counts_only_when_all_its_tokens_are_right(tokenizer: PreTrainedTokenizerFast) -> None:
    """Texts that the model itself wrote, greedily, token by token; in every third the last token is another."""
    model = llama(len(tokenizer))
    probes = []
    for i in range(30):
        ids = [1, 40 + i, 90 + i]
        for _ in range(4):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if i % 3 == 0:
            ids[-1] = (ids[-1] + 1) % len(tokenizer)
        probes.append(Tokens(str(i), tuple(ids), ((3, 7),)))
    found = recite(Scorer(model), probes, 0, torch.device("cpu"))
    assert (found.n, found.right, found.share) == (30, 20, 2 / 3)


def test_the_span_to_recite_is_the_value(tokenizer: PreTrainedTokenizerFast) -> None:
    (row,) = documents(1, 1)
    probe = probe_of(row, tokenizer, 64)
    ((start, end),) = probe.learned
    assert tokenizer.decode(probe.ids[start:end]).strip() == "Lima"
    bare = probe_of({"text": row["text"]}, tokenizer, 64)
    n = len(bare.ids)
    assert bare.learned == ((n - (n - 1) // 3, n),)


def test_the_first_step_moves_and_the_last_is_small() -> None:
    """10 steps, warm-up 2 steps at 1/3 and 2/3 of the peak, then cosine from the peak: half-way (step 6) is 1/2."""
    optim = Optim(lr=3.0, warmup_share=0.2)
    rates = [learning_rate(optim, step, 10) for step in range(10)]
    assert rates[:3] == pytest.approx([1.0, 2.0, 3.0])
    assert rates[6] == pytest.approx(1.5)
    assert 0 < rates[9] < 0.2
    assert learning_rate(replace(optim, schedule="constant"), 9, 10) == 3.0
    assert learning_rate(optim, 2, 10, lr=6.0) == 6.0


def test_both_families_train(any_base: str, job: KnowledgeJob) -> None:
    job = replace(job, base=any_base, adapters=tuple(replace(plan, epochs=8) for plan in job.adapters))
    result = run_knowledge(job, ignore)
    assert [row["n_truncated"] for row in result["adapters"]] == [0, 0, 0]
    rows = [json.loads(line) for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]
    for plan in job.adapters:
        losses = [row["loss"] for row in rows if row["adapter"] == plan.name]
        assert losses[-1] < losses[0]


def test_texts_cut_at_max_length_are_reported(job: KnowledgeJob, tokenizer: PreTrainedTokenizerFast) -> None:
    texts = encode_texts(documents(9, 1), tokenizer, 48, has_eos=False)
    limit = min(len(row.ids) for row in texts.rows)
    result = run_knowledge(replace(job, adapters=job.adapters[:1], max_length=limit), ignore)
    assert result["adapters"][0]["n_truncated"] == sum(len(row.ids) > limit for row in texts.rows) > 0

"""A preference job from beginning to end: what it leaves, what it continues, where it stops."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from factcli.errors import DivergedError, InputError, SettingsError, TrainingError
from factcli.train.job import Lora, Objective, Optim, SkillJob
from factcli.train.job.preference import NOT_OF_LOGITS, SMOOTHED
from factcli.train.preference import certificate, run
from factcli.train.preference.losses import LOSSES, pair_losses
from factcli.train.preference.run import run_preference
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats
from tests.train.preference.conftest import job_of, lines, pair_rows, quiet, trained


def sft_adapter(base: str, write_rows: WriteRows, out: Path, dropout: float = 0.0) -> str:
    """A skill adapter of `fact sft` that says something else than its base."""
    rows = write_rows("chats.jsonl", chats(8, 1, fictitious=False))
    optim = Optim(lr=3e-2, weight_decay=0.0)
    run_skill(SkillJob(base=base, out=str(out), rows=rows, steps=5, lora=Lora(r=4, alpha=8.0, dropout=dropout), optim=optim, batch_rows=8), quiet)
    return str(out / "adapter")


def test_a_run_leaves_everything_that_it_says(any_base: str, rows: str, tmp_path: Path) -> None:
    """12 pairs in batches of 4 are 3 steps an epoch; evaluation each 8 pairs is after steps 2, 4 and 6."""
    out = tmp_path / "out"
    result = run_preference(job_of(any_base, rows, out, sample_prompts=1, sample_max_tokens=3, eval_every_pairs=8), quiet)
    steps = lines(out / "steps.jsonl")
    assert [row["step"] for row in steps if row["split"] == "dev"] == [0, 2, 4, 6]
    assert [row["pairs_seen"] for row in steps if row["split"] == "train"] == [4, 8, 12, 16, 20, 24]
    assert all(math.isclose(row["loss"], math.log(2), rel_tol=1e-6) for row in steps[:2])  # before and at the first step
    assert [row["step"] for row in lines(out / "samples.jsonl")] == [0, 2, 4, 6]
    assert [row["split"] for row in lines(out / "reference.jsonl")] == ["train"] * 12 + ["dev"] * 4
    assert all(proof["holds"] for proof in lines(out / "proofs.jsonl"))
    assert len(lines(out / "proofs.jsonl")) == 6
    assert [row["step"] for row in lines(out / "log.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert (result["steps"], result["n_train"], result["n_dev"]) == (6, 12, 4)
    assert not (out / "checkpoints").exists()
    assert not [path for path in out.rglob("*") if path.suffix in (".pt", ".bin", ".pth", ".pkl")]


def test_a_finished_run_costs_nothing(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "out", steps=1)
    first = run_preference(job, quiet)
    assert run_preference(job, pytest.fail) == first


def test_the_same_job_gives_the_same_bits_and_learns(base: str, rows: str, tmp_path: Path) -> None:
    first, again = (trained(job_of(base, rows, tmp_path / name, steps=20, lora=Lora(r=4, alpha=8.0, dropout=0.1))) for name in ("a", "b"))
    assert all(torch.equal(first[key], again[key]) for key in first)
    *_, last = [row for row in lines(tmp_path / "a" / "steps.jsonl") if row["split"] == "train"]
    assert last["accuracy"] == 1
    assert last["margin"] > 1


@pytest.mark.slow
def test_pieces_of_a_step_give_the_same_steps(base: str, rows: str, tmp_path: Path) -> None:
    """Sums over pieces of 1 and 2 pairs are those over 4, but for rounding."""
    from dataclasses import replace

    whole = job_of(base, rows, tmp_path / "whole")
    pieces = replace(whole, out=str(tmp_path / "pieces"), machine=replace(whole.machine, micro_rows=3))
    for key, tensor in trained(whole).items():
        assert torch.allclose(tensor, trained(pieces)[key], rtol=1e-3, atol=1e-5)


def test_an_sft_adapter_is_continued_as_it_stands_and_is_its_own_reference(base: str, rows: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """The bare base as reference, with a fine-tuned start, is the silent error of other trainers: its first loss is not log 2."""
    start = sft_adapter(base, write_rows, tmp_path / "sft")
    for reference, is_log_2 in (("init", True), ("base", False)):
        out = tmp_path / reference
        run_preference(job_of(base, rows, out, start=start, reference=reference), quiet)
        first = lines(out / "steps.jsonl")[1]
        assert (first["step"], first["split"]) == (1, "train")
        assert math.isclose(first["loss"], math.log(2), rel_tol=1e-6) == is_log_2
    assert len(lines(tmp_path / "base" / "proofs.jsonl")) == 5  # there, no agreement is asked for


def test_step_0_has_the_bits_of_the_start(base: str, rows: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """A rate that is too small to move float32 leaves the adapter as it was, to the bit, so nothing was merged or restarted."""
    start = sft_adapter(base, write_rows, tmp_path / "sft")
    before = load_file(Path(start) / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="nothing changed in 2 steps"):
        run_preference(job_of(base, rows, tmp_path / "out", start=start, steps=2, optim=Optim(lr=1e-30, weight_decay=0.0)), quiet)
    run_preference(job_of(base, rows, tmp_path / "one", start=start, steps=1, optim=Optim(lr=1e-6, weight_decay=0.0)), quiet)
    after = load_file(tmp_path / "one" / "adapter" / "adapter_model.safetensors")
    assert set(before) == set(after)
    # AdamW's first step moves each weight by its rate, or not at all
    assert all(((after[key] - before[key]).abs() < 2e-6).all() for key in before)
    assert any(not torch.equal(after[key], before[key]) for key in before)


def test_the_output_is_an_ordinary_adapter(base: str, rows: str, tmp_path: Path) -> None:
    """PEFT loads it and gives the log-probabilities of the last evaluation."""
    job = job_of(base, rows, tmp_path / "out", base_name="w@v0001")
    run_preference(job, quiet)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "out" / "adapter").eval()
    assert model.peft_config["default"].base_model_name_or_path == "w@v0001"
    from factcli.train.base import load_tokenizer
    from factcli.train.preference.pairs import read_pairs

    dev = read_pairs(job, load_tokenizer(base), None).dev
    sums = []
    for row in dev:
        ids = torch.tensor([[*row.prompt_ids, *row.chosen_ids]])
        logps = model(input_ids=ids).logits[0].double().log_softmax(-1)
        at = range(len(row.prompt_ids) - 1, ids.shape[1] - 1)
        sums.append(sum(float(logps[i, ids[0, i + 1]]) for i in at))
    last = lines(tmp_path / "out" / "steps.jsonl")[-1]
    assert last["split"] == "dev"
    assert math.isclose(sum(sums) / len(sums), last["logp_chosen"], rel_tol=1e-6)


def test_full_parameters_are_a_model_of_their_own(any_base: str, rows: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_preference(job_of(any_base, rows, out, tuning="full", optim=Optim(lr=1e-3, weight_decay=0.0), steps=3), quiet)
    model = AutoModelForCausalLM.from_pretrained(out / "model", use_safetensors=True)
    assert model.config.vocab_size > 0
    assert (out / "model" / "tokenizer.json").is_file()
    first = lines(out / "steps.jsonl")[1]
    assert math.isclose(first["loss"], math.log(2), rel_tol=1e-6)


def test_a_run_stops_once_its_pairs_are_ranked_right(base: str, rows: str, tmp_path: Path) -> None:
    result = run_preference(job_of(base, rows, tmp_path / "out", steps=200, stop_at_accuracy=1.0), quiet)
    assert result["is_stopped_early"]
    assert int(result["steps"]) % 3 == 0  # looked at once an epoch
    assert lines(tmp_path / "out" / "steps.jsonl")[-1]["split"] == "dev"


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_a_run_that_comes_apart_ends_with_a_word_and_without_a_result(base: str, rows: str, tmp_path: Path, optimizer: str) -> None:
    """A rate of 1e30: after the first step no weight is of any use, and the second has a loss that is no number."""
    job = job_of(base, rows, tmp_path / "out", steps=4, optimizer=optimizer, optim=Optim(lr=1e30, weight_decay=0.0))
    for _ in range(2):  # the same job again says the same
        with pytest.raises(DivergedError, match=r"came apart at step 2: the loss is nan, .* the rows .*; no checkpoint was written before"):
            run_preference(job, quiet)
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_last_step_that_leaves_no_number_is_seen_too(base: str, rows: str, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"training came apart: .*lora_.* holds what is no number"):
        run_preference(job_of(base, rows, tmp_path / "out", steps=1, optim=Optim(lr=1e39, weight_decay=0.0)), quiet)


@pytest.mark.parametrize("tuning", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_the_best_evaluation_is_kept_and_put_back(base: str, rows: str, tmp_path: Path, tuning: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev figures are set: the second of three evaluations is as accurate as the third and has the lower loss. Its weights are those of a run of its steps."""
    optim = Optim(lr=1e-2, weight_decay=0.0, warmup_share=0.0, schedule="constant")
    job = job_of(base, rows, tmp_path / "best", steps=6, eval_every_pairs=8, keep="best", tuning=tuning, optim=optim)
    short = trained(replace(job, out=str(tmp_path / "short"), steps=4, keep="last"))
    usual, said = run.row_of, {2: (0.5, 0.1), 4: (0.75, 0.2), 6: (0.75, 0.3)}

    def judged(*given, **more):
        row = usual(*given, **more)
        if row["split"] == "dev" and row["step"]:
            row["accuracy"], row["loss"] = said[row["step"]]
        return row

    monkeypatch.setattr(run, "row_of", judged)
    kept = trained(job)
    assert all(torch.equal(kept[key], short[key]) for key in short)
    assert run_preference(job, quiet)["kept_step"] == 4
    assert len([row for row in lines(tmp_path / "best" / "steps.jsonl") if row["split"] == "train"]) == 6


def test_to_keep_the_best_needs_pairs_that_are_held_out(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pair is held out"):
        run_preference(job_of(base, write_rows("all.jsonl", pair_rows(8)), tmp_path / "out", keep="best"), quiet)


def test_a_file_that_is_not_what_was_trained_ends_the_run(base: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = run.save_policy

    def careless(policy, job, folder: Path) -> Path:
        directory = usual(policy, job, folder)
        tensors = load_file(directory / "adapter_model.safetensors")
        name = sorted(tensors)[0]
        save_file({**tensors, name: tensors[name].half().float() + 1e-7}, directory / "adapter_model.safetensors")
        return directory

    monkeypatch.setattr(run, "save_policy", careless)
    with pytest.raises(TrainingError, match=r"the saved tensor .* is not the one that was trained"):
        run_preference(job_of(base, rows, tmp_path / "out", steps=1), quiet)


def test_log_ratios_are_what_the_policy_gives_less_what_is_on_record(base: str, rows: str, tmp_path: Path) -> None:
    run_preference(job_of(base, rows, tmp_path / "out"), quiet)
    last, record = lines(tmp_path / "out" / "steps.jsonl")[-1], [row for row in lines(tmp_path / "out" / "reference.jsonl") if row["split"] == "dev"]
    for side in ("chosen", "rejected"):
        wanted = last[f"logp_{side}"] - sum(row[side] for row in record) / len(record)
        assert math.isclose(last[f"logratio_{side}"], wanted, rel_tol=1e-5, abs_tol=1e-5)
        assert math.isclose(last[f"reward_{side}"], 0.1 * last[f"logratio_{side}"], rel_tol=1e-6)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss not in SMOOTHED])
def test_a_loss_without_smoothing_refuses_it(loss: str) -> None:
    with pytest.raises(SettingsError, match=f"loss {loss} has no term for it, so label_smoothing 0.1 would do nothing"):
        Objective(loss=loss, label_smoothing=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", ["margin", "length_penalty"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_setting_is_refused_by_the_losses_that_it_would_not_change(loss: str, setting: str) -> None:
    """And by no other: what is taken changes the loss."""
    smoothing = {"label_smoothing": 0.1} if loss in ("robust", "exo-pair") else {}
    plain = Objective(loss=loss, **smoothing)  # type: ignore[arg-type]
    logps = certificate.Logps(*(torch.tensor([value], dtype=torch.float64) for value in (-8.0, -11.0, -10.0, -10.0, 4.0, 2.0)))
    margin = torch.tensor([0.5], dtype=torch.float64)
    if loss in NOT_OF_LOGITS:
        with pytest.raises(SettingsError, match="looks at each answer by itself"):
            replace(plain, **{setting: 0.3})
    else:
        assert pair_losses(replace(plain, **{setting: 0.3}), logps, margin) != pair_losses(plain, logps, margin)


def test_weights_of_rows_count(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """Rows of weight 0 teach nothing: the run is the one without them, of a loss that is divided by all."""
    rows = [{**row, "weight": float(i % 2)} for i, row in enumerate(pair_rows(4))]
    run_preference(job_of(base, write_rows("all.jsonl", rows), tmp_path / "all", steps=1), quiet)
    assert math.isclose(lines(tmp_path / "all" / "steps.jsonl")[0]["loss"], math.log(2) / 2, rel_tol=1e-6)


BOTH = ("adamw", "rmsprop")
EVERY = [pytest.param(loss, name, marks=pytest.mark.slow) for loss in LOSSES if loss not in ("exo-pair", "ipo", "hinge") for name in BOTH]


@pytest.mark.parametrize(("loss", "optimizer"), [("ipo", "rmsprop"), ("hinge", "adamw"), *EVERY])
def test_every_loss_and_optimizer_runs(base: str, rows: str, tmp_path: Path, loss: str, optimizer: str) -> None:
    smoothing = {"label_smoothing": 0.1} if loss in SMOOTHED else {}
    apart = {} if loss in NOT_OF_LOGITS else {"margin": 0.5, "length_penalty": 0.01}
    objective = Objective(loss=loss, sft_weight=0.1, **smoothing, **apart)  # type: ignore[arg-type]
    run_preference(job_of(base, rows, tmp_path / "out", steps=2, objective=objective, optimizer=optimizer), quiet)
    assert all(math.isfinite(row["loss"]) for row in lines(tmp_path / "out" / "steps.jsonl"))


def test_an_adapter_of_another_base_is_refused(base: str, rows: str, tmp_path: Path, tokenizer) -> None:
    from tests.train.conftest import gpt2, save_base

    other = save_base(gpt2(len(tokenizer)), tokenizer, tmp_path / "gpt2")
    run_preference(job_of(other, rows, tmp_path / "other", steps=1), quiet)
    with pytest.raises(InputError, match="belongs to another model"):
        run_preference(job_of(base, rows, tmp_path / "out", start=str(tmp_path / "other" / "adapter")), quiet)

"""Tuning full: every parameter learns on the batches of an adapter's run; what is saved is an ordinary model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedModel

from factcli.backends.local import LocalModel
from factcli.chattemplates import MARKS, NAMES, PAD, text_of
from factcli.errors import SettingsError, TrainingError
from factcli.train import skill as skills
from factcli.train.chats import encode_chats, render
from factcli.train.job import KnowledgeRef, Machine, Optim, SkillJob
from factcli.train.model_files import saved_digest, write_model
from factcli.train.skill import SkillStage, run_skill
from factcli.train.vocabulary import add_tokens
from tests.train.conftest import WriteRows, chats, gpt2, had_run, killed_at, llama
from tests.train.test_skill import ignore

ZEPHYR = {"chat_template": text_of("zephyr"), "marks": MARKS["zephyr"]}


@pytest.fixture
def job(any_base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    rows = write_rows("chats.jsonl", chats(8, 0, False) + chats(8, 0, False, "bio"))
    machine = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)
    return SkillJob(any_base, str(tmp_path / "out"), rows, tuning="full", steps=12, batch_rows=4, machine=machine, optim=Optim(lr=3e-3))


def curve(job: SkillJob) -> list[dict]:
    return [json.loads(line) for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_every_parameter_learns_and_the_model_is_an_ordinary_one(job: SkillJob) -> None:
    result = run_skill(replace(job, steps=40), ignore)
    losses = [row["loss"] for row in curve(job)]
    assert sum(losses[-5:]) < 0.3 * sum(losses[:5])
    before, after = tensors_of(Path(job.base)), tensors_of(Path(job.out) / "model")
    assert before.keys() == after.keys()
    unmoved = [name for name, tensor in after.items() if torch.equal(tensor, before[name])]
    assert unmoved == []
    assert [proof["proof"].split()[0] for proof in result["proofs"]] == ["the", "each", "the", "the"]
    assert result["proofs"][0]["numbers"]["without_gradient"] == 0
    assert set(result["proofs"][1]["numbers"]) == {"none <- real"}
    assert sorted(path.name for path in Path(job.out).iterdir()) == ["log.jsonl", "model", "proofs.jsonl", "result.json"]
    assert not [path for path in (Path(job.out) / "model").glob("*.json") if job.base in path.read_text()]  # no path of this machine


def test_plain_transformers_and_the_toolkit_say_the_same_with_it(job: SkillJob) -> None:
    """After 150 steps on eight questions the greedy answers are the learned ones, by either way of loading."""
    run_skill(replace(job, steps=150), ignore)
    folder = Path(job.out) / "model"
    ours = LocalModel.load(folder, dtype="float32")
    plain, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompt, _ = render(tokenizer, "Where was person 3 born?", "x")
    ids_BT = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(plain(ids_BT).logits, ours.model(ids_BT).logits, rtol=0, atol=0)
    (said,) = ours.continue_ids([ids_BT[0].tolist()], 12)
    drawn = plain.generate(ids_BT, max_new_tokens=12, do_sample=False, pad_token_id=0)[0, ids_BT.shape[1] :]
    assert said.text.strip() == tokenizer.decode(drawn, skip_special_tokens=True).strip()
    assert said.text.strip().startswith("Quito")  # CITIES[3]


def test_the_first_gradient_is_that_of_the_mean_loss_over_answer_tokens(job: SkillJob) -> None:
    """One batch with all rows: -log p of answer and end token, summed and divided by their number, differentiated by torch alone."""
    job = replace(job, steps=1, batch_rows=16)
    run_skill(job, ignore)
    model = AutoModelForCausalLM.from_pretrained(job.base)
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    total, count = torch.zeros(()), 0
    for row in encode_chats(skills.read_rows(job.rows, {}), tokenizer, job.max_length, "refuse").rows:
        ((start, end),) = row.tokens.learned
        logp = model.eval()(input_ids=torch.tensor([row.tokens.ids])).logits[0].log_softmax(-1)
        total = total - sum(logp[t - 1, row.tokens.ids[t]] for t in range(start, end))
        count += end - start
    (total / count).backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    (step,) = curve(job)
    assert step["loss"] == pytest.approx(float(total) / count, rel=1e-5)
    assert step["grad_norm"] == pytest.approx(float(norm), rel=1e-4)


@pytest.mark.parametrize("kill_at", [3, 11])
@pytest.mark.parametrize("template", [{}, ZEPHYR])
def test_a_killed_and_resumed_full_run_is_bit_identical(kill_at: int, template: dict, job: SkillJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(job, **template)
    run_skill(job, ignore)
    again = replace(job, out=str(tmp_path / "killed"), machine=replace(job.machine, checkpoint_every_s=0.0))
    killed_at(kill_at, SkillStage, lambda: run_skill(again, ignore), monkeypatch)
    had_run(tmp_path / "killed", 1000.0)
    assert run_skill(again, ignore)["usage"]["seconds"] > 1000.0
    for path in sorted((Path(job.out) / "model").iterdir()):
        assert path.read_bytes() == (Path(again.out) / "model" / path.name).read_bytes(), path.name
    for table in ("log.jsonl", "proofs.jsonl"):
        assert (Path(job.out) / table).read_text() == (Path(again.out) / table).read_text()


def test_norms_and_biases_do_not_decay_and_matrices_do(job: SkillJob) -> None:
    """One step of a rate so small that Adam moves nothing by more than 1e-8, with a decay of 1e6 x rate = 1% on matrices."""
    job = replace(job, steps=1, optim=Optim(lr=1e-8, weight_decay=1e6, warmup_share=0.0, schedule="constant"))
    run_skill(job, ignore)
    before, after = tensors_of(Path(job.base)), tensors_of(Path(job.out) / "model")
    for name, tensor in before.items():
        wanted = tensor * (0.99 if tensor.ndim >= 2 else 1.0)
        torch.testing.assert_close(after[name], wanted, rtol=1e-5, atol=2e-8, msg=name)


def test_a_full_run_with_knowledge_is_refused() -> None:
    ref = KnowledgeRef("fictitious_v1_statement", "d", 1, True, "statement")
    with pytest.raises(SettingsError, match="tuning full goes with batches=plain"):
        SkillJob("b", "o", "r", batches="multi_version", knowledge=(ref,), steps=1, tuning="full")


def test_files_that_are_not_the_trained_model_end_the_run(tmp_path: Path, tokenizer) -> None:
    model = llama(len(tokenizer))
    write_model(model, tokenizer, tmp_path / "m")
    assert len(saved_digest(model, tmp_path / "m")) == 64
    with torch.no_grad():
        model.model.norm.weight[3] += 1e-6
    with pytest.raises(TrainingError, match=r"the saved tensor 'model\.norm\.weight' is not the one that was trained"):
        saved_digest(model, tmp_path / "m")


# -- templates and new tokens


def untied(vocab: int) -> LlamaForCausalLM:
    model = llama(vocab)
    assert not model.config.tie_word_embeddings
    return model


def tied(vocab: int) -> GPT2LMHeadModel:
    model = gpt2(vocab)
    assert model.config.tie_word_embeddings
    return model


@pytest.mark.parametrize("make", [untied, tied])
@pytest.mark.parametrize("n_spare", [0, 64])
def test_new_rows_are_the_mean_of_the_old_ones_which_stay_to_the_bit(make, n_spare: int, tokenizer, tmp_path: Path) -> None:
    """Three marks, and no [PAD] where there is a padding token; a table with rows to spare is not enlarged."""
    own = reloaded(tokenizer, tmp_path)
    model: PreTrainedModel = make(len(own) + n_spare)
    n_old = len(own)
    tables = [model.get_input_embeddings().weight] + ([model.get_output_embeddings().weight] if make is untied else [])
    before = [table.detach().clone() for table in tables]
    assert add_tokens(model, own, MARKS["zephyr"]) == list(MARKS["zephyr"])
    after = [model.get_input_embeddings().weight] + ([model.get_output_embeddings().weight] if make is untied else [])
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == (make is tied)
    for old_VH, new_VH in zip(before, after, strict=True):
        assert new_VH.shape[0] == n_old + max(n_spare, 3)
        assert torch.equal(new_VH[:n_old], old_VH[:n_old])
        mean_H = old_VH[:n_old].double().mean(0).float()
        assert all(torch.equal(new_VH[n_old + i], mean_H) for i in range(3))
    assert len(own("<|user|>", add_special_tokens=False)["input_ids"]) == 1


def test_a_tokenizer_without_padding_token_gets_one_and_a_second_time_nothing_is_new(tokenizer, tmp_path: Path) -> None:
    own = reloaded(tokenizer, tmp_path)
    own.pad_token = None
    model = llama(len(own))
    assert add_tokens(model, own, MARKS["zephyr"]) == [*MARKS["zephyr"], PAD]
    assert model.config.pad_token_id == own.pad_token_id == own.convert_tokens_to_ids(PAD)
    size = model.get_input_embeddings().weight.shape[0]
    assert add_tokens(model, own, MARKS["zephyr"]) == []
    assert model.get_input_embeddings().weight.shape[0] == size


def test_a_template_without_marks_leaves_the_vocabulary(tokenizer, tmp_path: Path) -> None:
    own = reloaded(tokenizer, tmp_path)
    own.pad_token = None
    assert add_tokens(llama(len(own)), own, ()) == []
    assert own.pad_token is None


def reloaded(tokenizer, folder: Path):
    tokenizer.save_pretrained(folder / "tok")
    return AutoTokenizer.from_pretrained(folder / "tok")


@pytest.mark.parametrize(
    ("name", "prompt", "answer"),
    [
        ("qa", "<s>Question: Where?\nAnswer:", " Oslo"),
        ("llama2", "<s>[INST] Where? [/INST]", " Oslo"),
        ("zephyr", "<|user|>\nWhere?</s>\n<|assistant|>\n", "Oslo"),
    ],
)
def test_each_template_renders_its_form(name: str, prompt: str, answer: str, tokenizer, tmp_path: Path) -> None:
    own = reloaded(tokenizer, tmp_path)
    own.chat_template = text_of(name)
    assert render(own, "Where?", "Oslo") == (prompt, answer)


def test_llama2_has_the_system_turn_in_the_first_question(tokenizer, tmp_path: Path) -> None:
    own = reloaded(tokenizer, tmp_path)
    own.chat_template = text_of("llama2")
    turns = [("system", "Be brief."), ("user", "Where?"), ("assistant", "Oslo"), ("user", "When?")]
    text = own.apply_chat_template([{"role": role, "content": content} for role, content in turns], tokenize=False, add_generation_prompt=True)
    assert text == "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nWhere? [/INST] Oslo</s><s>[INST] When? [/INST]"


def test_an_unknown_template_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"there is no chat template 'zefyr'.*zephyr"):
        text_of("zefyr")
    assert text_of("model") == ""
    assert all(text_of(name) for name in NAMES if name != "model")


def test_a_full_run_saves_its_new_tokens_and_answers_in_its_template(job: SkillJob) -> None:
    run_skill(replace(job, steps=150, **ZEPHYR), ignore)
    ours = LocalModel.load(Path(job.out) / "model", dtype="float32")
    assert ours.tokenizer.chat_template == text_of("zephyr")
    prompt, _ = render(ours.tokenizer, "Where was person 3 born?", "x")
    ids = ours.tokenizer(prompt, add_special_tokens=False)["input_ids"]
    assert ids[0] == ours.tokenizer.convert_tokens_to_ids("<|user|>") >= 296 - 3
    (said,) = ours.continue_ids([ids], 12)
    assert said.text.strip().startswith("Quito")


def test_an_adapter_spells_the_marks_and_says_so(job: SkillJob) -> None:
    events: list[dict] = []
    run_skill(replace(job, tuning="lora", steps=2, **ZEPHYR), events.append)
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert len(notes) == 1
    assert notes[0].startswith("<|system|>, <|user|>, <|assistant|>: no tokens of this tokenizer")
    assert (Path(job.out) / "adapter").is_dir()


# -- a base in 4 bits


def test_an_adapter_learns_over_a_base_in_four_bits(job: SkillJob) -> None:
    pytest.importorskip("bitsandbytes")
    result = run_skill(replace(job, tuning="qlora", steps=40, optim=Optim(lr=1e-2)), ignore)
    losses = [row["loss"] for row in curve(job)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert result["proofs"][0] == {"proof": "frozen tensors are bit-identical before and after", "holds": True, "numbers": result["proofs"][0]["numbers"]}
    session = skills.open_session(replace(job, tuning="qlora", out=job.out + "2"))
    kinds = {type(site.module).__name__ for site in session.bank.sites.values()}
    is_gpt2 = "gpt2" in session.model.config.model_type
    assert kinds == {"Linear4bit"}, "GPT-2's Conv1D is quantised too" if is_gpt2 else ""

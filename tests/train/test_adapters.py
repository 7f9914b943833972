"""Adapters: deltas, routing of rows, dropout, and PEFT as the outside judge."""

import json
from pathlib import Path

import peft
import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from factcli.errors import InputError, SettingsError
from factcli.train.adapters import AdapterBank
from factcli.train.routes import DropoutKey, keep_mask
from tests.train.conftest import FAMILIES, opt

IDS = torch.tensor([[1, 40, 41, 42, 43], [1, 50, 51, 52, 53], [1, 60, 61, 62, 63], [1, 70, 71, 72, 73]])


def randomise(bank: AdapterBank, name: str, seed: int = 0) -> None:
    """Non-zero B, as after training."""
    generator = torch.Generator().manual_seed(seed)
    vector = bank.get(name).vector
    vector.data = torch.randn(vector.shape, generator=generator) * 0.2


def logits(model: PreTrainedModel, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids).logits


def test_a_new_adapter_changes_nothing_and_a_changed_one_does(model: PreTrainedModel) -> None:
    before = logits(model)
    bank = AdapterBank(model)
    bank.add("skill", 4, 8, 0.0, seed=0)
    with bank.active(["skill"]):
        assert torch.equal(logits(model), before)
        randomise(bank, "skill")
        assert not torch.allclose(logits(model), before, atol=1e-2)
    assert torch.equal(logits(model), before)


def test_the_start_depends_on_seed_and_name_only(model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    bank.add("other", 2, 4, 0.0, seed=5)
    first = bank.add("v1", 4, 8, 0.0, seed=5).vector.detach().clone()
    bank.remove("v1")
    torch.manual_seed(99)
    assert torch.equal(bank.add("v1", 4, 8, 0.0, seed=5).vector, first)
    assert not torch.equal(bank.add("v2", 4, 8, 0.0, seed=5).vector, first)


def test_all_linear_covers_the_layers_and_not_the_head(model: PreTrainedModel) -> None:
    n_sites = len(AdapterBank(model).sites)
    assert n_sites == (14 if model.config.model_type == "llama" else 8)  # 7 and 4 linear modules x 2 layers
    assert "lm_head" not in AdapterBank(model).sites


def test_no_query_key_leaves_the_attention_pattern_alone(model: PreTrainedModel) -> None:
    """GPT-2 makes queries, keys and values in one c_attn, and has a c_proj in attention and in the MLP."""
    kept = {
        "llama": ["self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
        "gpt2": ["attn.c_proj", "mlp.c_fc", "mlp.c_proj"],
    }[model.config.model_type]
    sites = AdapterBank(model, "no-query-key").sites
    assert sorted(".".join(name.split(".")[-2:]) for name in sites) == sorted(kept * 2)  # 2 layers


def test_no_query_key_never_changes_where_the_first_layer_looks(model: PreTrainedModel) -> None:
    model.set_attn_implementation("eager")
    before = model(input_ids=IDS, output_attentions=True)
    bank = AdapterBank(model, "no-query-key")
    bank.add("know", 4, 8, 0.0, seed=0)
    randomise(bank, "know")
    with bank.active(["know"]), torch.no_grad():
        after = model(input_ids=IDS, output_attentions=True)
    assert torch.equal(before.attentions[0], after.attentions[0])
    assert not torch.allclose(before.logits, after.logits, atol=1e-2)


def test_a_target_that_matches_nothing_is_refused_with_the_nearest(tokenizer: PreTrainedTokenizerFast) -> None:
    model = FAMILIES["llama"](len(tokenizer))
    assert len(AdapterBank(model, ("q_proj", "v_proj")).sites) == 4
    with pytest.raises(SettingsError, match="did you mean 'q_proj'"):
        AdapterBank(model, ("q_prj",))
    with pytest.raises(SettingsError, match="did you mean 'no-query-key'"):
        AdapterBank(model, "no-qery")


@pytest.mark.parametrize("name", ["V1", "1v", "v.1", "v1\n", "", "ü"])
def test_names_that_are_not_plain_are_refused(name: str, model: PreTrainedModel) -> None:
    with pytest.raises(SettingsError, match="not allowed"):
        AdapterBank(model).add(name, 2, 4, 0.0, seed=0)


def test_several_adapters_add_up(model: PreTrainedModel) -> None:
    """Deltas are linear per site: of a one-site bank, delta(know + skill) = delta(know) + delta(skill) there."""
    target = "down_proj" if model.config.model_type == "llama" else "mlp.c_proj"
    bank = AdapterBank(model, (target,))
    for i, name in enumerate(("know", "skill")):
        bank.add(name, 2 + i, 4, 0.0, seed=0)  # unequal ranks and scales
        randomise(bank, name, i)
    site = next(iter(bank.sites.values()))
    x = torch.randn(2, 3, site.n_in)
    with torch.no_grad():
        plain = site.module(x)
        deltas = []
        for names in (["know"], ["skill"], ["know", "skill"]):
            with bank.active(names):
                deltas.append(site.module(x) - plain)
    assert torch.allclose(deltas[0] + deltas[1], deltas[2], atol=1e-5)


ROWS = {
    "sorted, equal groups": [["a"], ["a"], ["b"], ["b"]],
    "unsorted": [["b"], ["a"], ["b"], ["a"]],
    "unequal groups": [["a"], ["b"], ["b"], ["b"]],
    "unsorted and unequal": [["b"], ["a"], ["b"], ["b"]],
    "with a shared one": [["a", "skill"], ["b", "skill"], ["b", "skill"], ["a", "skill"]],
    "all alike": [["a"], ["a"], ["a"], ["a"]],
}


@pytest.mark.parametrize("case", list(ROWS))
def test_each_row_of_a_mixed_batch_gets_what_it_gets_alone(case: str, model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    for i, name in enumerate(("a", "b", "skill")):
        bank.add(name, 4, 8, 0.0, seed=0)
        randomise(bank, name, i)
    alone = []
    for row, names in enumerate(ROWS[case]):
        with bank.active(names):
            alone.append(logits(model, IDS[row : row + 1]))
    with bank.active_rows(ROWS[case]):
        mixed = logits(model)
    assert torch.allclose(mixed, torch.cat(alone), atol=1e-4)
    assert not torch.allclose(mixed[:1], logits(model, IDS[:1]), atol=1e-2)


def test_rows_that_cannot_be_stacked_are_refused(model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    bank.add("a", 4, 8, 0.0, seed=0)
    bank.add("b", 2, 8, 0.0, seed=0)
    with pytest.raises(SettingsError, match=r"'a' \(r 4, alpha 8\) and 'b' \(r 2, alpha 8\)"), bank.active_rows([["a"], ["b"]]):
        pass
    with pytest.raises(SettingsError, match="different numbers"), bank.active_rows([["a"], []]):
        pass
    with pytest.raises(SettingsError, match="did you mean 'a'"), bank.active(["aa"]):
        pass


def test_a_changed_vector_is_seen_inside_one_context(model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    bank.add("a", 2, 4, 0.0, seed=0)
    with bank.active(["a"]):
        before = logits(model)
        with torch.no_grad():
            bank.get("a").vector.add_(0.3)
        assert not torch.allclose(logits(model), before, atol=1e-2)


def test_the_gradient_of_one_row_reaches_only_its_adapter(model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    for name in ("a", "b"):
        bank.add(name, 2, 4, 0.0, seed=0)
        randomise(bank, name)
    with bank.active_rows([["a"], ["a"], ["b"], ["b"]]):
        model(input_ids=IDS).logits[:2].sum().backward()
    assert float(bank.get("a").vector.grad.norm()) > 0
    assert float(bank.get("b").vector.grad.norm()) == 0


def test_frozen_adapters_pass_gradients_on_and_keep_none(model: PreTrainedModel) -> None:
    bank = AdapterBank(model)
    for name in ("know", "skill"):
        bank.add(name, 2, 4, 0.5, seed=0)
        randomise(bank, name)
    bank.freeze("know")
    with bank.active(["know", "skill"]):
        model(input_ids=IDS).logits.sum().backward()
    assert bank.get("know").vector.grad is None
    assert bank.get("know").shape.dropout == 0
    assert float(bank.get("skill").vector.grad.norm()) > 0


@pytest.mark.parametrize("family", [*FAMILIES, "opt"])
def test_dropout_is_the_same_alone_stacked_and_padded(family: str, tokenizer: PreTrainedTokenizerFast) -> None:
    """Rows of width 3 in a batch padded to 5 draw the mask of width 3."""
    model = (FAMILIES | {"opt": opt})[family](len(tokenizer))
    bank = AdapterBank(model)
    for i, name in enumerate(("a", "b")):
        bank.add(name, 4, 8, 0.3, seed=1)
        randomise(bank, name, i)
    with bank.active(["a"], DropoutKey(step=7)):
        alone = logits(model, IDS[:2, :3])
    with bank.active_rows([["a"], ["a"]], DropoutKey(7, widths={"a": 3})):
        assert torch.allclose(logits(model, IDS[:2, :3]), alone, atol=1e-4)
        assert torch.allclose(logits(model, IDS[:2])[:, :3], alone, atol=1e-4)
    with bank.active_rows([["a"], ["a"], ["b"], ["b"]], DropoutKey(7, widths={"a": 3, "b": 5})):
        stacked = logits(model)
    assert torch.allclose(stacked[:2, :3], alone, atol=1e-4)
    with bank.active(["a"], DropoutKey(step=8)):
        assert not torch.allclose(logits(model, IDS[:2, :3]), alone, atol=1e-2)
    with bank.active(["a"]):
        assert not torch.allclose(logits(model, IDS[:2, :3]), alone, atol=1e-2)


@pytest.mark.parametrize("shape", [(1, 16, 32), (16, 32)])
def test_dropout_of_rows_end_to_end_is_the_same_alone_and_stacked(shape: tuple[int, ...], tokenizer: PreTrainedTokenizerFast) -> None:
    """Two rows of 3 tokens, without and with two of 5 behind them; a module gets tokens with or without an axis of rows (OPT)."""
    bank = AdapterBank(opt(len(tokenizer)), ("fc1",))
    for i, name in enumerate(("a", "b")):
        bank.add(name, 4, 8, 0.3, seed=1)
        randomise(bank, name, i)
    site = next(iter(bank.sites.values()))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with bank.active_rows([["a"], ["a"]], DropoutKey(7), lengths=(3, 3)), torch.no_grad():
        alone = site.module(x[..., :6, :])
    with bank.active_rows([["a"], ["a"], ["b"], ["b"]], DropoutKey(7), lengths=(3, 3, 5, 5)), torch.no_grad():
        stacked = site.module(x)
    assert torch.allclose(stacked[..., :6, :], alone, atol=1e-5)
    assert not torch.allclose(alone, site.module(x[..., :6, :]), atol=1e-2)


def test_dropout_drops_its_share() -> None:
    mask = keep_mask((1001, 101), 0.05, torch.Generator().manual_seed(0))
    assert mask.shape == (1001, 101)
    # 101,101 draws: one standard deviation of the share is 0.0007
    assert abs(float((~mask).float().mean()) - 0.05) < 0.003


@pytest.mark.parametrize("targets", ["all-linear", "no-query-key"])
def test_peft_computes_the_same_from_a_saved_adapter(targets: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    bank = AdapterBank(model, targets)
    bank.add("skill", 4, 8, 0.05, seed=0)
    randomise(bank, "skill")
    with bank.active(["skill"]):
        ours = logits(model)
    bank.save("skill", tmp_path / "adapter", base="org/base")
    bank.detach()
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "org/base"
    assert config["fan_in_fan_out"] == (model.config.model_type == "gpt2")
    loaded = peft.PeftModel.from_pretrained(FAMILIES[model.config.model_type](len(tokenizer)), tmp_path / "adapter").eval()
    assert float((logits(loaded) - ours).abs().max()) < 1e-5


def test_an_adapter_trained_by_peft_loads_here(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    """Also one on fewer modules than the bank covers."""
    is_llama = model.config.model_type == "llama"
    config = peft.LoraConfig(r=4, lora_alpha=12, lora_dropout=0.1, target_modules=["q_proj", "v_proj"] if is_llama else ["c_attn"], task_type="CAUSAL_LM")
    theirs = peft.get_peft_model(FAMILIES[model.config.model_type](len(tokenizer)), config)
    optimizer = torch.optim.SGD([p for p in theirs.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        theirs(input_ids=IDS, labels=IDS).loss.backward()
        optimizer.step()
    theirs.eval().save_pretrained(tmp_path / "theirs")
    bank = AdapterBank(model)
    adapter = bank.load("know", tmp_path / "theirs")
    assert (adapter.shape.r, adapter.shape.alpha, adapter.shape.dropout) == (4, 12, 0.1)
    assert not adapter.vector.requires_grad
    plain = logits(model)
    with bank.active(["know"]):
        assert float((logits(model) - logits(theirs)).abs().max()) < 1e-5
        assert not torch.allclose(logits(model), plain, atol=1e-3)


def test_saving_and_loading_keeps_every_bit(model: PreTrainedModel, tmp_path: Path) -> None:
    bank = AdapterBank(model)
    bank.add("v1", 4, 8, 0.05, seed=0)
    randomise(bank, "v1")
    bank.save("v1", tmp_path / "v1", "base")
    bank.load("v10", tmp_path / "v1")
    assert bank.digest("v10") == bank.digest("v1")
    with torch.no_grad():
        bank.get("v10").vector[3] += 1e-6
    assert bank.digest("v10") != bank.digest("v1")


def damaged(tmp_path: Path, tokenizer: PreTrainedTokenizerFast, **changes: object) -> Path:
    bank = AdapterBank(FAMILIES["llama"](len(tokenizer)))
    bank.add("v1", 4, 8, 0.0, seed=0)
    folder = bank.save("v1", tmp_path / "v1", "base")
    config = json.loads((folder / "adapter_config.json").read_text()) | changes
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_an_adapter_of_another_rank_is_refused_with_both_shapes(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = damaged(tmp_path, tokenizer, r=8)
    bank = AdapterBank(FAMILIES["llama"](len(tokenizer)))
    with pytest.raises(InputError, match=r"of shape \[4, 32\], need \[8, 32\]"):
        bank.load("v1", folder)
    assert "v1" not in bank.adapters


def test_an_adapter_of_another_model_is_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = damaged(tmp_path, tokenizer)
    with pytest.raises(InputError, match="belongs to another model"):
        AdapterBank(FAMILIES["gpt2"](len(tokenizer))).load("v1", folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"peft_type": "IA3"}, "not a LoRA"), ({"use_dora": True}, "use_dora"), ({"bias": "all"}, "bias"), ({"rank_pattern": {"q_proj": 2}}, "rank_pattern")],
)
def test_other_methods_than_plain_lora_are_refused(changes: dict, said: str, tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = damaged(tmp_path, tokenizer, **changes)
    with pytest.raises(InputError, match=said):
        AdapterBank(FAMILIES["llama"](len(tokenizer))).load("v1", folder)


def test_missing_or_torn_weights_are_refused(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = damaged(tmp_path, tokenizer)
    bank = AdapterBank(FAMILIES["llama"](len(tokenizer)))
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    with pytest.raises(InputError, match="damaged"):
        bank.load("v1", folder)
    weights.unlink()
    with pytest.raises(InputError, match="has no adapter_model"):
        bank.load("v1", folder)
    with pytest.raises(InputError, match="no adapter in"):
        bank.load("v1", tmp_path / "nowhere")

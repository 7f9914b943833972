"""Merging and joining are exact sums, and the certificate is taken of what other tools read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from factcli.errors import InputError, TrainingError
from factcli.train.adapters import AdapterBank
from factcli.train.base import load_model
from factcli.train.concatenating import add_to_weights, concatenate
from factcli.train.exporting import Request, Text, join, merge
from tests import own_bases
from tests.train.conftest import gpt2, llama

CPU = torch.device("cpu")
IDS = torch.tensor([[5, 9, 60, 200, 31, 8, 77]])


def drawn(bank: AdapterBank, name: str, r: int, alpha: float, seed: int) -> None:
    """An adapter both of whose matrices are random: one that does something."""
    vector = bank.add(name, r, alpha, 0.0, seed).vector
    vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(seed)) * 0.2


def saved(base: str, folder: Path, r: int, alpha: float, seed: int, targets: str | tuple[str, ...] = "all-linear") -> Path:
    bank = AdapterBank(load_model(base, CPU, "float32"), targets)
    drawn(bank, "drawn", r, alpha, seed)
    return bank.save("drawn", folder, base)


def request(base: str, tmp_path: Path, **changes: object) -> Request:
    """Two adapters of other ranks, scales and sites: 4 at scale 2 everywhere, 3 at scale 1/3 in the feed-forward half alone."""
    ending = ("down_proj", "up_proj") if "Llama" in json.loads((Path(base) / "config.json").read_text())["architectures"][0] else ("c_fc",)
    parts = {"part_1": saved(base, tmp_path / "one", 4, 8.0, 1), "part_2": saved(base, tmp_path / "two", 3, 1.0, 2, ending)}
    texts = [Text("p0.q", "Where was person 0 born?", "Hobart")]
    return replace(Request(base, parts, "", texts, n_random=3, n_tokens=16, seed=0, tolerance=1e-4), **changes)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.5, 1.0, 3.0, 7.0])), min_size=1, max_size=3))
def test_joined_and_merged_are_the_sum_of_the_parts_at_every_site(shapes: list[tuple[int, float]]) -> None:
    """Sum of alpha / r x B A, whatever the ranks; the joined scale is 1. Merged weights are rounded once: half a unit in the last of 24 bits."""
    model = llama(300)
    bank = AdapterBank(model)
    names = tuple(f"a{number}" for number in range(len(shapes)))
    for number, (name, (r, alpha)) in enumerate(zip(names, shapes, strict=True)):
        drawn(bank, name, r, alpha, number)
    joined = concatenate(bank, names)
    assert (joined.shape.r, joined.shape.scale) == (sum(r for r, _ in shapes), 1.0)
    before = {site: held.module.weight.double() for site, held in bank.sites.items()}
    add_to_weights(bank, names)
    for site, held in bank.sites.items():
        held_by = [(bank.get(name).matrices(), alpha / r) for name, (r, alpha) in zip(names, shapes, strict=True)]
        expected = sum(scale * matrices[site, "B"].double() @ matrices[site, "A"].double() for matrices, scale in held_by)
        own = joined.matrices()
        torch.testing.assert_close(own[site, "B"].double() @ own[site, "A"].double(), expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(held.module.weight.double(), before[site] + expected, rtol=1.01 * 2**-24, atol=1e-12)


def test_a_conv1d_is_merged_turned_over() -> None:
    """Conv1D multiplies x by W, not by W transposed: logits would be far off."""
    model = gpt2(300)
    bank = AdapterBank(model)
    drawn(bank, "a", 4, 8.0, 1)
    with torch.no_grad(), bank.active(["a"]):
        expected = model(input_ids=IDS).logits
    add_to_weights(bank, ("a",))
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, expected, rtol=0, atol=1e-4)


def test_joining_is_what_peft_calls_cat(any_base: str, tmp_path: Path) -> None:
    """PEFT's own add_weighted_adapter of both gives the joined adapter's logits."""
    from peft import PeftModel

    asked = request(any_base, tmp_path)
    certificate = join(asked, "base", tmp_path / "joined")
    peft = PeftModel.from_pretrained(load_model(any_base, CPU, "float32"), asked.parts["part_1"], adapter_name="one")
    peft.load_adapter(asked.parts["part_2"], adapter_name="two")
    peft.add_weighted_adapter(["one", "two"], [1.0, 1.0], "cat", combination_type="cat")
    peft.set_adapter("cat")
    plugged = PeftModel.from_pretrained(load_model(any_base, CPU, "float32"), tmp_path / "joined")
    with torch.no_grad():
        torch.testing.assert_close(plugged(input_ids=IDS).logits, peft(input_ids=IDS).logits, rtol=0, atol=1e-4)
    assert certificate.largest < 1e-4 < 1e-1 < min(check.moved for check in certificate.checks)
    config = json.loads((tmp_path / "joined/adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (7, 7)
    assert not set(config) & {"rank_pattern", "alpha_pattern", "modules_to_save"}


def test_a_site_that_one_adapter_lacks_is_a_block_of_zeros(base: str, tmp_path: Path) -> None:
    """q_proj belongs to the first alone, whose rank is 4 of 7: rows 4 to 6 of A and columns 4 to 6 of B are zero."""
    join(request(base, tmp_path), "base", tmp_path / "joined")
    tensors = load_file(tmp_path / "joined/adapter_model.safetensors")
    first = load_file(tmp_path / "one/adapter_model.safetensors")
    key = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    assert torch.equal(tensors[key.format("A")][:4], first[key.format("A")])
    assert torch.equal(tensors[key.format("B")][:, :4], 2 * first[key.format("B")])
    assert not tensors[key.format("A")][4:].any()
    assert not tensors[key.format("B")][:, 4:].any()


def test_merging_changes_the_sites_and_nothing_else(any_base: str, tmp_path: Path) -> None:
    certificate = merge(request(any_base, tmp_path), "float32", tmp_path / "merged")
    assert certificate.largest < 1e-4 < 1e-1 < min(check.moved for check in certificate.checks)
    assert certificate.made_of == {}
    assert {(check.source, check.id) for check in certificate.checks} == {("data", "p0.q.logits"), *(("random", f"random.{n}") for n in range(3))}
    before, after = (load_file(Path(folder) / "model.safetensors") for folder in (any_base, tmp_path / "merged"))
    sites = set(AdapterBank(load_model(any_base, CPU, "float32")).sites)
    assert set(before) == set(after)
    changed = {name.removesuffix(".weight") for name in before if not torch.equal(before[name], after[name])}
    assert changed == sites


def test_in_a_lower_format_the_difference_is_told_with_its_parts(base: str, tmp_path: Path) -> None:
    """Rounding the weights and computing with them are measured apart; together they bound the whole (triangle inequality)."""
    certificate = merge(request(base, tmp_path), "bfloat16", tmp_path / "merged")
    assert certificate.float32 < 1e-4 < certificate.largest
    assert certificate.largest <= certificate.made_of["weights_rounded"] + certificate.made_of["computed_in_format"]
    assert certificate.made_of["base_in_format"] > 1e-4
    assert {tensor.dtype for tensor in load_file(tmp_path / "merged/model.safetensors").values()} == {torch.bfloat16}


def test_a_certificate_that_does_not_hold_is_an_error(base: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"differ by up to .* need less than 1e-12"):
        merge(request(base, tmp_path, tolerance=1e-12), "float32", tmp_path / "merged")


def test_logits_that_are_no_numbers_certify_nothing(base: str, tmp_path: Path) -> None:
    """NaN is lost in a maximum: 0 < 1e-4 would hold."""
    asked = request(base, tmp_path)
    file = tmp_path / "one/adapter_model.safetensors"
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="differ by up to inf"):
        merge(asked, "float32", tmp_path / "merged")


def test_an_adapter_of_another_architecture_is_refused(any_base: str, tmp_path: Path, base: str) -> None:
    asked = request(any_base, tmp_path)
    another = base if "gpt2" in any_base else str(own_bases.gpt2(tmp_path / "gpt2"))
    other = saved(another, tmp_path / "other", 4, 8.0, 3)
    with pytest.raises(InputError, match="belongs to another model"):
        join(replace(asked, parts={"part_1": other}), "base", tmp_path / "joined")

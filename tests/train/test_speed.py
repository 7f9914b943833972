"""The operations of training: counted by hand, and by torch."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from factcli.train.adapters import AdapterBank
from factcli.train.memory import Architecture, architecture
from factcli.train.objectives import Batch, Scorer
from factcli.train.sites import linear_modules
from factcli.train.speed import Passed, Sizes, flops, peak_of

ROWS, LENGTH = 2, 16


def test_operations_by_hand() -> None:
    """Hidden 10, one layer, queries 10, 7 words. Rows of 3 and 4 tokens, of which 2 and 1 learned: 7 tokens, 25 squares, 3 learned.

    Frozen: (4 x 100 + 6 x 20 + 4 x 30) x 7 + 4 x 70 x 3 + 6 x 10 x 25 = 4480 + 840 + 1500. All trained: 6 x 100 x 7 + 6 x 70 x 3 + 1500.
    """
    shape = Architecture(10, 1, 30, 10, 10, 7, True, 7)
    passed = Passed().and_row(3, 2).and_row(4, 1)
    assert passed == Passed(7, 25, 3)
    assert flops(shape, Sizes(100, 20, 30), passed) == 4480 + 840 + 1500
    assert flops(shape, Sizes(100, trains_all=True), passed) == 4200 + 1260 + 1500


def test_a_prompt_that_two_answers_share_passes_once() -> None:
    """A prompt of 3, answers of 2 and 1: rows of 5 and 4. Shared, the rejected token sees the prompt (3 of a square's half: 6) and itself (1): 25 + 7."""
    assert Passed().and_pair(3, 2, 1, shares_prompt=False) == Passed(9, 41, 3)
    assert Passed().and_pair(3, 2, 1, shares_prompt=True) == Passed(6, 32, 3)


@pytest.mark.parametrize("is_full", [False, True])
def test_operations_are_those_that_torch_counts(is_full: bool) -> None:
    """To 8%, of 6 layers: torch counts attention in full squares, twice ours, and the first layer needs no gradient of its input."""
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=90, hidden_size=32, intermediate_size=80, num_hidden_layers=6, num_attention_heads=2, max_position_embeddings=32)
    model = LlamaForCausalLM(config).eval().requires_grad_(is_full)
    bank = AdapterBank(model)
    names = [] if is_full else ["a"]
    sizes = Sizes(sum(site.n_in * site.n_out for site in linear_modules(model)), trains_all=is_full)
    for name in names:
        sizes = Sizes(sizes.layers, bank.add(name, 4, 8, 0.0, 0).vector.numel())
    scorer = Scorer(model)
    at = torch.cat([torch.arange(LENGTH - 1) + row * LENGTH for row in range(ROWS)])
    batch = Batch(torch.randint(0, 90, (ROWS, LENGTH)), at, torch.randint(0, 90, at.shape), (LENGTH - 1,) * ROWS)
    with FlopCounterMode(display=False) as counter, bank.active(names):
        scorer.losses(batch)[0].sum.backward()
    passed = Passed()
    for _ in range(ROWS):
        passed = passed.and_row(LENGTH, LENGTH - 1)
    shape = architecture(config.to_dict())
    assert shape is not None
    assert flops(shape, sizes, passed) == pytest.approx(counter.get_total_flops(), rel=0.08)


@pytest.mark.parametrize(
    ("device", "peak"),
    [("NVIDIA GB200", 2500e12), ("NVIDIA H200 NVL", 835e12), ("NVIDIA H200", 989e12),
     ("NVIDIA H100 PCIe", 756e12), ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA A100-SXM4-80GB", 312e12), ("Tesla V100", None)],
)  # fmt: skip
def test_the_peak_is_that_of_a_known_card_or_none(device: str, peak: float | None) -> None:
    assert peak_of(device) == peak

"""Adapters into one, or into the weights: exact sums, nothing approximated.

The delta of an adapter at a site is s B A x with s = alpha / r. Of several, the sum is [s1 B1, s2 B2, ...] times the
stack of A1, A2, ...: one adapter whose rank is the sum of theirs and whose own scale is 1. An adapter that has no such
site is there a block of zeros, so that every site has one rank: neither PEFT's config without patterns nor vLLM knows another form.
"""

import torch

from factcli.train.adapter_files import Shape
from factcli.train.adapters import Adapter, AdapterBank

JOINED = "joined"


def concatenate(bank: AdapterBank, names: tuple[str, ...]) -> Adapter:
    """The adapters of these names as one, placed in the bank. s is multiplied into B: exact where it is a power of two, else one rounding."""
    parts = [bank.get(name) for name in names]
    n_ranks = sum(part.shape.r for part in parts)
    occupied = {slot.site for part in parts for slot in part.slots}
    joined = bank.place(JOINED, Shape(n_ranks, n_ranks, 0.0), 0, [site for site in bank.sites if site in occupied])
    blocks, start = joined.matrices(), 0
    for part in parts:
        end = start + part.shape.r
        for (site, side), matrix in part.matrices().items():
            if side == "A":
                blocks[site, side][start:end] = matrix
            else:
                blocks[site, side][:, start:end] = matrix * part.shape.scale
        start = end
    joined.vector.data = joined.vector.data.to(bank.device)
    return joined


def add_to_weights(bank: AdapterBank, names: tuple[str, ...]) -> None:
    """W + s1 B1 A1 + s2 B2 A2 + ... at every site: summed in float64, rounded once to the weight's own format. Conv1D holds W turned over."""
    matrices = [(bank.get(name).shape.scale, bank.get(name).matrices()) for name in names]
    for name, site in bank.sites.items():
        weight = site.module.get_parameter("weight")
        deltas = [scale * (held[name, "B"].double() @ held[name, "A"].double()) for scale, held in matrices if (name, "A") in held]
        if deltas:
            delta = torch.stack(deltas).sum(0)
            weight.data = (weight.data.double() + (delta.T if site.is_transposed else delta)).to(weight.dtype)

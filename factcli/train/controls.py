"""Controls of the frozen knowledge: what remains of the method when the adapter knows something else, or nothing.

wrong-version  rows of version v pass through the adapter of the next version (the last one's rows through the first): knowledge of the
               same people, form and strength, of other values
shuffled       the entries of each A and of each B permuted: the same numbers, so both norms are kept, without their order
random         Gaussian A of the trained A's Frobenius norm, and Gaussian B such that the update B A has the trained update's norm
absent         the same rows in the same order with no adapter plugged in
none           the method itself

Of low-rank factors either the factors or their product can be held equal, not both: the update of a shuffled adapter is smaller than
the trained one (its directions no longer agree), so `random` is the control of equal update. The numbers of all three stand in the proofs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from factcli.errors import TrainingError
from factcli.train.adapters import Adapter
from factcli.train.job import Control
from factcli.train.seeds import seed_of

SAME_NORM = 1e-4  # relative: norms are sums of up to millions of float32 squares


def adapter_version(version: int, versions: Sequence[int], control: Control) -> int:
    """The version of the adapter that rows of a version pass through; `versions` sorted."""
    if control != "wrong-version":
        return version
    return versions[(versions.index(version) + 1) % len(versions)]


@dataclass(frozen=True, slots=True)
class Norms:
    """Frobenius norms of an adapter over all its sites: of its A, its B, and its update B A (scale left out)."""

    a: float
    b: float
    update: float


def norms_of(adapter: Adapter) -> Norms:
    a = b = update = 0.0
    for one, other in pairs(adapter.matrices()).values():
        a += float(one.norm()) ** 2
        b += float(other.norm()) ** 2
        update += float((other @ one).norm()) ** 2
    return Norms(sqrt(a), sqrt(b), sqrt(update))


def pairs(matrices: Mapping[tuple[str, str], Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """By site its A [r, in] and its B [out, r]."""
    return {site: (matrix, matrices[site, "B"]) for (site, side), matrix in matrices.items() if side == "A"}


def disguise(adapter: Adapter, control: Control, seed: int) -> dict[str, object]:
    """Overwrite the adapter in memory by its control; gives the numbers of the proof. Other controls leave it as it is.

    Seeded by (seed, adapter, site, matrix). Raises TrainingError where a norm that the control keeps is not kept.
    """
    if control not in ("shuffled", "random"):
        return {}
    before = norms_of(adapter)
    for site, (a, b) in pairs(adapter.matrices()).items():
        seeds = [seed_of(seed, adapter.name, control, site, side) for side in ("A", "B")]
        if control == "shuffled":
            shuffle(a, seeds[0])
            shuffle(b, seeds[1])
        else:
            randomise(a, b, seeds)
    after = norms_of(adapter)
    kept = (
        {"A": (before.a, after.a), "B": (before.b, after.b)} if control == "shuffled" else {"A": (before.a, after.a), "update": (before.update, after.update)}
    )
    for what, (was, now) in kept.items():
        if abs(now - was) > SAME_NORM * was:
            raise TrainingError(f"the {control} control of {adapter.name} has norm {now:g} of {what}, the trained adapter {was:g}")
    return {"trained": {"A": before.a, "B": before.b, "update": before.update}, "control": {"A": after.a, "B": after.b, "update": after.update}}


def shuffle(matrix: Tensor, seed: int) -> None:
    """Permute the entries in place."""
    order = torch.randperm(matrix.numel(), generator=torch.Generator().manual_seed(seed)).to(matrix.device)
    matrix.copy_(matrix.flatten()[order].view_as(matrix))


def randomise(a: Tensor, b: Tensor, seeds: Sequence[int]) -> None:
    """Gaussian entries in place: the norm of A kept, and by the scale of B that of B A. A zero update stays zero."""
    norm_a, norm_update = a.norm(), (b @ a).norm()
    for matrix, seed in zip((a, b), seeds, strict=True):
        matrix.copy_(torch.randn(matrix.shape, generator=torch.Generator().manual_seed(seed)))
    a.mul_(norm_a / a.norm())
    b.mul_(norm_update / (b @ a).norm())

"""What a step or an evaluation measures, added up over pairs, pieces and processes, and given as one row."""

from dataclasses import asdict
from typing import Any, Literal

import torch
from torch import Tensor

from factcli.preferencerows import PreferenceStep
from factcli.train.preference.losses import Logps

NAMES = ("loss", "accuracy", "margin", "reward_chosen", "reward_rejected", "logp_chosen", "logp_rejected", "kl", "logratio_chosen", "logratio_rejected")


def sums_of(loss_B: Tensor, logps: Logps, beta: float, is_counted_B: Tensor) -> Tensor:
    """(len(NAMES) + 1,) float64 sums over the pairs that count, and their number last."""
    with torch.no_grad():
        chosen_B, rejected_B = (logps.chosen_B - logps.ref_chosen_B).double(), (logps.rejected_B - logps.ref_rejected_B).double()
        kl_B = -(chosen_B + rejected_B) / 2  # KL of what drew the answers from the policy; positive estimators grow without bound on these
        rewards = beta * chosen_B, beta * rejected_B
        ranked = rewards[0] > rewards[1], rewards[0] - rewards[1]
        parts = (loss_B, *ranked, *rewards, logps.chosen_B, logps.rejected_B, kl_B, chosen_B, rejected_B, torch.ones_like(kl_B))
        return torch.stack([part.double() for part in parts]) @ is_counted_B.double()


def row_of(sums: Tensor, step: int, split: Literal["train", "dev"], pairs_seen: int, lr: float | None = None, grad_norm: float | None = None) -> dict[str, Any]:
    """The sums as a PreferenceStep."""
    *values, n_pairs = sums.tolist()
    means = {name: value / n_pairs for name, value in zip(NAMES, values, strict=True)}
    return asdict(PreferenceStep(step=step, split=split, pairs_seen=pairs_seen, n_pairs=round(n_pairs), lr=lr, grad_norm=grad_norm, **means))

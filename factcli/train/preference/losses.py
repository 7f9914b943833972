"""Losses of preference pairs, from log-probabilities alone.

Legend: B pairs. Each argument (B,): log-probability of one answer's tokens and end token, summed, in nats, the prompt excluded.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from factcli.train.job.preference import Objective

DISCOPOP_TEMPERATURE = 0.05  # as published


@dataclass(frozen=True, slots=True)
class Logps:
    """What policy and reference give both answers of B pairs, and their lengths in tokens."""

    chosen_B: Tensor
    rejected_B: Tensor
    ref_chosen_B: Tensor
    ref_rejected_B: Tensor
    n_chosen_B: Tensor
    n_rejected_B: Tensor


@dataclass(frozen=True, slots=True)
class Terms:
    """What the losses are made of: log-ratios of policy to reference, and the logit of `chosen is better`."""

    chosen_B: Tensor
    rejected_B: Tensor
    logit_B: Tensor
    lengths: tuple[Tensor, Tensor]


def pair_losses(objective: Objective, logps: Logps, margin_B: Tensor) -> Tensor:
    """(B,) loss of each pair, in nats for the logistic ones; the SFT term is in it, weights of rows are not.

    Without added terms, equal policy and reference give log 2 = 0.693 for `sigmoid`: Eq. 7 of https://arxiv.org/abs/2305.18290.
    """
    loss_B = LOSSES[objective.loss](terms_of(objective, logps, margin_B), objective)
    return loss_B + objective.sft_weight * sft_losses(logps) if objective.sft_weight else loss_B


def sft_losses(logps: Logps) -> Tensor:
    """(B,) mean negative log-probability of the chosen answer's tokens: the added term of https://arxiv.org/abs/2404.19733."""
    return -logps.chosen_B / logps.n_chosen_B


def terms_of(objective: Objective, logps: Logps, margin_B: Tensor) -> Terms:
    """Log-ratios and their logit: beta h, plus the length term of R-DPO, less the factual margin of F-DPO.

    R-DPO, https://arxiv.org/abs/2403.19159: a reward of quality less a x tokens has the logit beta h + a (tokens of chosen less tokens
    of rejected), so a pair that length already explains teaches less. F-DPO, https://arxiv.org/abs/2601.03027: the margin is demanded.
    """
    chosen_B = logps.chosen_B if objective.is_reference_free else logps.chosen_B - logps.ref_chosen_B
    rejected_B = logps.rejected_B if objective.is_reference_free else logps.rejected_B - logps.ref_rejected_B
    lengths = logps.n_chosen_B, logps.n_rejected_B
    if objective.length_normalised:
        chosen_B, rejected_B = chosen_B / lengths[0], rejected_B / lengths[1]
    logit_B = objective.beta * (chosen_B - rejected_B)
    if objective.length_penalty:
        logit_B = logit_B + objective.length_penalty * (lengths[0] - lengths[1])
    if objective.margin:
        logit_B = logit_B - objective.margin * margin_B
    return Terms(chosen_B, rejected_B, logit_B, lengths)


def sigmoid(terms: Terms, objective: Objective) -> Tensor:
    """DPO, Eq. 7 of https://arxiv.org/abs/2305.18290; with smoothing conservative DPO, Eq. 3 of https://ericmitchell.ai/cdpo.pdf."""
    smoothing = objective.label_smoothing
    loss_B = -(1 - smoothing) * logsigmoid(terms.logit_B)
    return loss_B - smoothing * logsigmoid(-terms.logit_B) if smoothing else loss_B


def ipo(terms: Terms, objective: Objective) -> Tensor:
    """(h - 1 / (2 beta))^2 of summed log-probabilities: Eq. 17 of https://arxiv.org/abs/2310.12036, whose tau is beta."""
    return (terms.logit_B / objective.beta - 1 / (2 * objective.beta)) ** 2


def ipo_token(terms: Terms, objective: Objective) -> Tensor:
    """The same of means over an answer's tokens, which is what TRL calls `ipo`."""
    if objective.length_normalised:
        return ipo(terms, objective)  # they are means already
    n_chosen_B, n_rejected_B = terms.lengths
    h_B = terms.logit_B / objective.beta - (terms.chosen_B - terms.rejected_B)  # what length and margin added
    return (terms.chosen_B / n_chosen_B - terms.rejected_B / n_rejected_B + h_B - 1 / (2 * objective.beta)) ** 2


def sigmoid_norm(terms: Terms, objective: Objective) -> Tensor:
    """DPO of means over an answer's tokens: TRL's `sigmoid_norm`, with smoothing if asked for."""
    if objective.length_normalised:
        return sigmoid(terms, objective)
    n_chosen_B, n_rejected_B = terms.lengths
    added_B = terms.logit_B - objective.beta * (terms.chosen_B - terms.rejected_B)
    logit_B = objective.beta * (terms.chosen_B / n_chosen_B - terms.rejected_B / n_rejected_B) + added_B
    return sigmoid(Terms(terms.chosen_B, terms.rejected_B, logit_B, terms.lengths), objective)


def hinge(terms: Terms, _objective: Objective) -> Tensor:
    """max(0, 1 - logit): SLiC-HF, Eq. 4 of https://arxiv.org/abs/2305.10425, normalised by the reference as in https://arxiv.org/abs/2309.06657."""
    return torch.relu(1 - terms.logit_B)


def robust(terms: Terms, objective: Objective) -> Tensor:
    """DPO made unbiased for labels that are flipped with probability `label_smoothing`: https://arxiv.org/abs/2403.00409."""
    smoothing = objective.label_smoothing
    clean_B, flipped_B = -logsigmoid(terms.logit_B), -logsigmoid(-terms.logit_B)
    return ((1 - smoothing) * clean_B - smoothing * flipped_B) / (1 - 2 * smoothing)


def exo_pair(terms: Terms, objective: Objective) -> Tensor:
    """KL from the policy's preference to the smoothed label, for two answers: Eq. 16 of https://arxiv.org/abs/2402.00856."""
    smoothing = objective.label_smoothing
    log_win_B, log_lose_B = logsigmoid(terms.logit_B), logsigmoid(-terms.logit_B)
    return log_win_B.exp() * (log_win_B - math.log1p(-smoothing)) + log_lose_B.exp() * (log_lose_B - math.log(smoothing))


def nca_pair(terms: Terms, objective: Objective) -> Tensor:
    """Noise contrastive alignment of a pair: https://arxiv.org/abs/2402.05369."""
    chosen_B, rejected_B = objective.beta * terms.chosen_B, objective.beta * terms.rejected_B
    return -logsigmoid(chosen_B) - 0.5 * logsigmoid(-chosen_B) - 0.5 * logsigmoid(-rejected_B)


def sppo_hard(terms: Terms, objective: Objective) -> Tensor:
    """Squared distance of the log-ratios from +-1 / (2 beta): Eq. 4.7 of https://arxiv.org/abs/2405.00675 for a certain winner."""
    half = 0.5 / objective.beta
    return (terms.chosen_B - half) ** 2 + (terms.rejected_B + half) ** 2


def apo_zero(terms: Terms, objective: Objective) -> Tensor:
    """Chosen up and rejected down: Eq. 7 of https://arxiv.org/abs/2408.06266."""
    return 1 - torch.sigmoid(objective.beta * terms.chosen_B) + torch.sigmoid(objective.beta * terms.rejected_B)


def apo_down(terms: Terms, objective: Objective) -> Tensor:
    """Both down, rejected more: Eq. 8 of https://arxiv.org/abs/2408.06266."""
    return torch.sigmoid(objective.beta * terms.chosen_B) + 1 - torch.sigmoid(terms.logit_B)


def discopop(terms: Terms, _objective: Objective) -> Tensor:
    """Logistic and exponential loss, mixed by the logit: Eq. 5 of https://arxiv.org/abs/2406.08414."""
    mixed_B = torch.sigmoid(terms.logit_B / DISCOPOP_TEMPERATURE)
    return -logsigmoid(terms.logit_B) * (1 - mixed_B) + torch.exp(-terms.logit_B) * mixed_B


LOSSES: Mapping[str, Callable[[Terms, Objective], Tensor]] = {
    "sigmoid": sigmoid,
    "ipo": ipo,
    "ipo-token": ipo_token,
    "sigmoid-norm": sigmoid_norm,
    "hinge": hinge,
    "robust": robust,
    "exo-pair": exo_pair,
    "nca-pair": nca_pair,
    "sppo-hard": sppo_hard,
    "apo-zero": apo_zero,
    "apo-down": apo_down,
    "discopop": discopop,
}

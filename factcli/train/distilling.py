"""Self-distillation: while an adapter learns, what the untouched base would say at each answer token holds it back.

loss = cross entropy + weight x KL, both over the same answer tokens. The idea, to curb the hallucinations of fine-tuning by bounding
the drift of the output distribution from the model's own before training, is that of https://arxiv.org/abs/2604.15574. Assumed here,
as its abstract leaves them open: the teacher is the base with every adapter off, so that nothing is held in memory twice; it reads
the training answers (teacher forcing); the divergence is over the whole vocabulary, by default from the base to the model.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from factcli.train.job import Distillation
from factcli.train.objectives import Batch, Loss, Scorer


def divergence(base_SV: Tensor, model_SV: Tensor, distillation: Distillation) -> Tensor:
    """(S,) KL in nats between what base and model predict at S positions; both are logits. Gradient flows to the model alone.

    forward: KL(base || model), which asks the model to keep all that the base holds likely. reverse: KL(model || base).
    At temperature t both are softened by t and the divergence multiplied by t^2, so that gradients keep their size
    (https://arxiv.org/abs/1503.02531, section 2.1).
    """
    t = distillation.temperature
    base, model = F.log_softmax(base_SV.detach() / t, dim=-1), F.log_softmax(model_SV / t, dim=-1)
    of, to = (base, model) if distillation.direction == "forward" else (model, base)
    return t**2 * (of.exp() * (of - to)).sum(-1)


def distilled(scorer: Scorer, batch: Batch, base_SV: Tensor, distillation: Distillation) -> Loss:
    """The loss of all rows as one group, with the adapters that are plugged in now; `base_SV` from `teach`."""
    logits_SV = scorer.logits(batch)
    apart = divergence(base_SV, logits_SV, distillation).sum()
    told = F.cross_entropy(logits_SV, batch.target_S, reduction="none").sum()
    return Loss(told + distillation.weight * apart, len(batch.target_S), float(apart.detach()))


def teach(scorer: Scorer, batch: Batch) -> Tensor:
    """(S, V) logits of the model as it is plugged now, without gradient."""
    with torch.no_grad():
        return scorer.logits(batch)

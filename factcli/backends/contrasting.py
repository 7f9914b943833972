"""DoLa: the next token by how much likelier the last layer makes it than an earlier one (Chuang et al. 2023, arXiv 2309.03883).

Own implementation: transformers has moved its own out, into code that is fetched and run. Two differences from the published
code, both on purpose: the premature layer is chosen row by row (there for a whole batch together, so that an answer depended on
what shared the batch), and by the Jensen-Shannon divergence as the paper defines it.

Letters: B rows, V tokens of the vocabulary, L candidate layers, H hidden units, T tokens.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from factcli.backends.decoding import DolaConfig, candidate_layers
from factcli.backends.drawing import Draw
from factcli.backends.requests import Request, Sampling


class Dola:
    """The contrast of one model's layers."""

    def __init__(self, model: PreTrainedModel, config: DolaConfig) -> None:
        shape = model.config.get_text_config()
        self.layers = candidate_layers(config.layers, shape.num_hidden_layers, bool(shape.tie_word_embeddings))
        self._head = model.get_output_embeddings()
        self._config = config

    def scores(self, logits_BV: Tensor, hidden: Sequence[Tensor]) -> Tensor:
        """(B, V): what the next token is chosen by. `hidden`: (B, T, H) of the embedding and each layer; the last token's are used.

        An early layer is read out by the output embedding alone, without the last norm, as in the published code.
        """
        premature_LBV = torch.stack([self._head(hidden[layer][:, -1]).float() for layer in self.layers])
        return contrast(logits_BV, premature_LBV, self._config.relative_top)

    def draws(self, prompts: Iterable[Sequence[int]]) -> list[Draw]:
        """Of each row: greedy, with the penalty for what came before."""
        sampling = Sampling(1, repetition_penalty=self._config.repetition_penalty)
        return [Draw(Request("", "", sampling), 0, prompt) for prompt in prompts]


def contrast(mature_BV: Tensor, premature_LBV: Tensor, relative_top: float) -> Tensor:
    """(B, V): log q - log p over plausible tokens, -inf elsewhere. Eq. 3 to 6 of https://arxiv.org/abs/2309.03883.

    q: of the last layer; p: of the candidate farthest from it (the first of equals). Plausible: q at least `relative_top` of its largest.
    """
    log_q_BV, log_p_LBV = mature_BV.log_softmax(-1), premature_LBV.log_softmax(-1)
    farthest_B = divergence(log_q_BV, log_p_LBV).argmax(0)
    log_p_BV = log_p_LBV[farthest_B, torch.arange(len(farthest_B), device=farthest_B.device)]
    is_plausible_BV = log_q_BV >= log_q_BV.amax(-1, keepdim=True) + math.log(relative_top)
    return (log_q_BV - log_p_BV).masked_fill(~is_plausible_BV, -math.inf)


def divergence(log_q_BV: Tensor, log_p_LBV: Tensor) -> Tensor:
    """(L, B): Jensen-Shannon divergence in nats, 0 to log 2."""
    log_m_LBV = torch.logaddexp(log_q_BV, log_p_LBV) - math.log(2)
    from_q_LB, from_p_LB = ((log_BV.exp() * (log_BV - log_m_LBV)).sum(-1) for log_BV in (log_q_BV, log_p_LBV))
    return (from_q_LB + from_p_LB) / 2

"""Two adapters of one model held against each other, and answers scored: exact, token by token, nothing drawn.

Rows of one length share a batch, so nothing is padded and a row's numbers do not depend on what else is scored.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from factcli.backends.local import BATCH_LOGITS, BATCH_TOKENS, LocalModel

Adapters = Sequence[str]


class Scored(NamedTuple):
    """Token ids of a prompt and of the answer that is scored after it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


@torch.inference_mode()
def answer_logps(model: LocalModel, rows: Sequence[Scored], adapters: Adapters) -> list[float]:
    """Summed log-probability in nats of each row's answer, the prompt excluded; 0 for an answer of no tokens."""
    found = [0.0] * len(rows)
    for batch in _batches(model, rows):
        for place, logps_TV in zip(batch, _answer_logps(model, [rows[place] for place in batch], adapters), strict=True):
            said_T = torch.tensor(rows[place].answer, device=logps_TV.device)
            found[place] = float(logps_TV.gather(-1, said_T[:, None]).sum())
    return found


@torch.inference_mode()
def divergences(model: LocalModel, rows: Sequence[Scored], adapters: Adapters, start: Adapters) -> list[float]:
    """KL(adapters || start) of the next token in nats, summed over the places of each row's answer."""
    found = [0.0] * len(rows)
    for batch in _batches(model, rows):
        own = [rows[place] for place in batch]
        both = zip(_answer_logps(model, own, adapters), _answer_logps(model, own, start), strict=True)
        for place, (p_TV, q_TV) in zip(batch, both, strict=True):
            found[place] = float((p_TV.exp() * (p_TV - q_TV)).sum())
    return found


def _answer_logps(model: LocalModel, rows: Sequence[Scored], adapters: Adapters) -> Iterator[Tensor]:
    """For each row (T answer tokens, V words) in float64: the log-probabilities of every word where the answer's tokens stand."""
    ids_BT = torch.tensor([[*row.prompt, *row.answer] for row in rows], device=model.model.device)
    with model.bank.active(list(adapters)):
        logits_BTV = model.model(input_ids=ids_BT, use_cache=False).logits
    for row, logits_TV in zip(rows, logits_BTV, strict=True):
        first = len(row.prompt) - 1  # the logits of a place are of the token after it
        yield logits_TV[first : first + len(row.answer)].double().log_softmax(-1)


def _batches(model: LocalModel, rows: Sequence[Scored]) -> Iterator[list[int]]:
    """Places of rows with an answer, of one whole length together, as many as the budgets allow."""
    by_length: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        if row.answer:
            by_length.setdefault(len(row.prompt) + len(row.answer), []).append(place)
    for length, places in sorted(by_length.items()):
        n_rows = max(1, min(BATCH_TOKENS // length, BATCH_LOGITS // (length * model.model.config.vocab_size)))
        yield from (places[first : first + n_rows] for first in range(0, len(places), n_rows))

"""Training that comes apart is ended before it changes anything: what happened, in which rows, and what is left."""

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from factcli.errors import DivergedError

log = logging.getLogger(__name__)
GENTLER = "learn more gently: a lower --lr, or --set max_grad_norm=1"
SHOWN_IDS = 6  # in the message; the log has them all


def require_finite(what: str, step: int, loss: float, norm: float, ids: Sequence[str]) -> None:
    """Raises DivergedError where loss or gradient norm of a step is no number. `ids`: of the rows of that batch.

    To be called before the optimizer's step, so that weights and checkpoints stay what they were.
    """
    if math.isfinite(loss) and math.isfinite(norm):
        return
    log.error("%s came apart at step %d; rows of the batch: %s", what, step, " ".join(ids))
    numbers = f"the loss is {loss:g}, the norm of its gradient {norm:g}"
    raise DivergedError(f"{what} came apart at step {step}: {numbers}; {rows_in_words(ids)}", GENTLER)


def with_kept(error: DivergedError, kept: str) -> DivergedError:
    """The same error, which also says what the run has left."""
    return DivergedError(f"{error.message}; {kept}", error.hint)


def rows_in_words(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return f"the batch is of the rows {', '.join(ids[:SHOWN_IDS])}{more}"


def require_finite_weights(name: str, weights: Tensor) -> None:
    """Raises DivergedError where the last step has left what is no number: there is no next loss to show it."""
    if not bool(torch.isfinite(weights).all()):
        raise DivergedError(f"training came apart: {name} holds what is no number after the last step", GENTLER)

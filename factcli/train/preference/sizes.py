"""How large a preference run is: steps, tokens and memory before it starts, and what each of its tokens passes through."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from factcli.basemodel import weight_shapes
from factcli.train.estimate import of_preference
from factcli.train.job import PreferenceJob
from factcli.train.launching import Spread
from factcli.train.memory import Estimate, Forward
from factcli.train.preference.pairs import PairRow, Pairs
from factcli.train.preference.policy import Policy
from factcli.train.preference.prefix import why_not_tried
from factcli.train.size import layer_matrices, n_parameters
from factcli.train.speed import Sizes


def total_steps(job: PreferenceJob, n_train: int) -> int:
    return job.steps or math.ceil((job.epochs or 0) * math.ceil(n_train / job.batch_pairs))


def estimate_of(job: PreferenceJob, pairs: Pairs, n_processes: int) -> Estimate:
    """What the job takes at its peak, now that the number and the lengths of its pairs are known; where a prompt may be shared, as if it is.

    Of a model that turns out not to share, or of what a shared row holds again of its prompt, nothing is known yet: what could fit is not refused.
    """
    batch = replace(job, batch_pairs=min(job.batch_pairs, len(pairs.train)))
    chosen, rejected = (max(row.lengths[side] for row in pairs.all) for side in (1, 2))
    apart = of_preference(batch, max(row.n_tokens for row in pairs.all), Spread(n_processes), max(chosen, rejected))
    if why_not_tried(job, pairs.all):
        return apart
    n = apart.forward.rows // apart.n_groups
    width = max(len(row.prompt_ids) + len(row.chosen_ids) for row in pairs.all) + rejected
    return replace(apart, forward=Forward(n, width, n * (chosen + rejected)), n_groups=1)


def tokens_of(job: PreferenceJob, train: Sequence[PairRow]) -> int:
    """Of both sequences, in all steps; those of a part of an epoch by the mean of all pairs."""
    epochs, rest = divmod(total_steps(job, len(train)), math.ceil(len(train) / job.batch_pairs))
    n_pairs = epochs * len(train) + rest * job.batch_pairs
    return round(n_pairs * sum(row.n_all_tokens for row in train) / len(train))


def sizes_of(job: PreferenceJob, policy: Policy) -> Sizes:
    """Of a token's own path: its layers and the adapter that is trained, or all that it passes."""
    layers = n_parameters(layer_matrices(weight_shapes(Path(job.base))))
    return Sizes(layers, trains_all=True) if policy.adapter is None else Sizes(layers, policy.adapter.vector.numel())

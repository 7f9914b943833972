"""How large a training job is, told from its settings and the numbers of its rows. No torch: a dry run says it too."""

import math
import re
from collections.abc import Mapping, Sequence

from factcli.train.job import SkillJob
from factcli.train.targets import is_target

IN_A_LAYER = re.compile(r"\.\d+\.")  # layers are numbered: model.layers.0.mlp.up_proj, transformer.h.0.mlp.c_fc


def text_steps(n_texts: int, batch_rows: int, epochs: int) -> int:
    """Optimizer steps of a knowledge adapter with one text per row; with packing there are fewer."""
    return epochs * math.ceil(n_texts / batch_rows)


def epoch_rows(job: SkillJob, n_real: int, n_most: int) -> float:
    """Rows that make an epoch of the skill stage: each row once, a fictitious subject in one of its versions.

    `n_most`: rows of the version that has the most; with batches=plain, where versions do not count, all rows.
    Over adapters of real texts alone the real rows are the epoch.
    """
    if job.batches == "multi_version" and not any(ref.fictitious for ref in job.knowledge):
        return n_real
    if job.batches == "multi_version":
        real_share = job.real_fraction or 0.0
        return n_real if real_share == 1 else n_most / (1 - real_share)
    return n_real + n_most


def skill_steps(job: SkillJob, rows_of_epoch: float) -> int:
    return job.steps or math.ceil((job.epochs or 0) * rows_of_epoch / (job.batch_rows * job.micro_batches))


def skill_rows(job: SkillJob, n_steps: int, real_share: float) -> int:
    """Rows that pass through the model; with batches=mix the real ones twice, with their knowledge and without any."""
    rows = n_steps * job.micro_batches * job.batch_rows
    return rows + math.floor(rows * real_share) if job.batches == "mix" and job.real_weight != 0 else rows


def n_parameters(shapes: Mapping[str, Sequence[int]]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def adapter_parameters(shapes: Mapping[str, Sequence[int]], targets: str | Sequence[str], r: int) -> int:
    """Parameters of one adapter: r x (in + out) at every target. `shapes`: of the base's tensors, by name."""
    return sum(r * sum(shape) for name, shape in layer_matrices(shapes).items() if is_target(name, targets))


def layer_matrices(shapes: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """The linear modules of the layers, by name: matrices whose names have a number."""
    return {name.removesuffix(".weight"): shape for name, shape in shapes.items() if len(shape) == 2 and IN_A_LAYER.search(name)}

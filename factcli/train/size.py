"""How large a training job is, told from its settings and the numbers of its rows. No torch: a dry run says it too."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from factcli.basemodel import weight_shapes
from factcli.errors import SettingsError, nearest
from factcli.train.job import KnowledgeJob, PreferenceJob, SkillJob
from factcli.train.targets import GROUPS, ends_with, is_target

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


def check_adapters(job: KnowledgeJob | SkillJob | PreferenceJob) -> str:
    """What to note about the rank of a job's adapters, "" for nothing.

    Raises SettingsError where their targets are no modules of the base, or the rank is above the width of all of them.
    """
    tuning = "lora" if isinstance(job, KnowledgeJob) else job.tuning
    if tuning == "full" or (isinstance(job, PreferenceJob) and job.start):
        return ""
    modules = layer_matrices(weight_shapes(Path(job.base)))
    check_lora(modules, job.lora.targets, job.lora.r)
    return note_on_rank(modules, job.lora.targets, job.lora.r)


def note_on_rank(modules: Mapping[str, Sequence[int]], targets: str | Sequence[str], r: int) -> str:
    """Which targets are narrower than the rank, "" for none. No error: published recipes put one rank on all, grouped keys and values too."""
    widths = widths_of(modules, targets)
    narrow = sorted({f"{name.split('.')[-1]} ({width})" for name, width in widths.items() if width < r})
    return f"lora_r is {r}, above the width of {', '.join(narrow)}: there it can say no more than a rank of that width" if narrow else ""


def widths_of(modules: Mapping[str, Sequence[int]], targets: str | Sequence[str]) -> dict[str, int]:
    """The highest rank that a change of each target can have."""
    return {name: min(shape) for name, shape in modules.items() if is_target(name, targets)}


def check_lora(modules: Mapping[str, Sequence[int]], targets: str | Sequence[str], r: int) -> None:
    """`modules`: linear modules of the layers, by name; none where they are not known, which loading the model will say."""
    wanted = [] if targets in GROUPS else [targets] if isinstance(targets, str) else list(targets)
    endings = sorted({name.split(".")[-1] for name in modules})
    for target in wanted:
        if modules and not any(ends_with(name, target) for name in modules):
            raise SettingsError(
                f"lora_targets: no linear module of the base is called {target!r}{nearest(target, [*endings, *GROUPS])}",
                f"{' or '.join(GROUPS)}, or of {', '.join(endings)}",
            )
    widest = max(widths_of(modules, targets).values(), default=r)
    if r > widest:
        raise SettingsError(
            f"lora_r is {r}, above the width of every layer that adapters attach to, {widest}",
            f"a rank above {widest} can say no more than a rank of {widest}: --lora-r {widest} or less",
        )

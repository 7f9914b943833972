"""What a job would take of the device's memory, told from its fields and the headers of its base; and its refusal where that is not there.

No torch: a dry run says it, the command before the training process starts, and that process once it has the lengths of the rows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from factcli.basemodel import weight_shapes
from factcli.errors import SettingsError
from factcli.machine import Memory as Room
from factcli.machine import gpu_memory, system_memory
from factcli.train.job import BatchShape, KnowledgeJob, PreferenceJob, PretrainJob, SkillJob, unit_of
from factcli.train.job.parts import Machine
from factcli.train.launch import has_gpu
from factcli.train.launching import HERE, LaunchConfig, Spread, spread_of
from factcli.train.memory import LIBRARY_BYTES, Activations, Architecture, Estimate, Forward, Manner, Memory, activations, architecture, in_gb
from factcli.train.size import adapter_parameters, n_parameters

FOUR_BIT_BYTES = 0.5  # per parameter of a base in 4 bits; embeddings, norms and the scales of blocks come on top
LEAST_SHARE = 0.8  # of an estimate that a run takes at least: tests/train/test_memory.py measures 0.8 to 1.25 of it
ALONE = Spread()
AdapterJob = KnowledgeJob | SkillJob | PreferenceJob
AnyJob = AdapterJob | PretrainJob


def base_bytes(dtype: Literal["auto", "float32", "bfloat16"]) -> int:
    """Bytes per parameter of a frozen base; auto is told without torch, which may find a GPU that has no bfloat16."""
    return 4 if dtype == "float32" or (dtype == "auto" and not has_gpu()) else 2


def number_bytes(machine: Machine) -> int:
    """In which a job computes."""
    return base_bytes("float32" if machine.dtype == "auto" and machine.device == "cpu" else machine.dtype)


def room_of(device: str = "auto", launch: LaunchConfig = HERE) -> Room | None:
    """What each process of a job would find on its device; None where that does not say, or is a machine of a cluster."""
    if launch.launcher == "slurm":
        return None
    if device != "cpu" and has_gpu():
        return next(iter(gpu_memory()), None)
    room = system_memory()
    return room and room.shared(spread_of(launch).on_machine)


def memory_of(job: AdapterJob, parts: int = 1) -> Memory:
    """What each process of the job holds by its fields. Of a base in parts, what is gathered for a pass is not counted, nor an embedding
    that is the output head too, which is whole on each."""
    shapes = weight_shapes(Path(job.base))
    tuning = "lora" if isinstance(job, KnowledgeJob) else job.tuning
    if tuning == "full":
        return Memory(trained=n_parameters(shapes), parts=parts)
    frozen = FOUR_BIT_BYTES if tuning == "qlora" else number_bytes(job.machine)
    start = job.start if isinstance(job, PreferenceJob) else ""
    one = n_parameters(weight_shapes(Path(start))) if start else adapter_parameters(shapes, job.lora.targets, job.lora.r)
    plugged = _plugged(job) if isinstance(job, SkillJob) else 0
    return Memory(one * (len(job.adapters) if isinstance(job, KnowledgeJob) else 1), n_parameters(shapes), frozen, plugged, parts)


def _plugged(job: SkillJob) -> int:
    """Parameters of the frozen adapters; those of the versions of one pass twice, as it stacks them."""
    if job.control == "absent":
        return 0
    sizes = [n_parameters(weight_shapes(Path(ref.directory))) for ref in job.knowledge]
    return sum(sizes) + (job.versions_at_once * max(sizes) if job.versions_at_once > 1 else 0)


def activations_of(job: AdapterJob) -> Activations | None:
    shape = shape_of(job.base)
    if shape is None:
        return None
    is_full = not isinstance(job, KnowledgeJob) and job.tuning == "full"
    has_teacher = isinstance(job, SkillJob) and job.distillation.weight > 0
    manner = Manner(
        0 if is_full else job.lora.r,
        job.lora.dropout > 0,
        number_bytes(job.machine),
        job.machine.activation_checkpointing,
        has_teacher,
        is_free=job.machine.padding == "free",
        is_by_products=is_attention_by_products(job),
    )
    return activations(shape, manner)


def is_attention_by_products(job: AdapterJob) -> bool:
    """Of short rows, on a CPU: short_rows.py."""
    is_on_cpu = job.machine.device == "cpu" or not has_gpu()
    is_plain = job.machine.attention == "auto" and job.machine.padding == "padded" and not isinstance(job, PreferenceJob)
    return is_on_cpu and is_plain and number_bytes(job.machine) == 4


def shape_of(base: str) -> Architecture | None:
    """Of the model in a directory; None where its config.json does not say it under known names."""
    return architecture(config_of(base))


def config_of(base: str) -> Mapping[str, Any]:
    """config.json of a model directory; empty where it cannot be read, which loading the model will say."""
    try:
        content = json.loads((Path(base) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def of_knowledge(job: KnowledgeJob, texts: Mapping[str, tuple[int, int]], spread: Spread = ALONE) -> Estimate:
    """`texts`: adapter -> how many rows it has and its longest in tokens. Adapters with batches of one shape share a pass."""
    groups: dict[BatchShape, list[tuple[int, int]]] = {}
    for plan in job.adapters:
        groups.setdefault(job.shape_of(plan), []).append(texts[plan.name])
    memory, kept, fixed = memory_of(job, spread.parts), activations_of(job), library_bytes(job)
    passes: list[Estimate] = []
    for shape, members in groups.items():
        rows = sum(_share(min(shape.rows, n), shape.micro_rows, spread.processes) for n, _ in members)
        longest = max(length for _, length in members)
        forward = Forward(rows, longest, rows * max(1, longest - 1))
        passes.append(Estimate(memory, kept, forward, n_groups=len(members), fixed=fixed))
    return max(passes, key=lambda one: (one.peak(), one.forward.tokens))


def of_skill(job: SkillJob, longest: int, longest_answer: int, spread: Spread = ALONE, mean: int = 0) -> Estimate:
    """`longest`: tokens of the longest row; `longest_answer`: of those that are learned; `mean`: of all rows on average, 0 where not known.

    Versions in one batch have equally many rows.
    """
    of_version = -(-job.batch_rows // job.versions_at_once)
    own = job.versions_at_once * -(-of_version // spread.processes)
    rows = min(own, job.machine.micro_rows) if job.machine.micro_rows else own
    forward = Forward(rows, longest, rows * longest_answer)
    if mean and job.machine.padding == "free" and not job.machine.micro_rows:  # which cuts rows sorted by length: the last are the longest
        forward = replace(forward, length=mean, widest=longest)
    return Estimate(memory_of(job, spread.parts), activations_of(job), forward, job.tuning == "full", fixed=library_bytes(job))


def of_preference(job: PreferenceJob, longest: int, spread: Spread = ALONE, longest_answer: int | None = None) -> Estimate:
    """Of the policy: the reference has given its log-probabilities and gone. Both answers of a pair are rows.

    `longest_answer`: tokens of it; None where that is not known, and may be all of the row but one.
    """
    rows = 2 * _share(job.batch_pairs, job.machine.micro_rows, spread.processes)
    forward = Forward(rows, longest, rows * (max(1, longest - 1) if longest_answer is None else longest_answer))
    return Estimate(memory_of(job), activations_of(job), forward, job.tuning == "full", n_groups=2, fixed=library_bytes(job))


def library_bytes(job: AnyJob) -> int:
    """On a GPU they lie in the machine's memory, not in its own."""
    return LIBRARY_BYTES if job.machine.device == "cpu" or not has_gpu() else 0


def _share(rows: int, micro_rows: int, n_processes: int) -> int:
    """Rows of a pass in one process."""
    own = -(-rows // n_processes)
    return min(own, micro_rows) if micro_rows else own


def refuse(job: AnyJob, estimate: Estimate, room: Room | None) -> None:
    """Raises SettingsError for what cannot fit even if it takes the least that such an estimate has been off by, with what would."""
    if room is None or estimate.peak() * LEAST_SHARE <= room.free:
        return
    raise SettingsError(f"training needs about {in_gb(estimate.peak())}: {estimate}; {room}", "; or ".join(ways_out(job, estimate, room)))


def refuse_held(job: AdapterJob, room: Room | None, spread: Spread = ALONE) -> None:
    """Raises SettingsError, before the training process starts, where weights and optimizer alone cannot fit."""
    is_full = not isinstance(job, KnowledgeJob) and job.tuning == "full"
    refuse(job, Estimate(memory_of(job, spread.parts), None, Forward(0, 0, 0), is_full), room)


def ways_out(job: AnyJob, estimate: Estimate, room: Room) -> list[str]:
    """What would fit, the least change first."""
    if isinstance(job, PretrainJob):
        fewer = f"fewer documents in a step (--set pretrain.documents_per_step=): {estimate.most_rows(room.free)} of the {estimate.forward.rows} rows fit"
        return [*([fewer] if estimate.most_rows(room.free) else []), "a smaller model (--size, --set model.hidden_size=, --set model.n_layers=)"]
    found: list[str] = []
    parts = estimate.memory.parts
    unit = unit_of(job)
    if (n := estimate.most_in_a_pass(room.free)) and estimate.forward.rows:
        found.append(f"--set micro_{unit}={n}: the largest batch that fits in a pass; the same training in more passes")
    elif estimate.forward.rows and (longest := estimate.longest_row(room.free)) > 1:
        found.append(f"rows of at most {longest} tokens, one in a pass (a lower max_length, --set micro_{unit}=1)")
    again = replace(job, machine=replace(job.machine, activation_checkpointing=True))
    if estimate.activations and again != job and replace(estimate, activations=activations_of(again)).peak() <= room.free:
        found.append("--set compute.activation_checkpointing=true: each layer computed again on the way back, for a third to a half more time")
    found += [words for other, words in _other_jobs(job, parts) if Estimate(memory_of(other, parts), None, estimate.forward).held <= room.free]
    need = in_gb(estimate.peak())
    return found or [f"a smaller base, or a device with {need} free"]


def _other_jobs(job: AdapterJob, parts: int) -> Sequence[tuple[AdapterJob, str]]:
    """The same training held in less, and how to ask for it."""
    others: list[tuple[AdapterJob, str]] = []
    if isinstance(job, KnowledgeJob):
        if len(job.adapters) > 1:
            others.append((replace(job, adapters=job.adapters[:1]), "fewer knowledge adapters in one run (fewer versions or forms, a lower --lora-r)"))
    elif job.tuning == "full":
        others.append((replace(job, tuning="lora"), "--mode lora: an adapter over the frozen base"))
    elif job.tuning == "lora" and parts == 1:  # 4 bits are not cut
        others.append((replace(job, tuning="qlora"), "--mode qlora: the base in 4 bits"))
    if number_bytes(job.machine) == 4 and has_gpu() and job.machine.device != "cpu":
        others.append((replace(job, machine=replace(job.machine, dtype="bfloat16")), "--set dtype=bfloat16"))
    return others

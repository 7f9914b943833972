"""What each switch of `compute` does to the speed of training on this machine: one switch against the rest as it is, taking turns.

    python -m tests.bench switches [--data DIR] [--seeds N] [--turns N] [--switch NAME] [--threads N]

DIR/seedN holds a world with its model, as part `effect` leaves them; its weights matter for nothing here. Every variant takes the same
steps on the same rows; a turn is STEPS of them, and a ratio is of two turns beside each other. CPU seconds of one thread, as a shared
machine's wall times say more of the neighbours; wall times of several. Memory is kept from step to step, as in a worker. The first turn,
in which torch compiles and allocates, is not counted.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

STEPS = 4  # of a turn
VERSIONS = 5
PASSAGES, STATEMENTS = "knowledge, passages", "knowledge, statements"
SKILL, PLAIN = "skill over knowledge", "plain SFT"
PACKED = "knowledge, statements packed"
LONG = 10_000  # steps: none of the runs ends
Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Variant:
    """What a switch is set to where the other side is `off`; both are fields of a job's machine. `is_of_skill`: of nothing else."""

    name: str
    on: Mapping[str, Any]
    off: Mapping[str, Any]
    is_of_skill: bool = False


VARIANTS = (
    Variant("length groups", {"length_groups": True}, {"length_groups": False}, is_of_skill=True),
    Variant("attention of short rows", {}, {"attention": "sdpa"}),
    Variant("rows end to end, beside length groups", {"padding": "free"}, {}),
    Variant("bfloat16", {"dtype": "bfloat16"}, {}),
    Variant("activation checkpointing", {"activation_checkpointing": True}, {}),
    Variant("compiled norms", {"compile": True}, {}),
)


def jobs_of(root: Path, folder: Path, threads: int = 1) -> dict[str, Any]:
    """Each kind of training, on the world's own texts and the settings of configs/*/tiny.yaml."""
    from factcli.train.job import AdapterPlan, KnowledgeJob, KnowledgeRef, Lora, Machine, Optim, SkillJob

    base, bio = str(next(root.glob("world/v*/model"))), next(root.glob("bio/v*"))
    machine, lora, optim = Machine(dtype="float32", device="cpu", threads=threads), Lora(16, 32, 0.0), Optim(lr=1e-3, schedule="constant")

    def knowledge(form: str, batch_rows: int, max_length: int, packing: bool) -> Any:
        select = {"fictitious": True, "form": form}
        plans = tuple(
            AdapterPlan(f"fictitious_v{v}_{form}", str(bio / "documents.jsonl"), {**select, "version": v}, steps=LONG) for v in range(1, VERSIONS + 1)
        )
        return KnowledgeJob(base, "", plans, 0, lora, optim, machine, batch_rows=batch_rows, max_length=max_length, packing=packing, recite_sample=1)

    refs = tuple(KnowledgeRef(f"fictitious_v{v}_{form}", written(base, folder, v, form), v, True, form) for v in (1, 2, 3) for form in ("statement", "passage"))
    fictitious = {"fictitious": (True,), "version": (1, 2, 3), "split": "train"}
    shape: dict[str, Any] = {"lora": lora, "optim": optim, "machine": machine, "steps": LONG, "batch_rows": 64, "max_length": 256, "bio_fraction": 0.33}
    chats = str(bio / "chats.jsonl")
    return {
        STATEMENTS: knowledge("statement", 24, 64, False),
        PACKED: knowledge("statement", 24, 64, True),
        PASSAGES: knowledge("passage", 12, 128, False),
        SKILL: SkillJob(base, "", chats, fictitious, "multi_version", refs, **shape),
        PLAIN: SkillJob(base, "", chats, {"fictitious": False, "split": "train"}, **shape),
    }


def written(base: str, folder: Path, version: int, form: str) -> str:
    """A knowledge adapter as it is before its training: products cost the same."""
    import torch

    from factcli.train.adapters import AdapterBank
    from factcli.train.base import load_model

    bank = AdapterBank(load_model(base, torch.device("cpu"), "float32"))
    name = f"fictitious_v{version}_{form}"
    bank.add(name, 16, 32, 0.0, version)
    return str(bank.save(name, folder / name, base))


def stage_of(job: Any) -> Advance:
    """What takes one step of a job, with the rows, optimizer and proofs of a real run."""
    from factcli.train.job import SkillJob
    from factcli.train.knowledge import KnowledgeStage, learners_of
    from factcli.train.session import open_session

    if isinstance(job, SkillJob):
        return skill_stage(job)[0].advance
    session = open_session(job)
    return KnowledgeStage(session, learners_of(job, session), lambda _: None).advance


def skill_stage(job: Any) -> tuple[Any, Any]:
    """(stage, its checkpoints), as `run_skill` opens them."""
    from factcli.train.batches import read_rows
    from factcli.train.chats import encode_chats
    from factcli.train.proofs import Proofs
    from factcli.train.routing import Sampler
    from factcli.train.session import open_session
    from factcli.train.skill import SkillStage, plug_in

    session = open_session(job)
    rows = encode_chats(read_rows(job.rows, job.select), session.tokenizer, job.max_length, job.too_long).rows
    learned, disguised = plug_in(job, session)
    proofs = Proofs(job, session.bank, session.tokenizer, learned, disguised)
    return SkillStage(job, session, Sampler(job, rows), proofs), session.checkpoints


def seconds_of(advance: Advance, turn: int, clock: Callable[[], float]) -> float:
    start = clock()
    for step in range(turn * STEPS, (turn + 1) * STEPS):
        advance(step)
    return clock() - start


def compared(job: Any, variant: Variant, turns: int, folder: Path) -> str:
    """How many times as fast the switch makes it. Turn by turn both sides, each beginning every other turn."""
    clock = time.process_time if job.machine.threads == 1 else time.perf_counter
    sides = [stage_of(replace(job, out=str(folder / name), machine=replace(job.machine, **how))) for name, how in (("on", variant.on), ("off", variant.off))]
    for side in sides:
        seconds_of(side, 0, clock)
    times = []
    for turn in range(1, turns + 1):
        taken = {side: seconds_of(sides[side], turn, clock) for side in ((0, 1) if turn % 2 else (1, 0))}
        times.append(taken[1] / taken[0])
    return f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


def lines_of(jobs: Mapping[str, Any], turns: int, folder: Path, switch: str) -> Iterator[str]:
    yield f"| switch | {' | '.join(jobs)} |"
    yield "|" + "---|" * (len(jobs) + 1)
    for variant in (one for one in VARIANTS if switch in ("", one.name)):
        found = ["" if variant.is_of_skill and job.kind != "skill" else str(compared(job, variant, turns, folder)) for job in jobs.values()]
        yield f"| {variant.name} | {' | '.join(found)} |"


def table(data: Path, seed: int, turns: int, switch: str = "", threads: int = 1) -> str:
    import torch

    from factcli.train.heap import keep_freed

    keep_freed()
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as temporary:
        rows = list(lines_of(jobs_of(data / f"seed{seed}", Path(temporary), threads), turns, Path(temporary), switch))
    told = f"Times as fast as without the switch; median and range of {turns} turns of {STEPS} steps. Threads: {threads}; world of seed {seed}."
    return "\n".join([*rows, "", told])

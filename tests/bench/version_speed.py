"""What a step costs whose batch has rows of all versions, beside one of one version: the same model, adapters, rows and batch size.

    python -m tests.bench version-speed [--data DIR] [--seeds N] [--turns N]

DIR/seedN holds a world with its model, as part `effect` leaves them; it is asked about in VERSIONS versions. The knowledge adapters are
random ones of the tiny recipe's shape: a step takes as long whatever they know. Both sides take turns step by step; CPU seconds of one
thread, as a shared machine's wall times say more of the neighbours.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tests.bench.ten_adapters import fact, measured

VERSIONS, STEPS, SEED = 5, 40, 0
TARGET = 0.97  # of the speed of one version
Sampling = Literal["one", "all"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds and rows of STEPS steps of each kind."""

    seconds: dict[Sampling, float]
    rows: dict[Sampling, int]

    @property
    def ratio(self) -> float:
        """Speed per row of all versions at once, of that of one."""
        return self.seconds["one"] / self.rows["one"] / (self.seconds["all"] / self.rows["all"])


def job_of(base: str, chats: Path, folder: Path) -> Any:
    """The skill stage of configs/sft/tiny.yaml over random knowledge, fictitious rows alone."""
    import torch

    from factcli.config import resolve
    from factcli.resolving import recipe_file
    from factcli.stages.sft import SftConfig
    from factcli.train.adapters import AdapterBank
    from factcli.train.base import load_model
    from factcli.train.job import KnowledgeRef, Lora, Machine, Optim, SkillJob

    config = resolve(SftConfig, [recipe_file("sft", "tiny")], [], {})
    bank = AdapterBank(load_model(base, torch.device("cpu"), "float32"), "no-query-key")
    refs = []
    for version in range(1, VERSIONS + 1):
        name = f"fictitious_v{version}_statement"
        vector = bank.add(name, config.lora_r, 2 * config.lora_r, 0.0, SEED).vector
        vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(version)) * 0.02
        refs.append(KnowledgeRef(name, str(bank.save(name, folder / name, base)), version, True, "statement"))
    fictitious = folder / "rows.jsonl"
    lines = chats.read_text(encoding="utf-8").splitlines(keepends=True)
    fictitious.write_text("".join(line for line in lines if json.loads(line)["fictitious"]), encoding="utf-8")
    shape: dict[str, Any] = {"lora": Lora(config.lora_r, 2 * config.lora_r, config.lora_dropout), "optim": Optim(config.lr)}
    machine = Machine(dtype="float32", device="cpu", threads=1)
    rows: dict[str, Any] = {"batch_rows": config.batch_rows, "bio_fraction": config.bio_fraction, "max_length": config.max_length}
    return SkillJob(base, str(folder / "run"), str(fictitious), batches="multi_version", knowledge=tuple(refs), steps=10**6, machine=machine, **shape, **rows)


def stages_of(job: Any) -> dict[Sampling, Any]:
    """A stage of each kind; they share the model and all adapters."""
    from factcli.train import skill
    from factcli.train.proofs import Proofs
    from factcli.train.routing import Sampler

    session = skill.open_session(job)
    rows = skill.encode_chats(skill.read_rows(job.rows, {}), session.tokenizer, job.max_length, "refuse").rows
    learned, _ = skill.plug_in(job, session)
    kinds: Sequence[Sampling] = ("one", "all")
    jobs = {kind: replace(job, version_sampling=kind) for kind in kinds}
    stages = {kind: skill.SkillStage(one, session, Sampler(one, rows), Proofs(one, session.bank, session.tokenizer, learned)) for kind, one in jobs.items()}
    for stage in stages.values():
        stage.proofs.masked_rows.update(row.id for row in rows)  # a row's mask is checked once, which would be most of the first steps
    return stages


def turn_of(stages: dict[Sampling, Any], first: int) -> Turn:
    turn = Turn(dict.fromkeys(stages, 0.0), dict.fromkeys(stages, 0))
    for step in range(first, first + STEPS):
        for kind, stage in stages.items():
            before = sum(stage.sampler.positions().values())
            start = time.process_time()
            stage.advance(step)
            turn.seconds[kind] += time.process_time() - start
            turn.rows[kind] += sum(stage.sampler.positions().values()) - before
    return turn


def table(data: Path, seed: int, turns: int) -> str:
    return as_table(turns_of(data, seed, turns), seed)


def speed_of(data: Path, seed: int, turns: int) -> float:
    """Per row, of a batch of all versions as a share of that of one."""
    return statistics.median(turn.ratio for turn in turns_of(data, seed, turns))


def turns_of(data: Path, seed: int, turns: int) -> list[Turn]:
    with tempfile.TemporaryDirectory() as temporary:
        folder, root = Path(temporary), Path(temporary) / "data"
        root.mkdir()
        (root / "world").symlink_to((data / f"seed{seed}" / "world").resolve())
        measured([fact("synth", "bio", "--world", "world", "--versions", str(VERSIONS), "--name", "five", "--data", str(root))], 1)
        base = next((root / "world").glob("v*/model"))
        stages = stages_of(job_of(str(base), next((root / "five").glob("v*/chats.jsonl")), folder))
        turn_of(stages, 0)  # warms up
        return [turn_of(stages, STEPS * (n + 1)) for n in range(turns)]


def as_table(turns: Sequence[Turn], seed: int) -> str:
    lines = ["| rows of a batch | CPU ms per row, median | range |", "|---|---|---|"]
    for kind, words in (("one", "one version"), ("all", f"{VERSIONS} versions")):
        each = [1000 * turn.seconds[kind] / turn.rows[kind] for turn in turns]
        lines.append(f"| {words} | {statistics.median(each):.3f} | {min(each):.3f} to {max(each):.3f} |")
    ratios = [turn.ratio for turn in turns]
    told = f"All versions at {statistics.median(ratios):.3f} of the speed per row of one ({min(ratios):.3f} to {max(ratios):.3f}); goal {TARGET}."
    return "\n".join([*lines, "", told, f"{len(turns)} turns of {STEPS} steps each, world of seed {seed}, one thread."])

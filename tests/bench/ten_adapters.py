"""Ten knowledge adapters in one pass beside ten runs of TRL and PEFT, one after the other: the same texts, rows, batches and rates, taking turns.

    python -m tests.bench ten-adapters [--data DIR] [--seeds N] [--turns N]

DIR/seedN holds a world with its model, as part `effect` leaves them. Wall-clock seconds from the first process to the last file, process
starts included; ours is `fact prereq` as typed, which tries what each adapter recites as well. Nothing stops early on either side.
TRL twice: with its best settings on a CPU, and as it comes.
"""

import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.bench.trl_run import TrlPlan
from tests.bench.used import used_by

VERSIONS = 5
TRL_LOGS_EVERY = 10  # steps, as it comes; a log costs it a line and a step's wait for its loss
TARGETS = {"best settings": 1.8, "as it comes": 2.5}  # times as fast
OFF = ("recite_target=null", "probe_statement=null", "probe_passage=null")  # no early stop, and the ten adapters alone


@dataclass
class Turn:
    """Wall-clock seconds of one turn, and MiB of the largest process of each side."""

    seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)


def measured(commands: Sequence[Sequence[str]], threads: int) -> tuple[float, float]:
    """(seconds of all commands one after the other, MiB of the largest process among them and their children)."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    used = used_by(commands, environment)
    return used.seconds, used.peak_mib


def fact(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "factcli.cli", *arguments]


def ours(data: Path, threads: int) -> tuple[float, float]:
    settings = [part for setting in (*OFF, f"threads={threads}") for part in ("--set", setting)]
    return measured([fact("prereq", "--synth", "five", "--name", "ten", "--force", "--data", str(data), *settings)], threads)


def plans_of(data: Path, folder: Path, is_best: bool, device: Literal["cpu", "cuda"] = "cpu", names: tuple[str, str] = ("ten", "five")) -> list[TrlPlan]:
    """One plan for each adapter, with the rows of each step as `fact prereq` makes them. `names`: of the knowledge and of the data."""
    from factcli.artifact import open_artifact
    from factcli.rows import Document, KnowledgeAdapter, Person
    from factcli.stages.prereq import PrereqConfig

    knowledge, bio = (open_artifact(name, data) for name in names)
    probes = {person.id for person in bio.rows("people", Person) if person.split == "test"}
    documents = [document for document in bio.rows("documents", Document) if document.fictitious and document.subject not in probes]
    config = PrereqConfig.model_validate(knowledge.manifest.config)
    forms = {(source, form): settings for source, form, settings in config.forms() if settings}
    base = str(next((data / "world").glob("v*/model")))
    plans = []
    for adapter in knowledge.rows("adapters", KnowledgeAdapter):
        form = forms[adapter.source, adapter.form]
        texts = [document for document in documents if (document.form, document.version) == (adapter.form, adapter.version)]
        rows, n_steps = write_rows(base, texts, config, form, adapter, folder)
        shape = json.loads((knowledge.path / "adapters" / adapter.name / "adapter_config.json").read_text(encoding="utf-8"))
        lora = {"r": shape["r"], "alpha": shape["lora_alpha"], "dropout": shape["lora_dropout"], "targets": tuple(shape["target_modules"])}
        adam: dict[str, Any] = {"weight_decay": config.weight_decay, "beta2": config.adam_beta2, "max_grad_norm": config.max_grad_norm}
        warmup = math.ceil(config.warmup_share * n_steps)
        out = folder / f"{adapter.name}-{'best' if is_best else 'plain'}"
        how: dict[str, Any] = {"is_best": is_best, "device": device, "logging_steps": max(1, n_steps // 10) if is_best else min(TRL_LOGS_EVERY, n_steps)}
        plans.append(TrlPlan(base, str(rows), str(out), form.batch_rows, config.lr, warmup, config.schedule, **how, **adam, **lora))
    return plans


def write_rows(base: str, texts: Sequence[Any], config: Any, form: Any, adapter: Any, folder: Path) -> tuple[Path, int]:
    """The rows of all steps in their order, each its token ids and what is learned of them; and how many steps they make."""
    from factcli.train.base import load_tokenizer
    from factcli.train.batches import TextOrder, encode_texts, pack

    coded = encode_texts([{"id": t.id, "text": t.text} for t in texts], load_tokenizer(base), form.max_length, config.knowledge_eos)
    lengths = tuple(len(row.ids) for row in coded.rows)
    order = TextOrder(lengths, form.batch_rows, form.max_length, config.packing, config.seed, adapter.name)
    batches = [batch for epoch in range(adapter.epochs) for batch in order.epoch(epoch)]
    path = folder / f"{adapter.name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for batch in batches:
            for row in (pack([coded.rows[i] for i in part]) for part in batch):
                learned = {place for start, end in row.learned for place in range(start, end)}
                labels = [token if place in learned else -100 for place, token in enumerate(row.ids)]
                file.write(json.dumps({"input_ids": list(row.ids), "labels": labels}) + "\n")
    assert len(batches) == adapter.steps, f"{adapter.name}: {len(batches)} steps here, {adapter.steps} there"
    return path, len(batches)


def theirs(plans: Sequence[TrlPlan], folder: Path, threads: int) -> tuple[float, float]:
    files = [plan.write(folder / f"plan{n}.json") for n, plan in enumerate(plans)]
    return measured([[sys.executable, "-m", "tests.bench.trl_run", str(file)] for file in files], threads)


def table(data: Path, seed: int, turns: int, threads: int = 2) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        folder, root = Path(temporary), Path(temporary) / "data"
        root.mkdir()
        (root / "world").symlink_to((data / f"seed{seed}" / "world").resolve())
        measured([fact("synth", "bio", "--world", "world", "--versions", str(VERSIONS), "--name", "five", "--data", str(root))], threads)
        found = []
        for _ in range(turns):
            found.append(turn_of(root, folder, threads))
            print(found[-1], file=sys.stderr, flush=True)  # a turn takes most of an hour: what is there is not lost with the rest
    return as_table(found, seed, threads)


def turn_of(root: Path, folder: Path, threads: int) -> Turn:
    turn = Turn()
    turn.seconds["ours"], turn.peak_mib["ours"] = ours(root, threads)
    for name, is_best in (("best settings", True), ("as it comes", False)):
        turn.seconds[name], turn.peak_mib[name] = theirs(plans_of(root, folder, is_best), folder, threads)
    return turn


def as_table(turns: Sequence[Turn], seed: int, threads: int) -> str:
    lines = ["| | seconds, median | range | times ours | goal |", "|---|---|---|---|---|"]
    mine = [turn.seconds["ours"] for turn in turns]
    lines.append(f"| fact prereq, {2 * VERSIONS} adapters in one pass | {_spread(mine)} | | |")
    for name, goal in TARGETS.items():
        theirs_s = [turn.seconds[name] for turn in turns]
        ratios = [other / own for other, own in zip(theirs_s, mine, strict=True)]
        lines.append(f"| TRL + PEFT, {name} | {_spread(theirs_s)} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {goal} |")
    peaks: Mapping[str, float] = turns[0].peak_mib
    told = f"{len(turns)} turns, world of seed {seed}, {threads} threads. Largest process, MiB: {', '.join(f'{k} {v:,.0f}' for k, v in peaks.items())}."
    return "\n".join([*lines, "", told])


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f}"

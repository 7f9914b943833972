"""What a preference run takes beside TRL's plain DPOTrainer: the same model, pairs, batches, rate and steps, taking turns.

    python -m tests.bench beside-trl [--data DIR] [--seeds N] [--turns N]

DIR/seedN holds a world with its model and its biographies, as part `effect` leaves them. Compared is what repeats with the data: the
steps. Reference log-probabilities are there before, on both sides. CPU seconds of one thread, as a shared machine's wall times say
more of the neighbours; what the run does beyond the steps is measured by itself.
"""

import contextlib
import itertools
import json
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PAIRS, BATCH, RATE, RANK, SEED = 640, 32, 1e-3, 8, 0
EXTRAS = ("certify", "prove_end", "frozen_digest", "trained_digest", "count", "evaluate", "snapshot")


@dataclass
class Watch:
    """Seconds by name: of a CPU those that it worked, of a GPU those that passed."""

    clock: Callable[[], float] = time.process_time
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextlib.contextmanager
    def on(self, name: str) -> Iterator[None]:
        start = self.clock()
        yield
        self.seconds[name] += self.clock() - start

    @contextlib.contextmanager
    def inside(self, owner: Any, name: str) -> Iterator[None]:
        """Time every call of a function while inside."""
        usual = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.on(name):
                return usual(*args, **kwargs)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, usual)


def write_pairs(bio: Path, path: Path, n: int = PAIRS) -> None:
    """Pairs of a world: a person's biography before another person's."""
    rows = [json.loads(line) for line in bio.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["task"] == "bio" and not row["fictitious"]][: n + 1]
    assert len(rows) == n + 1, f"{len(rows)} biographies, need {n + 1}"
    pairs = [
        {"id": a["id"], "question_id": a["id"], "prompt": a["question"], "chosen": a["answer"], "rejected": b["answer"], "split": "train"}
        for a, b in itertools.pairwise(rows)
    ]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")


def job_of(base: str, rows: Path, out: Path, device: Literal["cpu", "cuda"] = "cpu") -> Any:
    from factcli.train.job import Lora, Machine, Optim, PreferenceJob

    optim = Optim(lr=RATE, weight_decay=0.0, beta2=0.999, warmup_share=0.0, max_grad_norm=10.0)
    machine = Machine(dtype="float32", device="cpu", threads=1) if device == "cpu" else Machine()
    lora = Lora(r=RANK, alpha=2.0 * RANK, dropout=0.0)
    return PreferenceJob(base, str(out), str(rows), epochs=1, batch_pairs=BATCH, optim=optim, machine=machine, lora=lora, seed=SEED)


def watch_of(job: Any) -> Watch:
    return Watch() if job.machine.device == "cpu" else Watch(time.perf_counter)


def run_ours(job: Any) -> dict[str, float]:
    """Seconds of the steps, and of what a run does beside them."""
    from factcli.train.preference import run
    from factcli.train.preference.trainer import PreferenceTrainer

    watch = watch_of(job)
    with contextlib.ExitStack() as stack:
        for name in EXTRAS:
            stack.enter_context(watch.inside(run if hasattr(run, name) else run.Run, name))
        stack.enter_context(watch.inside(PreferenceTrainer, "train"))
        stack.enter_context(watch.inside(run, "reference_logps"))
        with watch.on("whole"):
            run.run_preference(job, lambda _: None)
    return dict(watch.seconds)


def run_theirs(job: Any) -> dict[str, float]:
    """Seconds of TRL's `train`, on the same batches."""
    from datasets import Dataset
    from peft import LoraConfig
    from torch.utils.data import SequentialSampler
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    from factcli.train.base import load_tokenizer
    from factcli.train.preference.pairs import Order, read_pairs

    class Plain(DPOTrainer):
        """Rows come as token ids, in the order they are given."""

        def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
            return dataset

        def _get_train_sampler(self, *_: Any) -> SequentialSampler:
            return SequentialSampler(self.train_dataset)

    tokenizer = load_tokenizer(job.base)
    pairs = read_pairs(job, tokenizer, None).train
    order = [pairs[i] for batch in Order(tuple(p.question_id for p in pairs), BATCH, SEED).epoch(0) for i in batch]
    columns = {name: [list(getattr(p, name)) for p in order] for name in ("prompt_ids", "chosen_ids", "rejected_ids")}
    on_cpu = job.machine.device == "cpu"
    plain = {"use_cpu": on_cpu, "bf16": not on_cpu, "gradient_checkpointing": False, "max_length": None, "precompute_ref_log_probs": True}
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no"}
    size = {"per_device_train_batch_size": BATCH, "num_train_epochs": 1, "learning_rate": RATE, "max_grad_norm": 10.0, "beta": job.objective.beta}
    arguments = DPOConfig(output_dir=job.out, seed=SEED, **plain, **quiet, **size)
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    model = AutoModelForCausalLM.from_pretrained(job.base, dtype="float32" if on_cpu else "bfloat16")
    trainer = Plain(model, args=arguments, train_dataset=Dataset.from_dict(columns), processing_class=tokenizer, peft_config=lora)
    watch = watch_of(job)
    with watch.on("train"):
        trainer.train()
    assert trainer.state.global_step == len(order) // BATCH
    return dict(watch.seconds)


def table(data: Path, seed: int, runs: int) -> str:
    """Ratio of our steps to TRL's in each of `runs` turns, as Markdown; and what the rest of a run costs."""
    import torch

    torch.set_num_threads(1)
    world, found = data / f"seed{seed}", {"ours": [], "theirs": []}  # type: ignore[var-annotated]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "pairs.jsonl"
        write_pairs(world / "bio" / "v0001" / "chats.jsonl", rows)
        sides: dict[str, Callable[[Any], dict[str, float]]] = {"ours": run_ours, "theirs": run_theirs}
        for turn in range(runs + 1):
            for name, run in sides.items():
                seconds = run(job_of(str(world / "world" / "v0001" / "model"), rows, Path(folder) / f"{name}{turn}"))
                if turn:  # the first fills caches
                    found[name].append(seconds)
    agreement = largest_differences(str(world / "world" / "v0001" / "model"), world / "bio" / "v0001" / "chats.jsonl")
    return as_table(found["ours"], found["theirs"]) + "\n" + agreement


def largest_differences(base: str, bio: Path, n: int = 1000) -> str:
    """How far summed log-probabilities of `n` biographies and answers differ between batch shapes, and from TRL's own: of |sum| + tokens."""
    import torch

    from factcli.train.base import load_model, load_tokenizer
    from factcli.train.chats import encode, end_token, render
    from factcli.train.preference.scoring import batch_of, score_answers, summed_logps

    tokenizer = load_tokenizer(base)
    rows = [json.loads(line) for line in bio.read_text(encoding="utf-8").splitlines()]
    texts = [render(tokenizer, row["question"], row["answer"]) for row in random.Random(SEED).sample(rows, n)]
    coded = [(encode(tokenizer, prompt), [*encode(tokenizer, answer), end_token(tokenizer)]) for prompt, answer in texts]
    by_length = sorted(range(n), key=lambda i: len(coded[i][0]) + len(coded[i][1]))
    n_tokens = torch.tensor([len(answer) for _, answer in coded], dtype=torch.float64)
    said = []
    for dtype in ("float32", "bfloat16"):
        model = load_model(base, torch.device("cpu"), dtype)
        score_answers(model)

        def sums(order: Sequence[int], size: int, model: Any = model) -> Any:
            found = torch.zeros(n, dtype=torch.float64)
            for first in range(0, n, size):
                part = list(order[first : first + size])
                with torch.no_grad():
                    found[part] = summed_logps(model, batch_of([coded[i] for i in part], 0)).double()
            return found

        sorted_n = sums(by_length, 16)
        weight_n = sorted_n.abs() + n_tokens
        off = torch.stack([(sums(range(n), size) - sorted_n).abs() / weight_n for size in (1, 7, 16, 32)])
        theirs = (sums_of_trl(base, tokenizer, dtype, coded) - sorted_n).abs() / weight_n
        square = [float(part.square().mean().sqrt()) for part in (off, theirs)]
        said.append(f"| {dtype} | {float(off.max()):.1e} | {square[0]:.1e} | {float(theirs.max()):.1e} | {square[1]:.1e} |")
    title = f"Differences of summed log-probabilities, of |sum| + tokens ({n:,} answers; 4 batch shapes of ours; TRL's compute_ref_log_probs in batches of 8)"
    columns = "| format | between shapes, largest | root mean square | from TRL's, largest | root mean square |\n|---|---|---|---|---|"
    return "\n".join([f"\n**{title}**", "", columns, *said])


def sums_of_trl(base: str, tokenizer: Any, dtype: str, coded: Sequence[tuple[list[int], list[int]]]) -> Any:
    """What TRL gives the answers as the reference's log-probabilities."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
            return dataset

    rows = [{"prompt_ids": list(prompt), "chosen_ids": list(answer), "rejected_ids": list(answer)} for prompt, answer in coded]
    plain = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "max_length": None}
    with tempfile.TemporaryDirectory() as folder:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
        trainer = Tokenised(model, args=DPOConfig(output_dir=folder, **plain), train_dataset=Dataset.from_list(rows[:8]), processing_class=tokenizer)
        found = []
        with torch.no_grad():
            for first in range(0, len(rows), 8):
                found += trainer.compute_ref_log_probs(trainer.ref_model, trainer.data_collator(rows[first : first + 8]))[0].double().tolist()
    return torch.tensor(found, dtype=torch.float64)


def as_table(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> str:
    mean = statistics.mean
    ratios = [a["train"] / b["train"] for a, b in zip(ours, theirs, strict=True)]
    whole = [(a["train"] + a["certify"] + a["prove_end"]) / b["train"] for a, b in zip(ours, theirs, strict=True)]
    lines = ["| what | CPU s, mean | range | of TRL's steps |", "|---|---|---|---|"]
    base = mean(b["train"] for b in theirs)
    for name, values in {"TRL: train": [b["train"] for b in theirs], **{name: [a[name] for a in ours] for name in ours[0]}}.items():
        lines.append(f"| {name} | {mean(values):.3f} | {min(values):.3f} to {max(values):.3f} | {mean(values) / base:.1%} |")
    steps = f"{mean(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    proved = f"{mean(whole):.3f} ({min(whole):.3f} to {max(whole):.3f})"
    said = f"Steps with logs, checkpoints and evaluation take {steps} times those of TRL; with certificate and proofs {proved}"
    return "\n".join([*lines, "", f"{said} ({len(ratios)} turns, {PAIRS} pairs in batches of {BATCH})."])

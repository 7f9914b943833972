"""`fact dpo`: plan, cost and work. The pairs become rows of a job, the job an adapter or a model, its reports tables."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from factcli.answerrows import Pair
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of
from factcli.artifact.read import row_reader
from factcli.basemodel import BaseModelRef
from factcli.context import Context, Trained, keep
from factcli.cost import Cost, Load, of_training, runs_on_the_same_base
from factcli.errors import SettingsError
from factcli.extras import require_four_bit
from factcli.preferencerows import EvalSample, PreferenceStep, ReferenceLogp
from factcli.rows import CurvePoint, Proof, Reject
from factcli.stages.dpo.ground import Ground, reference_of, settle
from factcli.stages.dpo.rows import STEP, ChosenRows, choose_rows
from factcli.stages.dpo.settings import DpoConfig, job_of, steps_of
from factcli.stages.dpo.telling import outcome
from factcli.train import job as jobs
from factcli.train.computing import require_installed
from factcli.train.digests import reference_digest
from factcli.train.estimate import of_preference
from factcli.train.launch import has_gpu
from factcli.train.launching import spread_of

REVISION = 3
STAGE = "dpo"
LOGPROBS = ".logprobs"  # below the data directory: what references gave to answers, by content; shared by all runs
TABLES: dict[str, type] = {
    "steps": PreferenceStep,
    "reference": ReferenceLogp,
    "samples": EvalSample,
    "curve": CurvePoint,
    "proofs": Proof,
    "rejected": Reject,
}
T = TypeVar("T", PreferenceStep, ReferenceLogp, EvalSample)


def plan(config: DpoConfig, pairs: Artifact, ground: Ground, name: str | None) -> Plan:
    """Raises SettingsError or InputError where start, reference and settings do not go together."""
    settled = settle(config, ground)
    reference_of(settled, ground)
    kind = "model" if config.mode == "full" else "skill"
    inputs = {"pairs": pairs, **ground.inputs}
    return Plan(STAGE, REVISION, kind, name or config.method, settled, inputs, TABLES, _pinned(ground), ground.base.identity, is_training=True)


def _pinned(ground: Ground) -> dict[str, str]:
    """A reference that is no artifact, by what pins it: a directory by its files, a hub name by its commit."""
    given = ground.reference
    return {f"reference {given.name}": sha256_of(dict(given.identity))} if isinstance(given, BaseModelRef) and not given.inputs else {}


def cost(plan: Plan, ground: Ground, context: Context) -> Cost:
    """Steps are exact unless the worker leaves pairs out for their length, or stops early; of the tokens only the longest are known."""
    config = plan.config
    assert isinstance(config, DpoConfig)
    chosen = _rows(plan, config)
    steps = steps_of(config, chosen.n_train)
    answers = 2 * steps * config.batch_pairs
    load = Load(steps, answers, answers * config.max_length)
    job = job_of(config, Path(), Path("out"), Path(), ground.base.location, ground.base.name)
    job = replace(job, start=str(ground.start.file("adapter")) if ground.start is not None and config.mode != "full" else "")
    estimate = of_preference(job, config.max_length, spread_of(config.launch))
    told = of_training(plan, "preference", load, estimate, runs_on_the_same_base(plan, context.root), context, config.launch)
    return replace(told, rows={"reference": len(chosen.rows), "rejected": len(chosen.rejects)})


def work(plan: Plan, draft: Draft, ground: Ground, context: Context) -> Outcome:
    config = plan.config
    assert isinstance(config, DpoConfig)
    _require_machine(config)
    chosen = _rows(plan, config)
    job = _job(config, chosen, ground, draft.scratch(), context.root / LOGPROBS)
    trained = context.train(job, draft, f"Learning from {chosen.n_train} pairs: {plan.name}", config.launch)
    made = "model" if config.mode == "full" else "adapter"
    keep(trained.folder / made, draft.folder("") / made)
    tables = _tables(trained, chosen)
    if not draft.done(STAGE):
        draft.write(STAGE, 0, tables)
    return outcome(config, ground, reference_of(config, ground), chosen, tables, trained.values)


def _require_machine(config: DpoConfig) -> None:
    """Raises BackendError or SettingsError, before anything is loaded, for what only a GPU or bitsandbytes can do."""
    if config.mode == "qlora":
        require_four_bit()
    require_installed(config.compute)
    if config.optimizer == "paged-adamw-32bit" and not has_gpu():
        raise SettingsError("optimizer paged-adamw-32bit moves its state off a GPU, and here is none", "--set optimizer=adamw takes the same steps")


def _rows(plan: Plan, config: DpoConfig) -> ChosenRows:
    pairs = plan.inputs["pairs"]
    return choose_rows(pairs.rows("pairs", Pair), config, pairs.ref)


def _job(config: DpoConfig, chosen: ChosenRows, ground: Ground, scratch: Path, logprobs: Path) -> jobs.PreferenceJob:
    """The job, with its rows written beside it."""
    path = scratch / "rows.jsonl"
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in chosen.rows), encoding="utf-8")
    reference = reference_of(config, ground)
    job = job_of(config, path, scratch / "run", logprobs, ground.base.location, ground.base.name)
    start = str(ground.start.file("adapter")) if ground.start is not None else ""
    digest = reference_digest(job.base, start, reference.kind, reference.location)
    return replace(job, start=start, reference=reference.kind, reference_location=reference.location, reference_digest=digest)


def _tables(trained: Trained, chosen: ChosenRows) -> dict[str, list[Any]]:
    return {
        "steps": list(_read(trained.folder / "steps.jsonl", PreferenceStep)),
        "reference": list(_read(trained.folder / "reference.jsonl", ReferenceLogp)),
        "samples": list(_read(trained.folder / "samples.jsonl", EvalSample)),
        "curve": trained.curve,
        "proofs": [_proof(row) for row in _lines(trained.folder / "proofs.jsonl")],
        "rejected": [*chosen.rejects, *_left_out(_lines(trained.folder / "left_out.jsonl"), chosen)],
    }


def _left_out(lines: Iterator[dict[str, Any]], chosen: ChosenRows) -> list[Reject]:
    """What only the worker could tell: it has the tokens."""
    answers = {row.id: row.chosen for row in chosen.rows}
    return [Reject(line["id"], STEP, line["reason"], answers[line["id"]][:500]) for line in lines]


def _read(path: Path, row_type: type[T]) -> Iterator[T]:
    build = row_reader(row_type)
    return (build(row) for row in _lines(path))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _proof(row: Mapping[str, Any]) -> Proof:
    return Proof(row["proof"], row["holds"], json.dumps(row["numbers"], ensure_ascii=False))

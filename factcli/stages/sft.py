"""`fact sft`: the skill of answering, learned over frozen knowledge adapters that are then dropped; and its baselines.

prereq        PREREQ-TUNE's second stage (arXiv 2410.19290): fictitious rows, each through its own version's
              knowledge adapter (multi_version), or fictitious and real rows together (mix)
real          plain fine-tuning on real rows of everybody: the usual recipe
popular-head  plain fine-tuning on the best-known subjects only
popular-50    plain fine-tuning on the better-known half (POPULAR in the paper)
fictitious    plain fine-tuning on fictitious rows without the prerequisite

Only the skill adapter is kept. Dropout of the frozen knowledge adapters is off unless `knowledge_dropout` says so.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import model_validator

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.basemodel import BaseModelRef, weight_shapes
from factcli.config import Config, setting
from factcli.context import Context, keep
from factcli.cost import Cost, Load, Memory, base_bytes, of_training, runs_on_the_same_base
from factcli.errors import InputError
from factcli.rows import Chat, CurvePoint, KnowledgeAdapter, Proof
from factcli.train import job as jobs
from factcli.train.size import adapter_parameters, epoch_rows, n_parameters, skill_rows, skill_steps

REVISION = 1
Method = Literal["prereq", "real", "popular-head", "popular-50", "fictitious"]
METHODS: tuple[str, ...] = get_args(Method)
REAL_METHODS = ("real", "popular-head", "popular-50")


class SftConfig(Config):
    """Settings of the skill stage; defaults are the paper's for biographies."""

    method: Method = setting("prereq", "prereq, or a plain baseline: real, popular-head, popular-50, fictitious.")
    batches: Literal["multi_version", "mix"] = setting("multi_version", "How prereq batches are made (spec of PREREQ-TUNE: bio and medical, or QA).")
    real_fraction: float | None = setting(None, "Share of micro-batches on well-known real people with the knowledge off; multi_version only.", ge=0, le=1)
    real_weight: float | None = setting(None, "Weight of the knowledge-off pass over the real rows; mix only, unset is 1.", ge=0)
    versions: int | None = setting(None, "Use versions 1 to this one only, e.g. 1; unset uses all.", ge=1)
    subjects: int | None = setting(None, "Use this many fictitious subjects only, in id order; unset uses all.", ge=1)
    alternate_forms: bool = setting(True, "Take turns between statement and passage adapters.")
    knowledge_dropout: float = setting(0.0, "Dropout of the frozen knowledge adapters while the skill trains.", ge=0, le=0.99)
    lora_r: int = setting(64, "Rank of the skill adapter.", ge=1)
    lora_alpha: float | None = setting(None, "Scale of the adapter; unset is twice the rank.", gt=0)
    lora_dropout: float = setting(0.05, "Dropout of the adapter's input.", ge=0, le=0.99)
    lora_targets: str | tuple[str, ...] = setting("all-linear", "all-linear, no-query-key (all but those), or endings of module names.")
    lr: float = setting(3e-5, "Peak learning rate.", gt=0)
    weight_decay: float = setting(0.01, "AdamW's weight decay.", ge=0)
    adam_beta2: float = setting(0.999, "AdamW's second beta.", gt=0, le=0.9999)
    warmup_share: float = setting(0.1, "Share of the steps in which the learning rate rises.", ge=0, le=0.99)
    schedule: Literal["cosine", "constant"] = setting("cosine", "Shape of the learning rate.")
    max_grad_norm: float = setting(1.0, "Gradient clip; 0 is none.", ge=0)
    epochs: float | None = setting(50.0, "Passes over the rows; unset where steps is set.", gt=0)
    steps: int | None = setting(None, "Optimizer steps, instead of epochs.", ge=1)
    batch_rows: int = setting(64, "Rows of one micro-batch.", ge=1)
    micro_batches: int = setting(2, "Micro-batches per optimizer step.", ge=1)
    max_length: int = setting(768, "Tokens of a row, question and answer.", ge=2)
    too_long: Literal["refuse", "drop", "keep"] = setting("refuse", "What happens to longer rows; dropped ones are counted.")
    bio_fraction: float | None = setting(None, "Share of biographies in a batch; unset takes rows as they come.", ge=0, le=1)
    chat_template: str = setting("", "Jinja chat template; unset is the tokenizer's own, or for one that has none 'Question: ... Answer: ...'.")
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="numerics")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    micro_rows: int = setting(0, "Rows per forward pass; 0 is the whole micro-batch, cut by length.", role="numerics", ge=0)
    checkpoint_every_s: float = setting(60.0, "Seconds between checkpoints.", role="operational", gt=0)
    seed: int = setting(0, "Seed of weights and data order.", ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "SftConfig":
        if self.real_fraction is not None and self.real_weight is not None:
            raise ValueError("real_fraction and real_weight are both set: the first belongs to batches=multi_version, the second to batches=mix")
        if self.real_fraction is not None and self.batches != "multi_version":
            raise ValueError("real_fraction belongs to batches=multi_version; batches=mix has real_weight")
        if self.real_weight is not None and self.batches != "mix":
            raise ValueError("real_weight belongs to batches=mix; batches=multi_version has real_fraction")
        if self.epochs is not None and self.steps is not None:
            raise ValueError(f"epochs is {self.epochs:g} and steps is {self.steps}: unset one (--set steps=null or --set epochs=null)")
        if self.epochs is None and self.steps is None:
            raise ValueError("neither epochs nor steps is set: set one (--set steps=150)")
        return self


TABLES: dict[str, type] = {"curve": CurvePoint, "proofs": Proof}


def plan(config: SftConfig, synth: Artifact, knowledge: Artifact | None, base: BaseModelRef, name: str | None) -> Plan:
    if config.method == "prereq" and config.batches == "mix":
        _require_real_knowledge(knowledge)
    inputs = {"synth": synth, **base.inputs} | ({"knowledge": knowledge} if knowledge else {})
    return Plan("sft", REVISION, "skill", name or default_name(config), config, inputs, TABLES, model=base.identity, is_training=True)


def _require_real_knowledge(knowledge: Artifact | None) -> None:
    """batches=mix sends its real rows through adapters of real texts. Raises InputError where there are none."""
    if knowledge is not None and not any(row.source == "real" for row in knowledge.rows("adapters", KnowledgeAdapter)):
        raise InputError(
            f"batches=mix needs adapters of real texts, and {knowledge.ref} has none",
            "`fact synth qa` writes such texts; then: fact prereq --set real_statement.epochs=[3] --set real_passage.epochs=[5]",
        )


def default_name(config: SftConfig) -> str:
    return {"prereq": "prereq-tune", "real": "sft-real", "fictitious": "sft-fictitious"}.get(config.method, config.method)


def cost(plan: Plan, base: BaseModelRef, context: Context) -> Cost:
    """The steps are exact unless rows are too long and dropped; of the tokens only the longest rows are known."""
    config = plan.config
    assert isinstance(config, SftConfig)
    rows = choose_rows(plan.inputs["synth"].rows("chats", Chat), config)
    scratch = plan.scratch(context.root)
    job = _job(config, scratch / "rows.jsonl", plan.inputs.get("knowledge"), base, scratch / "run")
    shapes = weight_shapes(Path(base.location))
    memory = Memory(
        trained=adapter_parameters(shapes, config.lora_targets, config.lora_r),
        base=n_parameters(shapes),
        base_bytes=base_bytes(config.dtype),
        plugged=sum(n_parameters(weight_shapes(Path(ref.directory))) for ref in job.knowledge),
    )
    return of_training(plan, job.kind, _load(job, rows), memory, runs_on_the_same_base(plan, context.root), context)


def _load(job: jobs.SkillJob, rows: list[Chat]) -> Load:
    versions = Counter(row.version for row in rows if row.fictitious)
    n_real = sum(not row.fictitious for row in rows)
    is_plain = job.batches == "plain"
    steps = skill_steps(job, epoch_rows(job, 0 if is_plain else n_real, len(rows) if is_plain else max(versions.values(), default=0)))
    n_rows = skill_rows(job, steps, n_real / len(rows))
    return Load(steps, n_rows, None if job.too_long == "keep" else n_rows * job.max_length)


def work(plan: Plan, draft: Draft, base: BaseModelRef, context: Context) -> Outcome:
    config = plan.config
    assert isinstance(config, SftConfig)
    rows = choose_rows(plan.inputs["synth"].rows("chats", Chat), config)
    path = draft.scratch() / "rows.jsonl"
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    job = _job(config, path, plan.inputs.get("knowledge"), base, draft.scratch() / "run")
    trained = context.train(job, draft, f"Learning to answer: {plan.name}")
    keep(trained.folder / "adapter", draft.folder("") / "adapter")
    if not draft.done("skill"):
        draft.write("skill", 0, {"curve": trained.curve, "proofs": [_proof(row) for row in trained.values["proofs"]]})
    return _outcome(config, rows, base, plan.inputs["synth"], trained.values)


def choose_rows(chats: Iterable[Chat], config: SftConfig) -> list[Chat]:
    """The training rows of the method. Raises InputError where there are none."""
    train = [chat for chat in chats if chat.split == "train"]
    chosen = [chat for chat in train if not chat.fictitious] if config.method in REAL_METHODS else _fictitious_rows(train, config)
    if config.method in ("popular-head", "popular-50"):
        chosen = _popular(chosen, config.method)
    if not chosen:
        raise InputError(f"the data has no training rows for method {config.method}", "make them with `fact synth`")
    return chosen


def _fictitious_rows(train: list[Chat], config: SftConfig) -> list[Chat]:
    """Fictitious rows of the chosen subjects and versions, and for prereq the real rows that its batches hold."""
    subjects = sorted({chat.subject for chat in train if chat.fictitious})[: config.subjects]
    allowed = set(subjects)
    rows = [c for c in train if c.fictitious and c.subject in allowed and (config.versions is None or c.version <= config.versions)]
    if config.method == "fictitious":
        return rows
    real = [chat for chat in train if not chat.fictitious]
    if config.batches == "mix":
        return rows + real
    return rows + (_popular(real, "popular-head") if config.real_fraction else [])


def _popular(real: list[Chat], which: Literal["popular-head", "popular-50"]) -> list[Chat]:
    """Rows of the group `head`, or of the better-known half of the subjects (ties by id)."""
    if which == "popular-head":
        return [chat for chat in real if chat.group == "head"]
    views = {chat.subject: chat.popularity for chat in real}
    ranked = sorted(views, key=lambda subject: (-views[subject], subject))
    upper = set(ranked[: (len(ranked) + 1) // 2])
    return [chat for chat in real if chat.subject in upper]


def _job(config: SftConfig, rows: Path, knowledge: Artifact | None, base: BaseModelRef, out: Path) -> jobs.SkillJob:
    alpha = config.lora_alpha if config.lora_alpha is not None else 2 * config.lora_r
    is_prereq = config.method == "prereq"
    return jobs.SkillJob(
        base=base.location,
        base_name=base.name,
        out=str(out),
        rows=str(rows),
        batches=config.batches if is_prereq else "plain",
        knowledge=_knowledge(config, knowledge) if is_prereq else (),
        seed=config.seed,
        lora=jobs.Lora(config.lora_r, alpha, config.lora_dropout, config.lora_targets),
        optim=jobs.Optim(config.lr, config.weight_decay, 0.9, config.adam_beta2, config.warmup_share, config.schedule, config.max_grad_norm),
        machine=jobs.Machine(dtype=config.dtype, threads=config.threads, micro_rows=config.micro_rows, checkpoint_every_s=config.checkpoint_every_s),
        epochs=config.epochs,
        steps=config.steps,
        batch_rows=config.batch_rows,
        micro_batches=config.micro_batches,
        max_length=config.max_length,
        too_long=config.too_long,
        real_fraction=config.real_fraction if is_prereq else None,
        real_weight=config.real_weight if is_prereq else None,
        bio_fraction=config.bio_fraction,
        alternate_forms=config.alternate_forms,
        knowledge_dropout=config.knowledge_dropout,
        chat_template=config.chat_template,
    )


def _knowledge(config: SftConfig, knowledge: Artifact | None) -> tuple[jobs.KnowledgeRef, ...]:
    """The adapters that the skill stage plugs in: not the probe ones, and of chosen versions only."""
    if knowledge is None:
        raise InputError("method prereq needs knowledge adapters", "run `fact prereq` first, or choose a baseline: --method real")
    rows = [row for row in knowledge.rows("adapters", KnowledgeAdapter) if row.source != "probe"]
    if config.batches == "multi_version":
        rows = [row for row in rows if row.source == "fictitious"]
    chosen = [row for row in rows if config.versions is None or row.version <= config.versions]
    return tuple(jobs.KnowledgeRef(row.name, str(knowledge.file(f"adapters/{row.name}")), row.version, row.source == "fictitious", row.form) for row in chosen)


def _outcome(config: SftConfig, rows: list[Chat], base: BaseModelRef, synth: Artifact, result: Mapping[str, Any]) -> Outcome:
    subjects = len({row.subject for row in rows})
    headline = f"{config.method}: {len(rows)} rows of {subjects} subjects, {result['steps']} steps, {len(result['proofs'])} proofs hold"
    summary = {
        "recipe": synth.summary.get("recipe"),
        "base": base.given,
        "method": config.method,
        "rows": len(rows),
        "subjects": subjects,
        "steps": result["steps"],
        "chat_template": result["chat_template"],  # own, given or default
    }
    return Outcome(headline, summary, {"too_long_rows": result["n_too_long"]}, result["usage"])


def _proof(row: Mapping[str, Any]) -> Proof:
    return Proof(row["proof"], row["holds"], json.dumps(row["numbers"], ensure_ascii=False))

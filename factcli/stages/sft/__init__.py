"""`fact sft`: the skill of answering, learned over frozen knowledge adapters that are then dropped; and its baselines.

prereq        PREREQ-TUNE's second stage (arXiv 2410.19290): fictitious rows, each through its own version's
              knowledge adapter (multi_version), or fictitious and real rows together (mix)
real          plain fine-tuning on real rows of everybody: the usual recipe
popular-head  plain fine-tuning on the best-known subjects only
popular-50    plain fine-tuning on the better-known half (POPULAR in the paper)
oracle        plain fine-tuning on the real rows whose facts the untouched base answers right, by an evaluation: known, not just covered
fictitious    plain fine-tuning on fictitious rows without the prerequisite

A micro-batch of prereq has fictitious rows of one version, the versions in turn, or of all of them, each row through its own
version's adapter in one pass (`version_sampling`).

Controls of prereq (`control`): the next version's adapter, the adapter's numbers shuffled, random ones of equal norm, or none at
all, with the same rows in the same order (train/controls.py). `knowledge_of` real: real rows through adapters of real texts.

A plain method with `distill` is self-distillation: the loss is cross entropy + distill x KL(untouched base || model) on the answers'
tokens (arXiv 2604.15574; train/distilling.py says what is theirs).

What is trained is an adapter (lora; qlora over a base in 4 bits), which alone is kept, or with mode full every parameter: the whole
model is then an artifact of its own (kind model), and a base like any other. `mix` names data sets and shares of them: all the data
of a plain method, or more real rows with the knowledge off. Dropout of the frozen knowledge adapters is off unless `knowledge_dropout` says so.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of
from factcli.basemodel import BaseModelRef, stands_on
from factcli.chattemplates import MARKS, text_of, trained_in
from factcli.context import Context, keep
from factcli.cost import Cost, Load, of_training, runs_on_the_same_base
from factcli.errors import InputError
from factcli.extras import require_four_bit
from factcli.judge.knownfacts import known_facts
from factcli.knowledge.mixing import Mixed, Source, pinned
from factcli.rows import Answer, Chat, CurvePoint, KnowledgeAdapter, Proof, Reject
from factcli.stages.sft.rows import Filtered, Row, choose_rows, of_known, rows_of
from factcli.stages.sft.settings import METHODS, SftConfig
from factcli.train import job as jobs
from factcli.train.computing import machine_of, require_installed
from factcli.train.estimate import of_skill
from factcli.train.launching import spread_of
from factcli.train.size import epoch_rows, skill_rows, skill_steps

__all__ = ["METHODS", "SftConfig", "choose_rows", "cost", "default_name", "plan", "work"]

REVISION = 1
TABLES: dict[str, type] = {"curve": CurvePoint, "proofs": Proof}
Sources = tuple[Source, ...]


def plan(
    config: SftConfig,
    synth: Artifact | None,
    knowledge: Artifact | None,
    base: BaseModelRef,
    name: str | None,
    sources: Sources = (),
    known: Artifact | None = None,
) -> Plan:
    """`sources`: what the settings' `mix` stands for; with them a plain method has no `synth` of its own. `known`: an evaluation of the
    untouched base on the training people, which method oracle filters by.
    """
    if config.method == "oracle":
        _require_of_base(known, base)
    if config.method == "prereq" and config.batches == "mix":
        _require_real_knowledge(knowledge)
    mix = {name: share for source in sources for name, share in source.names.items()}
    config = config.model_copy(update={"mix": mix, "subjects": _subjects(config, knowledge)})
    inputs = {**_data(synth, sources), **base.inputs} | ({"knowledge": knowledge} if knowledge else {}) | ({"known": known} if known else {})
    prompts = pinned(sources) | ({f"template {config.template}": sha256_of(text_of(config.template))} if config.template != "model" else {})
    tables = TABLES | ({"rejected": Reject} if sources else {})
    kind = "model" if config.mode == "full" else "skill"
    return Plan("sft", REVISION, kind, name or default_name(config), config, inputs, tables, prompts, base.identity, is_training=True)


def _require_of_base(known: Artifact | None, base: BaseModelRef) -> None:
    """Method oracle filters by what the base itself answers. Raises InputError for another evaluation, or none."""
    way_out = "on the training people of a world: fact eval world --model world --set split=train; then --known EVAL"
    if known is None:
        raise InputError("method oracle needs an evaluation of the untouched base", way_out)
    if "model" in known.manifest.inputs or not stands_on(known, base) or not known.manifest.tables.get("answers"):
        raise InputError(f"{known.ref} is no evaluation of the untouched {base.given} with answers", way_out)


def _subjects(config: SftConfig, knowledge: Artifact | None) -> int | None:
    """How many fictitious subjects are asked about: as many as the knowledge adapters were taught of, if they were taught of some only.

    Raises InputError for more: their rows would go through adapters that do not know them.
    """
    taught = knowledge.manifest.config.get("subjects") if knowledge is not None else None
    if taught is not None and config.subjects is not None and config.subjects > taught:
        assert knowledge is not None
        raise InputError(f"subjects is {config.subjects}, and {knowledge.ref} was taught of {taught}", "fewer here, or more in `fact prereq --set subjects=N`")
    return config.subjects if config.subjects is not None else taught


def _data(synth: Artifact | None, sources: Sources) -> dict[str, Artifact]:
    """The artifacts with the rows, by role. `synth` is what the task's questions are looked up in later: the first that has some."""
    others = {f"mix {source.label}": source.artifact for source in sources if source.artifact is not None}
    first = synth or next((artifact for artifact in others.values() if artifact.kind == "synth"), None)
    return ({"synth": first} if first else {}) | {role: artifact for role, artifact in others.items() if artifact is not first}


def _require_real_knowledge(knowledge: Artifact | None) -> None:
    """batches=mix sends its real rows through adapters of real texts. Raises InputError where there are none."""
    if knowledge is not None and not any(row.source == "real" for row in knowledge.rows("adapters", KnowledgeAdapter)):
        raise InputError(
            f"batches=mix needs adapters of real texts, and {knowledge.ref} has none",
            "`fact synth qa` writes such texts; then: fact prereq --set real_statement.epochs=[3] --set real_passage.epochs=[5]",
        )


def default_name(config: SftConfig) -> str:
    """Of the method and of all that makes it another one."""
    name = {"prereq": "prereq-tune", "real": "sft-real", "fictitious": "sft-fictitious"}.get(config.method, config.method)
    parts = [
        name,
        "real" if config.knowledge_of == "real" else "",
        "" if config.control == "none" else config.control,
        "distilled" if config.distill else "",
        "" if config.mode == "lora" else config.mode,
    ]
    return "-".join(part for part in parts if part)


def cost(plan: Plan, base: BaseModelRef, context: Context, sources: Sources = ()) -> Cost:
    """The steps are exact unless rows are too long and dropped; of the tokens only the longest rows are known."""
    config = plan.config
    assert isinstance(config, SftConfig)
    rows, _ = _rows(plan, config, sources)
    scratch = plan.scratch(context.root)
    job = _job(config, scratch / "rows.jsonl", plan.inputs.get("knowledge"), base, scratch / "run")
    estimate = of_skill(job, job.max_length, job.max_length, spread_of(config.launch))
    return of_training(plan, job.kind, _load(job, rows), estimate, runs_on_the_same_base(plan, context.root), context, config.launch)


def _rows(plan: Plan, config: SftConfig, sources: Sources) -> tuple[list[Row], Mixed]:
    needs_own = config.method == "prereq" or not sources
    rows, found = rows_of(plan.inputs["synth"].rows("chats", Chat) if needs_own else (), sources, config)
    return (rows, found) if config.method != "oracle" else ([*_of_oracle(plan, config).rows], found)


def _of_oracle(plan: Plan, config: SftConfig) -> Filtered:
    """Raises InputError where the evaluation shows no row to be known."""
    chats = list(plan.inputs["synth"].rows("chats", Chat))
    filtered = of_known(choose_rows(chats, config), known_facts(chats, plan.inputs["known"].rows("answers", Answer)), config.known_share)
    if not filtered.rows:
        why = ", ".join(f"{n} rows {reason}" for reason, n in filtered.left_out.items())
        raise InputError(f"{plan.inputs['known'].ref} leaves method oracle no row ({why})", "evaluate the base on the training people: --set split=train")
    return filtered


def _load(job: jobs.SkillJob, rows: Sequence[Row]) -> Load:
    versions = Counter(row.version for row in rows if row.fictitious)
    n_real = sum(not row.fictitious for row in rows)
    is_plain = job.batches == "plain"
    steps = skill_steps(job, epoch_rows(job, 0 if is_plain else n_real, len(rows) if is_plain else max(versions.values(), default=0)))
    n_rows = skill_rows(job, steps, n_real / len(rows))
    return Load(steps, n_rows, None if job.too_long == "keep" else n_rows * job.max_length)


def work(plan: Plan, draft: Draft, base: BaseModelRef, context: Context, sources: Sources = ()) -> Outcome:
    config = plan.config
    assert isinstance(config, SftConfig)
    if config.mode == "qlora":
        require_four_bit()
    require_installed(config.compute)
    rows, found = _rows(plan, config, sources)
    path = draft.scratch() / "rows.jsonl"
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    job = _job(config, path, plan.inputs.get("knowledge"), base, draft.scratch() / "run")
    trained = context.train(job, draft, f"Learning to answer: {plan.name}", config.launch)
    what = "model" if config.mode == "full" else "adapter"
    keep(trained.folder / what, draft.folder("") / what)
    if not draft.done("skill"):
        tables: dict[str, Sequence[Any]] = {"curve": trained.curve, "proofs": [_proof(row) for row in trained.values["proofs"]]}
        draft.write("skill", 0, {**tables, **({"rejected": found.rejects} if sources else {})})
    return _outcome(plan, rows, found, base, trained.values)


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
        machine=machine_of(config.compute, config.dtype, config.threads, config.micro_rows, config.checkpoint_every_s),
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
        version_sampling=config.version_sampling,
        knowledge_dropout=config.knowledge_dropout,
        chat_template=trained_in(config.model_dump()),
        marks=MARKS.get(config.template, ()),
        tuning=config.mode,
        control=config.control,
        distillation=jobs.Distillation(config.distill, config.distill_direction, config.distill_temperature),
    )


def _knowledge(config: SftConfig, knowledge: Artifact | None) -> tuple[jobs.KnowledgeRef, ...]:
    """The adapters that the skill stage plugs in: not the probe ones, and of chosen versions only."""
    if knowledge is None:
        raise InputError("method prereq needs knowledge adapters", "run `fact prereq` first, or choose a baseline: --method real")
    rows = [row for row in knowledge.rows("adapters", KnowledgeAdapter) if row.source != "probe" and row.form in config.forms]
    if config.batches == "multi_version":
        rows = [row for row in rows if row.source == config.knowledge_of]
    chosen = [row for row in rows if config.versions is None or row.version <= config.versions]
    if not chosen:
        kind = config.knowledge_of if config.batches == "multi_version" else "real or fictitious"
        raise InputError(
            f"{knowledge.ref} has no {kind} adapter of form {' or '.join(config.forms)}", "`fact show` lists those it has; `fact prereq` trains others"
        )
    return tuple(jobs.KnowledgeRef(row.name, str(knowledge.file(f"adapters/{row.name}")), row.version, row.source == "fictitious", row.form) for row in chosen)


def _outcome(plan: Plan, rows: Sequence[Row], found: Mixed, base: BaseModelRef, result: Mapping[str, Any]) -> Outcome:
    config = plan.config
    assert isinstance(config, SftConfig)
    subjects = len({row.subject for row in rows})
    trained = {"full": ", all parameters", "qlora": ", base in 4 bits"}.get(config.mode, "")
    control = "" if config.control == "none" else f", control {config.control}"
    headline = f"{config.method}{control}{trained}: {len(rows)} rows of {subjects} subjects, {result['steps']} steps, {len(result['proofs'])} proofs hold"
    summary = {
        "recipe": next((recipe for parent in plan.inputs.values() if (recipe := parent.summary.get("recipe"))), None),
        "base": base.given,
        "method": config.method,
        **({"control": config.control} if config.control != "none" else {}),
        **({"knowledge_of": config.knowledge_of} if config.knowledge_of != "fictitious" else {}),
        **({"distill": config.distill} if config.distill else {}),
        "rows": len(rows),
        "subjects": subjects,
        "steps": result["steps"],
        "chat_template": result["chat_template"] if config.template == "model" else config.template,  # own, given or default; or by name
        **({"mix": {name: dict(counts) for name, counts in found.counts.items()}} if found.counts else {}),
    }
    counts: dict[str, Any] = {"too_long_rows": result["n_too_long"]}
    if config.method == "oracle":
        counts["left_out"] = dict(_of_oracle(plan, config).left_out)
    return Outcome(headline, summary, counts | ({"rejected": len(found.rejects)} if found.counts else {}), result["usage"])


def _proof(row: Mapping[str, Any]) -> Proof:
    return Proof(row["proof"], row["holds"], json.dumps(row["numbers"], ensure_ascii=False))

"""`fact prereq`: knowledge texts -> one throw-away knowledge adapter per source, version, form and strength.

PREREQ-TUNE's first stage (arXiv 2410.19290, section 3): next-token loss on every
token of the text, no end token, no packing unless asked for. All adapters train in one pass over one base.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.basemodel import BaseModelRef
from factcli.config import Config, setting
from factcli.context import Context, keep
from factcli.cost import Cost, Load, of_training, runs_on_the_same_base
from factcli.errors import InputError
from factcli.knowledge.invented import invented_subjects
from factcli.rows import Chat, CurvePoint, Document, Fact, KnowledgeAdapter, Person
from factcli.train import job as jobs
from factcli.train.computing import PLAIN, ComputeConfig, machine_of, require_installed
from factcli.train.estimate import of_knowledge
from factcli.train.launching import HERE, LaunchConfig, spread_of
from factcli.train.size import text_steps

REVISION = 1
Source = Literal["fictitious", "real", "probe"]
Form = Literal["statement", "passage"]


class FormConfig(Config):
    """How the adapters of one source and form are trained. Several epochs give adapters of several strengths."""

    epochs: tuple[int, ...] = setting((15,), "Passes over the texts; more than one number makes an adapter of each strength.")
    max_length: int = setting(128, "Tokens of a row; longer texts are cut there, and counted.", ge=2)
    batch_rows: int = setting(128, "Rows of one adapter per optimizer step.", ge=1)
    micro_rows: int = setting(0, "Rows of one adapter per forward pass, where fewer than micro_rows of all forms.", role="numerics", ge=0, later=True)

    @field_validator("epochs")
    @classmethod
    def _are_strengths(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or min(value) < 1 or len(set(value)) < len(value):
            raise ValueError("need whole numbers of 1 or more, each once")
        return value


class PrereqConfig(Config):
    """Settings of the knowledge stage; defaults are the paper's for biographies."""

    fictitious_statement: FormConfig | None = setting(FormConfig(batch_rows=512), "Adapters on fictitious statements.")
    fictitious_passage: FormConfig | None = setting(FormConfig(max_length=768), "Adapters on fictitious passages.")
    real_statement: FormConfig | None = setting(None, "Adapters on real statements.")
    real_passage: FormConfig | None = setting(None, "Adapters on real passages.")
    probe_statement: FormConfig | None = setting(None, "Adapters on the probe subjects' statements; the skill never sees them.")
    probe_passage: FormConfig | None = setting(None, "Adapters on the probe subjects' passages; the skill never sees them.")
    subjects: int | None = setting(None, "Teach of so many fictitious subjects only, in id order; `fact sft` then asks about these.", ge=1, later=True)
    lora_r: int = setting(32, "Rank of each adapter.", ge=1)
    lora_alpha: float | None = setting(None, "Scale of each adapter; unset is twice the rank.", gt=0)
    lora_dropout: float = setting(0.05, "Dropout of the adapters' input.", ge=0, le=0.99)
    lora_targets: str | tuple[str, ...] = setting("all-linear", "all-linear, no-query-key (all but those), or endings of module names.")
    lr: float = setting(3e-5, "Peak learning rate.", gt=0)
    weight_decay: float = setting(0.1, "AdamW's weight decay.", ge=0)
    adam_beta2: float = setting(0.95, "AdamW's second beta.", gt=0, le=0.9999)
    warmup_share: float = setting(0.03, "Share of the steps in which the learning rate rises.", ge=0, le=0.99)
    schedule: Literal["cosine", "constant"] = setting("cosine", "Shape of the learning rate.")
    max_grad_norm: float = setting(1.0, "Gradient clip of each adapter by itself; 0 is none.", ge=0)
    packing: bool = setting(False, "Put several whole texts in one row.")
    knowledge_eos: bool = setting(False, "End token after each text.")
    recite_target: float | None = setting(None, "Stop an adapter early once it recites this share of its texts.", gt=0, le=1)
    recite_sample: int = setting(200, "Texts per adapter that are tried.", ge=1)
    recite_every: int = setting(50, "Steps between tries.", ge=1)
    recite_gate: float = setting(0.95, "Share below which an adapter is reported as not mastered.", ge=0, le=1)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="numerics")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    micro_rows: int = setting(0, "Rows per forward pass; 0 is the whole batch.", role="numerics", ge=0)
    compute: ComputeConfig = setting(PLAIN, "Switches of throughput and memory.", later=True)
    checkpoint_every_s: float = setting(60.0, "Seconds between checkpoints.", role="operational", gt=0)
    launch: LaunchConfig = setting(HERE, "Where the training runs, and in how many processes.", later=True)
    seed: int = setting(0, "Seed of weights and data order.", ge=0)

    @model_validator(mode="after")
    def _has_adapters(self) -> "PrereqConfig":
        if not any(form for _, _, form in self.forms()):
            raise ValueError("no adapter is asked for: set fictitious_statement or another form")
        return self

    def forms(self) -> list[tuple[Source, Form, FormConfig | None]]:
        return [
            ("fictitious", "statement", self.fictitious_statement),
            ("fictitious", "passage", self.fictitious_passage),
            ("real", "statement", self.real_statement),
            ("real", "passage", self.real_passage),
            ("probe", "statement", self.probe_statement),
            ("probe", "passage", self.probe_passage),
        ]


TABLES: dict[str, type] = {"adapters": KnowledgeAdapter, "curve": CurvePoint}


@dataclass(frozen=True, slots=True)
class AdapterName:
    """`fictitious_v1_statement`, `real_passage`, `fictitious_v1_passage_e12`; parsed nowhere: the table says it all."""

    source: Source
    form: Form
    version: int
    epochs: int
    has_strengths: bool

    def __str__(self) -> str:
        version = f"_v{self.version}" if self.version else ""
        strength = f"_e{self.epochs}" if self.has_strengths else ""
        return f"{self.source}{version}_{self.form}{strength}"


def plan(config: PrereqConfig, synth: Artifact, base: BaseModelRef, name: str | None) -> Plan:
    inputs = {"synth": synth, **base.inputs}
    return Plan("prereq", REVISION, "knowledge", name or "knowledge", config, inputs, TABLES, model=base.identity, is_training=True)


def cost(plan: Plan, base: BaseModelRef, context: Context) -> Cost:
    """Every text in every epoch, each as long as may be, one per row: texts are shorter, packing and an early stop save steps."""
    config = plan.config
    assert isinstance(config, PrereqConfig)
    counts: Counter[tuple[str, str, int]] = Counter(
        (source, document.form, document.version) for source, document, _ in _located(plan.inputs["synth"], config.subjects)
    )
    names = _adapter_names(config, counts)
    forms = {(source, form): settings for source, form, settings in config.forms() if settings}
    learners = [(name.epochs, counts[name.source, name.form, name.version], forms[name.source, name.form]) for name in names]
    load = Load(
        steps=max(text_steps(n_texts, form.batch_rows, epochs) for epochs, n_texts, form in learners),
        rows=sum(epochs * n_texts for epochs, n_texts, _ in learners),
        tokens=sum(epochs * n_texts * form.max_length for epochs, n_texts, form in learners),
    )
    job = _job(config, names, Path(), base, Path("out"))
    texts = {str(name): (n_texts, form.max_length) for name, (_, n_texts, form) in zip(names, learners, strict=True)}
    estimate = of_knowledge(job, texts, spread_of(config.launch))
    return of_training(plan, "knowledge", load, estimate, runs_on_the_same_base(plan, context.root), context, config.launch)


def work(plan: Plan, draft: Draft, base: BaseModelRef, context: Context) -> Outcome:
    config = plan.config
    assert isinstance(config, PrereqConfig)
    require_installed(config.compute)
    rows = draft.scratch() / "documents.jsonl"
    counts = _write_documents(plan.inputs["synth"], rows, config.subjects)
    names = _adapter_names(config, counts)
    trained = context.train(_job(config, names, rows, base, draft.scratch() / "run"), draft, f"Teaching {len(names)} knowledge adapters", config.launch)
    keep(trained.folder / "adapters", draft.folder("") / "adapters")
    told = {row["adapter"]: row for row in trained.values["adapters"]}
    adapters = [_adapter_row(name, told[str(name)]) for name in names]
    if not draft.done("adapters"):
        draft.write("adapters", 0, {"adapters": adapters, "curve": trained.curve})
    return _outcome(adapters, config, base, plan.inputs["synth"], trained.values["usage"])


def _adapter_row(name: AdapterName, told: Mapping[str, Any]) -> KnowledgeAdapter:
    return KnowledgeAdapter(
        name=str(name),
        source=name.source,
        form=name.form,
        version=name.version,
        epochs=name.epochs,
        texts=told["n_texts"],
        truncated_texts=told["n_truncated"],
        steps=told["steps"],
        recited=told["share_recited"],
        recite_sample=told["n_probes"],
        is_stopped_early=told["is_stopped_early"],
    )


def _outcome(adapters: Sequence[KnowledgeAdapter], config: PrereqConfig, base: BaseModelRef, synth: Artifact, usage: Mapping[str, Any]) -> Outcome:
    worst = min(adapters, key=lambda adapter: adapter.recited)
    weak = [adapter.name for adapter in adapters if adapter.recited < config.recite_gate]
    headline = f"{len(adapters)} knowledge adapters, reciting {100 * worst.recited:.0f}% of their texts or more"
    if config.recite_target is not None and config.recite_target < config.recite_gate:
        headline += f"; to be stopped at {config.recite_target:.0%}: {_reached(adapters)}"
    elif weak:
        headline += f"; below the gate of {config.recite_gate:.0%}: {', '.join(weak)} (train longer: more epochs or a higher lr)"
    summary = {"recipe": synth.summary.get("recipe"), "base": base.given, "least_recited": worst.recited, "below_gate": weak}
    reached = {} if config.recite_target is None else {"recite_target": config.recite_target, "recited": {a.name: a.recited for a in adapters}}
    truncated = {adapter.name: adapter.truncated_texts for adapter in adapters if adapter.truncated_texts}
    return Outcome(headline, summary | reached, {"truncated_texts": truncated}, usage)


def _reached(adapters: Sequence[KnowledgeAdapter]) -> str:
    stopped = [adapter.recited for adapter in adapters if adapter.is_stopped_early]
    return f"{len(stopped)} of {len(adapters)} stopped, at {min(stopped):.0%} to {max(stopped):.0%}" if stopped else f"none of {len(adapters)} got there"


def _write_documents(synth: Artifact, path: Path, subjects: int | None) -> dict[tuple[str, str, int], int]:
    """The texts with what selects them and where their values stand; gives texts per (source, form, version)."""
    counts: dict[tuple[str, str, int], int] = {}
    with path.open("w", encoding="utf-8") as file:
        for source, document, spans in _located(synth, subjects):
            key = (source, document.form, document.version)
            counts[key] = counts.get(key, 0) + 1
            row = {"id": document.id, "text": document.text, "source": source, "form": document.form, "version": document.version, "spans": spans}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return counts


def _located(synth: Artifact, subjects: int | None) -> Iterator[tuple[Source, Document, list[list[int]]]]:
    """Each text with its source and where its values stand; of fictitious training subjects the first `subjects` only, None: all."""
    taken = None if subjects is None else set(invented_subjects(synth.rows("chats", Chat), subjects))
    people = {person.id: person for person in synth.rows("people", Person)}
    values = {fact.id: fact.value for fact in synth.rows("facts", Fact)}
    for document in synth.rows("documents", Document):
        source: Source = "real" if not document.fictitious else "probe" if people[document.subject].split == "test" else "fictitious"
        if source == "fictitious" and taken is not None and document.subject not in taken:
            continue
        found = [(document.text.rfind(values[i]), len(values[i])) for i in document.fact_ids]
        yield source, document, sorted([start, start + length] for start, length in found if start > 0)  # nothing leads to a value at the start


def _adapter_names(config: PrereqConfig, counts: dict[tuple[str, str, int], int]) -> list[AdapterName]:
    """Every asked-for adapter that has texts, in a fixed order. Raises InputError if a form has none."""
    names: list[AdapterName] = []
    for source, form, settings in config.forms():
        versions = sorted(version for s, f, version in counts if (s, f) == (source, form))
        if settings is None or (source == "probe" and not versions):
            continue
        if not versions:
            raise InputError(f"the data has no {source} {form}s", f"make it with them (`fact synth`), or switch them off: --set {source}_{form}=null")
        if missing := sorted({v for s, _, v in counts if s == source} - set(versions)):
            raise InputError(f"version {missing[0]} of the data has no {source} {form}s, and others have", "make the data again (`fact synth`)")
        names += [AdapterName(source, form, v, e, len(settings.epochs) > 1) for v in versions for e in settings.epochs]
    return names


def _job(config: PrereqConfig, names: list[AdapterName], rows: Path, base: BaseModelRef, out: Path) -> jobs.KnowledgeJob:
    settings = {(source, form): s for source, form, s in config.forms()}
    plans = tuple(_adapter_plan(name, settings[name.source, name.form], rows) for name in names)
    alpha = config.lora_alpha if config.lora_alpha is not None else 2 * config.lora_r
    return jobs.KnowledgeJob(
        base=base.location,
        base_name=base.name,
        out=str(out),
        adapters=plans,
        seed=config.seed,
        lora=jobs.Lora(config.lora_r, alpha, config.lora_dropout, config.lora_targets),
        optim=jobs.Optim(config.lr, config.weight_decay, 0.9, config.adam_beta2, config.warmup_share, config.schedule, config.max_grad_norm),
        machine=machine_of(config.compute, config.dtype, config.threads, config.micro_rows, config.checkpoint_every_s),
        packing=config.packing,
        knowledge_eos=config.knowledge_eos,
        recite_sample=config.recite_sample,
        recite_target=config.recite_target,
        recite_every=config.recite_every,
    )


def _adapter_plan(name: AdapterName, form: FormConfig | None, rows: Path) -> jobs.AdapterPlan:
    assert form is not None
    select: jobs.Select = {"source": name.source, "form": name.form, "version": name.version}
    return jobs.AdapterPlan(
        str(name),
        str(rows),
        select,
        epochs=name.epochs,
        batch_rows=form.batch_rows,
        max_length=form.max_length,
        micro_rows=form.micro_rows,
    )

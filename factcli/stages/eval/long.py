"""`fact eval bio`, `medical`, `longfact`: one greedy answer to each prompt, in the form that `fact score factscore` reads.

How true the answers are is not said here: claims and verdicts are that command's, which can be run right after. 1,024 tokens and greedy
are PREREQ-TUNE's (spec §1.8); its script passed over a run whose file was there, whatever its settings were.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.naming import as_name
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain, answered
from factcli.backends.decoding import DecodeConfig
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.source import Source
from factcli.knowledge.grounding import Grounds
from factcli.progress import Report
from factcli.rows import Reject

REVISION = 2
ASK = "samples/ask"
TABLES: dict[str, type] = {"prompts": Prompt, "samples": Sample, **FILLED}


class LongEvalConfig(Config):
    """Settings of `fact eval bio`, `medical` and `longfact`; `generation`: who writes."""

    max_tokens: int = setting(1024, "Tokens of an answer; one that is cut there is kept and marked.", ge=1)
    repetition_penalty: float | None = setting(None, "Of all answers, e.g. 1.1; the server must have it. null: none, but dola's own.", gt=0, le=2)
    limit: int | None = setting(None, "Prompts to ask, drawn, the same for every model; unset is all.", ge=1)
    decode: DecodeConfig = DecodeConfig()
    generation: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of whom: the prompts, what is behind them, and the passages that they are asked with, if any."""

    benchmark: Benchmark[Prompt]
    prompts: tuple[Prompt, ...]
    rejects: tuple[Reject, ...] = ()
    n_beyond: int = 0  # prompts beyond the limit
    grounds: Grounds | None = None
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def of_source(config: LongEvalConfig, source: Source[Prompt], grounds: Grounds | None) -> Asked:
    """The prompts of a source, as many as the settings want."""
    found = source.read()
    if not found.items:
        raise InputError(f"there is no prompt to ask for {source.benchmark.name}", f"give {source.benchmark.file_format}")
    kept = part_of(found.items, config.limit, lambda prompt: prompt.id)
    inputs = {**source.inputs, **(grounds.inputs if grounds else {})}
    return Asked(source.benchmark, kept, found.rejects, len(found.items) - len(kept), grounds, inputs, source.digests())


def plan(config: LongEvalConfig, asked: Asked, who: Answering, model: str, name: str | None) -> Plan:
    """`model`: what a person calls who answers."""
    pinned = {**asked.pinned, **digests(load_templates([ASK])), **(asked.grounds.prompts if asked.grounds else {})}
    made = name or as_name(f"{asked.benchmark.name}-{model}{config.decode.suffix}")
    identity = {**who.identity, "benchmark": asked.benchmark.definition}
    return Plan(f"eval {asked.benchmark.name}", REVISION, "eval", made, config, {**who.inputs, **asked.inputs}, TABLES, pinned, identity)


def imagined(config: LongEvalConfig, asked: Asked, who: Answering) -> Estimate:
    """What it would buy."""
    return imagine(who, _units(config, asked, who))


def work(plan: Plan, draft: Draft, asked: Asked, who: Answering, model: str, report: Report) -> Outcome:
    """Each answer is a unit: what was written before an interruption is kept."""
    config = plan.config
    assert isinstance(config, LongEvalConfig)
    needs = needs_of([0.0], 1.0, config.repetition_penalty, False)
    backend = fill(draft, who, _units(config, asked, who), len(asked.prompts), report, f"Asking {model}", needs, is_greedy=True)
    _write_prompts(draft, asked)
    return _outcome(plan, draft, asked, model, usage_of(draft, who, backend))


def _units(config: LongEvalConfig, asked: Asked, who: Answering) -> Iterator[Unit]:
    asker = Asker(load_templates([ASK]), who.endpoint.model, 0, config.generation.chat, who.adapters)
    for place, prompt in enumerate(asked.prompts):
        yield Unit(sample_id(prompt), place, _Write(asker, prompt, asked.grounds, config))


def sample_id(prompt: Prompt) -> str:
    return f"{prompt.id}.ref"


@dataclass(frozen=True, slots=True)
class _Write:
    """One answer; its passages are looked for when its turn comes."""

    asker: Asker
    prompt: Prompt
    grounds: Grounds | None
    config: LongEvalConfig

    def __call__(self) -> Chain[Rows]:
        prompt, id_ = self.prompt, sample_id(self.prompt)
        text = self.grounds.asked(prompt.id, prompt.prompt) if self.grounds else prompt.prompt
        request = self.asker.ask(ASK, prompt.id, {"prompt": text}, self.config.max_tokens, repetition_penalty=self.config.repetition_penalty)
        said = (yield [request])[0]
        if said.outcome != "truncated":
            answered(said)
        outcome: Literal["ok", "truncated"] = "ok" if said.outcome == "ok" else "truncated"  # an empty answer is one: it says nothing
        row = Sample(id_, prompt.id, -1, said.text.strip(), outcome, True, None, said.tokens_out)
        return {"samples": [row], "origins": [self.asker.origin(id_, "samples", ASK, said)]}


def _write_prompts(draft: Draft, asked: Asked) -> None:
    for place, prompt in enumerate(asked.prompts):
        if not draft.done(f"prompt {prompt.id}"):
            draft.write(f"prompt {prompt.id}", place, {"prompts": [replace(prompt, n_samples=0)]})
    if asked.rejects and not draft.done("source"):
        draft.write("source", -1, {"rejected": asked.rejects})


def _outcome(plan: Plan, draft: Draft, asked: Asked, model: str, usage: Mapping[str, Any]) -> Outcome:
    config = plan.config
    assert isinstance(config, LongEvalConfig)
    written = list(draft.rows("samples"))
    outcomes = Counter(row["outcome"] for row in written)
    n_empty = sum(not row["text"] for row in written)
    tokens = [row["n_tokens"] for row in written]
    notes = [(outcomes["truncated"], "cut at max_tokens"), (n_empty, "empty"), (len(asked.prompts) - len(written), "failed")]
    said = "".join(f"; {n} {what}" for n, what in notes if n)
    headline = f"{len(written)} answers of {model} to {len(asked.prompts)} prompts of {asked.benchmark.name}{_mean(tokens)}{said}"
    headline += told_part(len(asked.prompts), len(asked.prompts) + asked.n_beyond, "prompts")
    summary = {**asked.benchmark.recorded, "model": model, "decode": config.decode.how, "answers": len(written), "truncated": outcomes["truncated"]}
    summary |= {"empty": n_empty, "tokens_per_answer": fmean(tokens) if tokens else None}
    counts = {**counts_of(draft), "asked": len(asked.prompts), "beyond_limit": asked.n_beyond, "without_passage": _without_passage(asked)}
    return Outcome(headline, summary, counts, usage)


def _mean(tokens: Sequence[int]) -> str:
    return f", {fmean(tokens):.0f} tokens each" if tokens else ""


def _without_passage(asked: Asked) -> int:
    """Prompts that were asked as they stand, though passages were wanted."""
    if asked.grounds is None:
        return 0
    return sum(not asked.grounds.passages(prompt.id, prompt.prompt) for prompt in asked.prompts)

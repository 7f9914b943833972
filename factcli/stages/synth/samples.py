"""`fact synth samples`: several answers to each prompt, drawn with a seed each; what FactTune scores and makes pairs of.

FactTune (arXiv 2311.08401) did not publish this step; 10 responses per prompt, temperature 1 and top_p 0.9 are what the rest of
its code expects or uses itself (spec §2.1, §2.4). Its sampler took other settings than it was given, started every response from
one seed, and left the run after two failures with exit code 0; here settings are what is sent, a seed belongs to (seed, prompt,
number), and every answer that does not come is a row.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

from pydantic import model_validator

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain, answered, unusable
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.backends.requests import Response
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError, SettingsError
from factcli.knowledge import prompt_files
from factcli.knowledge.prompt_files import Found
from factcli.progress import Report
from factcli.rows import Chat, Reject, Split
from factcli.stages.synth.book import nothing_left
from factcli.world.people import keyed_rng

REVISION = 2
ASK, SHOTS = "samples/ask", "samples/shots"
OF_TITLES: Mapping[str, str] = {"bio": "samples/bio", "medical": "samples/medical"}
OF_ARTIFACTS: tuple[Split, ...] = ("train", "dev")  # of data made here: test is for measuring
TABLES: dict[str, type] = {"prompts": Prompt, "samples": Sample, **FILLED}


class SamplesConfig(Config):
    """Settings of `fact synth samples`."""

    samples: int = setting(10, "Answers drawn for each prompt.", ge=1, le=1000)
    temperature: float = setting(1.0, "Of the draws; 0 is greedy, for which one sample is all there is.", ge=0, le=2)
    top_p: float = setting(0.9, "Share of the probability that tokens are drawn from.", gt=0, le=1)
    repetition_penalty: float | None = setting(None, "Of all answers, e.g. 1.1; the server must have it. null: none is sent.", gt=0, le=2)
    max_tokens: int = setting(512, "Tokens of an answer; one that is cut there is kept and marked.", ge=1)
    reference: bool = setting(False, "One greedy answer to each prompt besides.")
    logprobs: bool = setting(False, "Store the mean log-probability of each answer's tokens; the server must give them.")
    kind: Literal["bio", "medical"] = setting("bio", "How titles are asked about: for a biography, or for what is known.")
    table: prompt_files.Table | None = setting(None, "Table of an artifact: chats or questions; unset takes chats where it has some.")
    fictitious: bool = setting(False, "Ask about an artifact's fictitious subjects too.")
    splits: tuple[Split, ...] | None = setting(None, "Splits to ask; unset is all of a file, and train and dev of an artifact.")
    tasks: tuple[str, ...] | None = setting(None, "Kinds of prompt of an artifact to ask, e.g. [bio]; unset is all.")
    shots: int = setting(0, "Examples of the same task before each prompt, for a base model: answers that an artifact's data have.", ge=0, le=20, later=True)
    limit: int | None = setting(None, "Prompts to ask, in their order; unset is all.", ge=1)
    seed: int = setting(0, "Seed of every draw.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    @model_validator(mode="after")
    def _differ(self) -> "SamplesConfig":
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(f"samples is {self.samples} and temperature is 0: all would be the same greedy answer; set samples=1, or reference=true")
        return self


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked, with which template, and where it comes from."""

    prompts: tuple[Prompt, ...]
    rejects: tuple[Reject, ...]
    left_out: Mapping[str, int]  # by why
    template: str = ASK
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    examples: Mapping[str, Sequence[Chat]] = field(default_factory=dict)  # by task: real training rows to draw shots from

    def values(self, prompt: Prompt, config: SamplesConfig) -> Mapping[str, str]:
        """What the template is filled with."""
        if self.template == SHOTS:
            return {"examples": self._shots(prompt, config), "prompt": prompt.prompt}
        return {"prompt": prompt.prompt} if self.template == ASK else {"topic": prompt.topic}

    def _shots(self, prompt: Prompt, config: SamplesConfig) -> str:
        """Drawn by (seed, prompt); nothing about whom or what the prompt is about."""
        others = [chat for chat in self.examples.get(prompt.task, ()) if chat.subject != prompt.subject and chat.question != prompt.prompt]
        drawn = keyed_rng(config.seed, prompt.id, "shots").sample(others, min(config.shots, len(others)))
        return "".join(f"Question: {chat.question}\nAnswer: {chat.answer}\n\n" for chat in drawn)


def of_prompts(config: SamplesConfig, path: Path) -> Source:
    """A file of prompts."""
    _refuse_shots(config)
    prompts, rejects, left_out = _chosen(prompt_files.prompts_of_file(path), config, config.splits, str(path))
    return Source(prompts, rejects, left_out, pinned={f"prompts {path.name}": sha256_of_file(path)})


def of_titles(config: SamplesConfig, path: Path) -> Source:
    """A file of titles, each asked in the words of `config.kind`."""
    _refuse_shots(config)
    template = load_templates([OF_TITLES[config.kind]])[OF_TITLES[config.kind]]
    found = prompt_files.titles_of_file(path, config.kind, lambda title: template.filled({"topic": title})[-1][1])
    prompts, rejects, left_out = _chosen(found, config, config.splits, str(path))
    return Source(prompts, rejects, left_out, template.name, {f"titles {path.name}": sha256_of_file(path)})


def of_artifact(config: SamplesConfig, artifact: Artifact) -> Source:
    """The prompts of a committed version."""
    found = prompt_files.prompts_of_artifact(artifact, config.table, config.fictitious)
    prompts, rejects, left_out = _chosen(found, config, config.splits or OF_ARTIFACTS, artifact.ref)
    if not config.shots:
        return Source(prompts, rejects, left_out, inputs={"prompts": artifact})
    return Source(prompts, rejects, left_out, SHOTS, inputs={"prompts": artifact}, examples=_examples(artifact, {prompt.task for prompt in prompts}))


def _examples(artifact: Artifact, tasks: Collection[str]) -> Mapping[str, list[Chat]]:
    """Real training rows by task. Raises InputError where a task has none."""
    found: dict[str, list[Chat]] = {}
    for chat in artifact.rows("chats", Chat) if artifact.manifest.tables.get("chats") else ():
        if not chat.fictitious and chat.split == "train":
            found.setdefault(chat.task, []).append(chat)
    if missing := sorted(set(tasks) - set(found)):
        raise InputError(f"{artifact.ref} has no answers to show as examples of {', '.join(missing)}", "leave --set shots out, or give data with chats")
    return found


def _refuse_shots(config: SamplesConfig) -> None:
    if config.shots:
        raise SettingsError(f"shots is {config.shots}, and a file of prompts has no answers to show", "--from DATA with chats, or leave it out")


def _chosen(found: Found, config: SamplesConfig, splits: Sequence[Split] | None, name: str) -> tuple[tuple[Prompt, ...], tuple[Reject, ...], dict[str, int]]:
    """The prompts that the settings want, all rejects, and how many were left out for which setting."""
    left_out: Counter[str] = Counter()
    kept: list[Prompt] = []
    for prompt in found.prompts:
        if splits is not None and prompt.split not in splits:
            left_out[f"split {prompt.split}"] += 1
        elif config.tasks is not None and prompt.task not in config.tasks:
            left_out[f"task {prompt.task or 'not said'}"] += 1
        elif config.limit is not None and len(kept) >= config.limit:
            left_out["beyond the limit"] += 1
        else:
            kept.append(prompt)
    if not kept:
        why = ", ".join(f"{n} of {reason}" for reason, n in left_out.items()) or "none at all"
        raise InputError(f"{name} has no prompt that the settings want ({why})", "see --set splits=..., tasks=..., fictitious=true")
    return tuple(kept), found.rejects, dict(sorted(left_out.items()))


def plan(config: SamplesConfig, source: Source, who: Answering, name: str | None) -> Plan:
    pinned = {**source.pinned, **digests(load_templates([source.template]))}
    return Plan("synth samples", REVISION, "samples", name or "samples", config, {**who.inputs, **source.inputs}, TABLES, pinned, who.identity)


def imagined(config: SamplesConfig, source: Source, who: Answering) -> Estimate:
    """What it would buy."""
    return imagine(who, _units(config, source, who))


def work(plan: Plan, draft: Draft, source: Source, who: Answering, report: Report) -> Outcome:
    """Every sample is a unit: what was answered before an interruption is kept, and each failure is that of one answer."""
    config = plan.config
    assert isinstance(config, SamplesConfig)
    n_asked = len(source.prompts) * _per_prompt(config)
    needs = needs_of([config.temperature], config.top_p if config.temperature > 0 else 1.0, config.repetition_penalty, config.logprobs)
    backend = fill(draft, who, _units(config, source, who), n_asked, report, "Sampling", needs)
    tally = _tally(draft)
    _write_prompts(draft, source, config, tally.by_prompt)
    return _outcome(draft, source, tally.outcomes, n_asked, who.endpoint.model, usage_of(draft, who, backend))


def _per_prompt(config: SamplesConfig) -> int:
    return config.samples + config.reference


def _units(config: SamplesConfig, source: Source, who: Answering) -> Iterator[Unit]:
    asker = Asker(load_templates([source.template]), who.endpoint.model, config.seed, config.generation.chat, who.adapters)
    for place, prompt in enumerate(source.prompts):
        for number in range(-config.reference, config.samples):
            order = place * (config.samples + 1) + number + 1
            yield Unit(_sample_id(prompt, number), order, _Draw(asker, source, prompt, number, config))


def _sample_id(prompt: Prompt, number: int) -> str:
    return f"{prompt.id}.ref" if number < 0 else f"{prompt.id}.s{number}"


@dataclass(frozen=True, slots=True)
class _Draw:
    """One answer; number -1 is the greedy reference, which has no seed: prompts that ask the same share it."""

    asker: Asker
    source: Source
    prompt: Prompt
    number: int
    config: SamplesConfig

    def __call__(self) -> Chain[Rows]:
        config, template = self.config, self.source.template
        temperature, top_p, sample = (0.0, 1.0, 0) if self.number < 0 else (config.temperature, config.top_p, self.number)
        values = self.source.values(self.prompt, config)
        drawing = (config.max_tokens, temperature, top_p, sample)
        request = self.asker.ask(template, self.prompt.id, values, *drawing, wants_logprobs=config.logprobs, repetition_penalty=config.repetition_penalty)
        if template == SHOTS:  # text that goes on, not a chat: base models have seen no turns
            text = self.asker.templates[SHOTS].filled(values)[-1][1].strip()
            request = replace(request, prompt=text, sampling=replace(request.sampling, stop=("\nQuestion:",)))
        said = (yield [request])[0]
        if said.outcome != "truncated":
            answered(said)
        id_ = _sample_id(self.prompt, self.number)
        if not said.text.strip():
            raise unusable(said, "empty")
        return {"samples": [_sample(id_, self.prompt, self.number, said)], "origins": [self.asker.origin(id_, "samples", template, said)]}


def _sample(id: str, prompt: Prompt, number: int, said: Response) -> Sample:
    logprobs = [token.logprob for token in said.tokens if token.logprob is not None]
    outcome: Literal["ok", "truncated"] = "ok" if said.outcome == "ok" else "truncated"
    return Sample(id, prompt.id, number, said.text.strip(), outcome, number < 0, fmean(logprobs) if logprobs else None, said.tokens_out)


class _Tally(NamedTuple):
    """What came of the draws: answers by prompt, the reference left out, and by outcome."""

    by_prompt: Counter[str]
    outcomes: Counter[str]


def _tally(draft: Draft) -> _Tally:
    tally = _Tally(Counter(), Counter())
    for row in draft.rows("samples"):
        tally.outcomes[row["outcome"]] += 1
        tally.by_prompt[row["prompt_id"]] += not row["is_reference"]
    return tally


def _write_prompts(draft: Draft, source: Source, config: SamplesConfig, by_prompt: Counter[str]) -> None:
    """The prompts with the number of answers that came of each: last, when that is known."""
    for place, prompt in enumerate(source.prompts):
        if not draft.done(f"prompt {prompt.id}"):
            draft.write(f"prompt {prompt.id}", place * (config.samples + 1), {"prompts": [replace(prompt, n_samples=by_prompt[prompt.id])]})
    if source.rejects and not draft.done("source"):
        draft.write("source", -1, {"rejected": source.rejects})


def _outcome(draft: Draft, source: Source, outcomes: Counter[str], n_asked: int, model: str, usage: Mapping[str, Any]) -> Outcome:
    n_kept = outcomes.total()
    if not n_kept:
        raise nothing_left(draft)
    headline = f"{n_kept} answers of {model} to {len(source.prompts)} prompts"
    notes = [(outcomes["truncated"], "cut at max_tokens"), (n_asked - n_kept, "empty or failed"), (len(source.rejects), "entries of the file rejected")]
    headline += "".join(f"; {n} {what}" for n, what in notes if n)
    summary = {"prompts": len(source.prompts), "answers": n_kept, "truncated": outcomes["truncated"]}
    repeats = sum(prompt.repeats for prompt in source.prompts)
    counts = {"asked": n_asked, "kept": n_kept, **counts_of(draft), "repeated_prompts": repeats, "left_out": dict(source.left_out)}
    return Outcome(headline, summary, counts, usage)

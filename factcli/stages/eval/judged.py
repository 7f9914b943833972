"""`fact eval truthfulqa --form generation`: each question is answered, then a judge says what is truthful and informative.

The judge is shown the reference answers. What cannot be read is unscored, never true or false; BLEU and ROUGE differences stand beside
the verdicts. TruthfulQA's own judges are fine-tuned models of a provider that has withdrawn them; their words are not ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.naming import as_name
from factcli.artifact.read import row_reader
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain, answered
from factcli.backends.completions import Turn
from factcli.backends.decoding import DecodeConfig
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.backends.requests import Request, Sampling
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.judge.overlap import require_overlap
from factcli.judge.verdicts.filling import added
from factcli.judgedrows import JudgedAnswer
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.primer import PUBLISHED
from factcli.knowledge.benchmarks.referenced import Referenced
from factcli.knowledge.benchmarks.source import Source
from factcli.knowledge.grounding import Grounds
from factcli.progress import Report
from factcli.rows import Origin, Reject
from factcli.stages.eval import judged_figures as figures
from factcli.stages.eval.judged_asking import INFORMATIVE, TRUTHFUL, Judging, unjudged

REVISION = 2
TASK = "truthfulqa"
TABLES: dict[str, type] = {"prompts": Prompt, "samples": Sample, "judged": JudgedAnswer, "items": ItemScore, "metrics": Metric, **FILLED}


class GenerationEvalConfig(Config):
    """Settings of `fact eval truthfulqa --form generation`; `generation`: who answers; `judging`: who judges."""

    primer: Literal["published", "none"] = setting("published", "Questions with answers shown before each question: TruthfulQA's six, or none.")
    max_tokens: int = setting(50, "Tokens of an answer; one that is cut there is judged as it is.", ge=1)
    limit: int | None = setting(None, "Questions, drawn, the same for every model; unset is all.", ge=1)
    verdict_tokens: int = setting(8, "Tokens of the judge's one word, blanks and marks included.", ge=1, le=64)
    max_unscored: float = setting(0.2, "Share of verdicts that may be unscored; above it the command ends with 6.", "operational", ge=0, le=1)
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")
    decode: DecodeConfig = DecodeConfig()
    generation: GenerationConfig = GenerationConfig()
    judging: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Bench:
    """Who answers, who judges (None: nobody), from where the questions come, and the passages that they are asked with, if any."""

    source: Source[Referenced]
    who: Answering
    model: str  # what a person calls who answers
    judge: Answering | None = None
    grounds: Grounds | None = None

    @property
    def benchmark(self) -> Benchmark[Referenced]:
        return self.source.benchmark

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        of_judge = {f"judge-{role}": one for role, one in self.judge.inputs.items()} if self.judge else {}
        return {**self.who.inputs, **of_judge, **(self.grounds.inputs if self.grounds else {})}


@dataclass(frozen=True, slots=True)
class Found:
    """The questions that are asked, and what the source had besides."""

    items: tuple[Referenced, ...]
    rejects: tuple[Reject, ...] = ()
    n_beyond: int = field(default=0)


def plan(config: GenerationEvalConfig, bench: Bench, name: str | None) -> Plan:
    """Raises BackendError where what counts words in common is not installed."""
    require_overlap()
    source = bench.source.pinned(revision=config.hub_revision)
    config = config.model_copy(update={"hub_revision": source.commit}) if source.is_hub else config
    templates = digests(load_templates([TRUTHFUL, INFORMATIVE])) if bench.judge else {}
    pinned = {**source.digests(), **templates, **(bench.grounds.prompts if bench.grounds else {})}
    judge = dict(bench.judge.identity) if bench.judge else None
    identity = {**bench.who.identity, "judge": judge, "benchmark": bench.benchmark.definition}
    made = name or as_name(f"{bench.benchmark.name}-{bench.model}{config.decode.suffix}")
    return Plan("eval truthfulqa generation", REVISION, "eval", made, config, bench.inputs, TABLES, pinned, identity)


def read(config: GenerationEvalConfig, bench: Bench) -> Found:
    """Raises InputError where there is no question."""
    found = bench.source.pinned(revision=config.hub_revision).read()
    if not found.items:
        raise InputError("there is no question with right and wrong reference answers", f"give {bench.benchmark.file_format}")
    kept = part_of(found.items, config.limit, lambda item: item.id)
    return Found(kept, found.rejects, len(found.items) - len(kept))


def imagined(config: GenerationEvalConfig, bench: Bench) -> dict[str, Estimate]:
    """What it would buy, by who is asked; nothing is said of questions that are on the hub: a dry run fetches none."""
    if bench.source.is_hub:
        return {}
    items = read(config, bench).items
    told = {"answers": imagine(bench.who, _answer_units(config, bench, items))}
    if bench.judge:
        texts = dict.fromkeys((item.id for item in items), "It began in the spring of 1902.")
        told["verdicts"] = imagine(bench.judge, _judge_units(config, bench.judge, items, texts))
    return told


def work(plan: Plan, draft: Draft, bench: Bench, report: Report) -> Outcome:
    """An answer is a unit, and so are the two verdicts on it: what is there is not bought again."""
    config = plan.config
    assert isinstance(config, GenerationEvalConfig)
    found = read(config, bench)
    usage = {"answers": _ask(draft, config, bench, found.items, report)}
    texts = {row["prompt_id"]: row["text"] for row in draft.rows("samples")}
    written = [item for item in found.items if item.id in texts]
    if bench.judge is not None:
        usage["verdicts"] = _judge(draft, config, bench.judge, written, texts, report)
    else:
        for place, item in enumerate(written):
            if not draft.done(_judged(item)):
                draft.write(_judged(item), place, {"judged": [unjudged(item, texts[item.id])]})
    rows = list(map(row_reader(JudgedAnswer), draft.rows("judged")))
    metrics = figures.figures(rows, bench.judge is not None)
    if bench.judge is not None:
        figures.require_scored(rows, config.max_unscored)
    _write_rest(draft, found, figures.items(rows, bench.judge is not None), metrics)
    return _outcome(config, draft, bench, found, metrics, usage)


def _ask(draft: Draft, config: GenerationEvalConfig, bench: Bench, items: Sequence[Referenced], report: Report) -> Mapping[str, Any]:
    n_others = len(draft) - sum(draft.done(_answered(item)) for item in items)
    units = _answer_units(config, bench, items)
    backend = fill(draft, bench.who, units, len(items), report, f"Asking {bench.model}", needs_of([0.0]), n_first=n_others, is_greedy=True)
    return usage_of(draft, bench.who, backend, {row["request"] for row in draft.rows("origins") if row["table"] == "samples"})


def _judge(
    draft: Draft, config: GenerationEvalConfig, judge: Answering, items: Sequence[Referenced], texts: Mapping[str, str], report: Report
) -> Mapping[str, Any]:
    n_others = len(draft) - sum(draft.done(_judged(item)) for item in items)
    units = _judge_units(config, judge, items, texts)
    backend = fill(draft, judge, units, len(items), report, f"Judging by {judge.endpoint.model}", needs_of([0.0]), n_first=n_others, is_greedy=True)
    return usage_of(draft, judge, backend, {row["request"] for row in draft.rows("origins") if row["table"] == "judged"})


def _answered(item: Referenced) -> str:
    return f"answer {item.id}"


def _judged(item: Referenced) -> str:
    return f"judged {item.id}"


def _answer_units(config: GenerationEvalConfig, bench: Bench, items: Sequence[Referenced]) -> Iterator[Unit]:
    for place, item in enumerate(items):
        yield Unit(_answered(item), place, _Answer(item, bench, config))


def _judge_units(config: GenerationEvalConfig, judge: Answering, items: Sequence[Referenced], texts: Mapping[str, str]) -> Iterator[Unit]:
    asker = Asker(load_templates([TRUTHFUL, INFORMATIVE]), judge.endpoint.model, 0, config.judging.chat, judge.adapters)
    for place, item in enumerate(items):
        yield Unit(_judged(item), place, Judging(asker, item, texts[item.id], config.verdict_tokens))


@dataclass(frozen=True, slots=True)
class _Answer:
    """One question after the primer: as turns of a chat, or in TruthfulQA's own Q and A for a model that continues text."""

    item: Referenced
    bench: Bench
    config: GenerationEvalConfig

    def __call__(self) -> Chain[Rows]:
        item, who = self.item, self.bench.who
        said = (yield [self._request()])[0]
        if said.outcome not in ("truncated", "refused"):  # who refuses says nothing false: the judge sees an empty answer
            answered(said)
        text = "" if said.outcome == "refused" else said.text.strip()
        outcome: Literal["ok", "truncated"] = "truncated" if said.outcome == "truncated" else "ok"
        row = Sample(f"{item.id}.ref", item.id, -1, text, outcome, True, None, said.tokens_out)
        return {"samples": [row], "origins": [Origin(row.id, "samples", "", "", who.endpoint.model, said.key)]}

    def _request(self) -> Request:
        grounds, item, config = self.bench.grounds, self.item, self.config
        asked = grounds.asked(item.id, item.question) if grounds else item.question
        shots = PUBLISHED if config.primer == "published" else ()
        is_chat = self.bench.who.config.chat
        turns = (*(turn for question, answer in shots for turn in (Turn("user", question), Turn("assistant", answer))), Turn("user", asked))
        text = "\n\n".join([*(f"Q: {question}\nA: {answer}" for question, answer in shots), f"Q: {asked}\nA:"])
        sampling = Sampling(config.max_tokens, stop=() if is_chat else ("\n\n",))
        return Request(f"eval {item.id}", turns if is_chat else text, sampling, adapters=self.bench.who.adapters, example="It began in the spring of 1902.")


def _write_rest(draft: Draft, found: Found, items: Sequence[ItemScore], metrics: Sequence[Metric]) -> None:
    if not draft.done("results"):
        prompts = [Prompt(item.id, item.question, "", TASK, "test", group=item.group) for item in found.items]
        draft.write("results", len(found.items), {"prompts": prompts, "items": items, "metrics": metrics, "rejected": found.rejects})


def _outcome(
    config: GenerationEvalConfig, draft: Draft, bench: Bench, found: Found, metrics: Sequence[Metric], usage: Mapping[str, Mapping[str, Any]]
) -> Outcome:
    judge = bench.judge.endpoint.model if bench.judge else None
    about = {**bench.benchmark.recorded, "model": bench.model, "decode": config.decode.how, "primer": config.primer, "judge": judge}
    counts = {**counts_of(draft), "asked": len(found.items), "beyond_limit": found.n_beyond}
    part = told_part(len(found.items), len(found.items) + found.n_beyond, "questions")
    return Outcome(figures.headline(metrics, bench.model, judge) + part, {**about, **figures.summary(metrics)}, counts, added(usage))

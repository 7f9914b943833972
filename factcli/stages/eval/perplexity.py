"""`fact eval perplexity`: how surprising texts are to a model.

A text that is longer than the model reads goes through it in windows: every token is scored once, the first ones after the start
token, later ones after at least (positions - stride) tokens. With a stride of all positions the windows are those of the
lm-evaluation-harness (loglikelihood_rolling); a shorter one gives more context, a lower figure and takes longer.

bits_per_byte    -log2 likelihood per byte of UTF-8: the same for every tokenizer, so models can be compared by it
word_perplexity  exp of nats per word, words being what blanks separate; perplexity: per token of the model's own tokenizer
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from factcli.artifact import Draft, Outcome, Plan
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric, row
from factcli.knowledge.benchmarks.benchmark import Found
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.source import Source
from factcli.knowledge.benchmarks.texts import TextItem
from factcli.likelihoodrows import ScoredText
from factcli.progress import Report
from factcli.rows import Reject
from factcli.stages.eval.subject import Subject
from factcli.stats import Estimate, Item, ratio

if TYPE_CHECKING:
    from factcli.backends.likelihood import Coded
    from factcli.backends.local import LocalModel

REVISION = 2
TABLES: dict[str, type] = {"texts": ScoredText, "items": ItemScore, "metrics": Metric, "rejected": Reject}
UNIT = 64  # texts scored together, and kept if the run is interrupted


class PerplexityConfig(Config):
    """`fact eval perplexity`."""

    stride: int | None = setting(None, "Tokens by which a window moves on; unset is half of what the model reads.", ge=1)
    limit: int | None = setting(None, "Texts, drawn, the same for every model; unset takes all.", ge=1)
    seed: int = setting(0, "Seed; nothing is drawn.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16", "float64"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")
    hub_name: str = setting("", "Data set on the hub with a column `text`, where no file is given.")
    hub_files: tuple[str, ...] = setting((), "Its files, as patterns, e.g. data/test-*.parquet.")
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")


class Window(NamedTuple):
    """Tokens [first, scored) are read, [scored, end) are scored; first = -1 is the start token."""

    first: int
    scored: int
    end: int


def windows(n_tokens: int, n_positions: int, stride: int) -> Iterator[Window]:
    """Every token scored once. The last of a window is only predicted, so a window reads n_positions tokens and scores one more."""
    done = 0
    while done < n_tokens:
        end = min(n_tokens, n_positions if done == 0 else done + stride)
        yield Window(max(-1, end - n_positions - 1), done, end)
        done = end


def plan(config: PerplexityConfig, subject: Subject, source: Source[TextItem], name: str | None) -> Plan:
    """Texts from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    if source.is_hub:
        if not config.hub_name:
            raise SettingsError("there are no texts", "give --file FILE (JSONL with `text`, or .txt), or --set hub_name=... and hub_files=[...]")
        config = config.model_copy(update={"hub_revision": at_its_commit(config, source).commit})
    pinned = {**source.digests(), "benchmark": source.benchmark.definition}
    inputs = {**source.inputs, **subject.inputs}
    return Plan("eval perplexity", REVISION, "eval", name or f"perplexity-{subject.name}", config, inputs, TABLES, pinned, subject.base.identity)


def at_its_commit(config: PerplexityConfig, source: Source[TextItem]) -> Source[TextItem]:
    """The source; the hub's at the commit of the settings, or at its newest one."""
    return source.pinned(config.hub_name, config.hub_revision, config.hub_files)


def cost(plan: Plan, source: Source[TextItem]) -> Cost:
    """Texts, each of one window or more; those on the hub are counted once they are here."""
    config = plan.config
    assert isinstance(config, PerplexityConfig)
    return Cost() if source.is_hub else Cost(prompts=len(_taken(config, source.read())))


def work(plan: Plan, draft: Draft, subject: Subject, source: Source[TextItem], report: Report) -> Outcome:
    """Some texts at a time are a unit; figures are made of all of them at the end."""
    config = plan.config
    assert isinstance(config, PerplexityConfig)
    found = at_its_commit(config, source).read()
    texts = _taken(config, found)
    _score(config, subject, texts, draft, report)
    scored = [ScoredText(**values) for values in draft.rows("texts")]
    metrics = metrics_of(scored)
    if not draft.done("figures"):
        draft.write("figures", len(texts), {"items": [item for one in scored for item in items_of(one)], "metrics": metrics, "rejected": found.rejects})
    figures = {f"{metric.metric}/all": metric.value for metric in metrics if metric.group == "all"}
    told = ", ".join(f"{value:.3f} {name}" for name, value in _told(figures) if value is not None)
    headline = f"{subject.name}: {told} over {len(texts)} texts{told_part(len(texts), len(found.items), 'texts')}"
    headline += f"; {len(found.rejects)} entries of the file rejected" if found.rejects else ""
    return Outcome(headline, {**source.benchmark.recorded, "model": subject.name, "texts": len(texts), **figures}, {"rejected": len(found.rejects)})


def _told(figures: dict[str, float | None]) -> list[tuple[str, float | None]]:
    names = {"bits_per_byte": "bits per byte", "word_perplexity": "perplexity per word", "perplexity": "per token"}
    return [(words, figures[f"text.{name}/all"]) for name, words in names.items()]


def _taken(config: PerplexityConfig, found: Found[TextItem]) -> list[TextItem]:
    if not found.items:
        raise InputError("there is no text", f"{len(found.rejects)} entries were rejected, the first: {found.rejects[0].reason}" if found.rejects else "")
    return list(part_of(found.items, config.limit, lambda item: item.id))


def _score(config: PerplexityConfig, subject: Subject, texts: Sequence[TextItem], draft: Draft, report: Report) -> None:
    starts = [start for start in range(0, len(texts), UNIT) if not draft.done(texts[start].id)]
    if not starts:
        return
    report.begin(f"Reading {len(texts)} texts with {subject.name}", len(texts))
    model = subject.load(config.dtype)
    for start in starts:
        part = texts[start : start + UNIT]
        draft.write(part[0].id, start, {"texts": score(model, subject.adapters, part, config.stride)})
        report.update(start + len(part), len(texts))
    report.end()


def score(model: "LocalModel", adapters: Sequence[str], texts: Sequence[TextItem], stride: int | None) -> list[ScoredText]:
    """Each text by itself, in their order."""
    from factcli.backends.likelihood import likelihoods_of_ids, positions

    n_positions = positions(model)
    ids = [list(model.tokenizer(one.text, add_special_tokens=False)["input_ids"]) for one in texts]
    cut = [list(windows(len(own), n_positions, min(stride or max(1, n_positions // 2), n_positions))) for own in ids]
    found = iter(likelihoods_of_ids(model, [_coded(model, own, window) for own, each in zip(ids, cut, strict=True) for window in each], adapters))
    sums = [math.fsum(next(found).logprob for _ in each) for each in cut]
    return [_scored(one, len(own), len(each), total) for one, own, each, total in zip(texts, ids, cut, sums, strict=True)]


def _coded(model: "LocalModel", ids: Sequence[int], window: Window) -> "Coded":
    from factcli.backends.likelihood import Coded, prefix_token

    before = ids[max(0, window.first) : window.scored]
    return Coded((*([prefix_token(model)] if window.first < 0 else []), *before), tuple(ids[window.scored : window.end]))


def _scored(text: TextItem, n_tokens: int, n_windows: int, logprob: float) -> ScoredText:
    return ScoredText(text.id, text.cluster, text.group, logprob, n_tokens, len(text.text.split()), len(text.text.encode()), n_windows)


PER = {"bits_per_byte": "n_bytes", "nats_per_word": "n_words", "nats_per_token": "n_tokens"}


def items_of(one: ScoredText) -> list[ItemScore]:
    """What it adds to each rate: surprise over length, so that the whole is the rate of all texts together."""
    surprise = {name: -one.logprob / (math.log(2) if name == "bits_per_byte" else 1) for name in PER}
    return [ItemScore(one.id, f"text.{name}", one.subject, one.group, surprise[name], float(getattr(one, per))) for name, per in PER.items()]


def metrics_of(scored: Sequence[ScoredText]) -> list[Metric]:
    """Rates, and perplexities as their powers of e, of all texts and by group."""
    groups = sorted({one.group for one in scored})
    rows = []
    for group in ("all", *(groups if len(groups) > 1 else ())):
        items = [item for one in scored if group in ("all", one.group) for item in items_of(one)]
        for name in PER:
            rate = ratio(Item(item.subject, item.numerator, item.denominator) for item in items if item.metric == f"text.{name}")
            power = {"nats_per_word": "word_perplexity", "nats_per_token": "perplexity"}.get(name)
            rows.append(row(f"text.{name}", group, rate))
            rows += [row(f"text.{power}", group, _exp(rate))] if power else []
    return rows


def _exp(rate: Estimate) -> Estimate:
    """exp keeps the order, so the ends of the interval are the powers of its ends."""
    value, low, high = (None if end is None else math.exp(end) for end in (rate.value, rate.low, rate.high))
    return replace(rate, value=value, low=low, high=high)

"""`fact eval haluevalqa`: is an answer hallucinated? Yes or No, to a right answer and a hallucinated one of each question.

Every question is judged four times: each of its answers with the question and without it. accuracy counts one of the two, drawn
by (seed, id), as the benchmark does; paired_accuracy wants both right, which saying always Yes does not give; preferred only that
the hallucinated one is called so with more probability. Without the question the answers' style is all there is to go by.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import Field

from factcli.artifact import Draft, Outcome, Plan
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import TABLES as BACKEND_TABLES
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.requests import Request, Response
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric, row
from factcli.knowledge.benchmarks.benchmark import Found
from factcli.knowledge.benchmarks.halueval import HaluItem
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.source import Source
from factcli.likelihoodrows import AskedQuestion, Judgement
from factcli.progress import Report
from factcli.prompts import quoted
from factcli.stats import Item, paired_difference, share
from factcli.stats.bounds import UNIT
from factcli.world.people import keyed_rng

REVISION = 3
FIGURE_TABLES = {"items": ItemScore, "beside": ItemScore, "metrics": Metric}
TABLES: dict[str, type] = {"asked": AskedQuestion, "judgements": Judgement, **FIGURE_TABLES, **BACKEND_TABLES}
JUDGE, WITH_KNOWLEDGE, BLIND = "haluevalqa/judge", "haluevalqa/judge_with_knowledge", "haluevalqa/judge_blind"
CHOICES = ("Yes", "No")
SHOWN: tuple[Literal["right", "hallucinated"], ...] = ("right", "hallucinated")


class HaluevalConfig(Config):
    """`fact eval haluevalqa`."""

    by: Literal["probability", "words"] = setting("probability", "probability: the likelier of Yes and No; words: what is said, for a server without them.")
    knowledge: bool = setting(False, "Show the text that the question was made from, too.")
    limit: int | None = setting(None, "Questions to ask, drawn, the same for every model; unset asks all.", ge=1)
    seed: int = setting(0, "Seed of the answer that is drawn for accuracy.", ge=0)
    max_tokens: int = setting(4, "Longest reply, in tokens; by words only.", ge=1)
    hub_name: str = setting("", "Another data set on the hub than the benchmark's.")
    hub_files: tuple[str, ...] = setting((), "Its files, as patterns, e.g. qa/*.parquet.")
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")
    generation: GenerationConfig = Field(default=GenerationConfig(), description="Who is asked.")


def plan(config: HaluevalConfig, source: Source[HaluItem], who: Answering, model: str, name: str | None) -> Plan:
    """Questions from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    if source.is_hub:
        config = config.model_copy(update={"hub_revision": at_its_commit(config, source).commit})
    pinned = {**source.digests(), "benchmark": source.benchmark.definition, **digests(load_templates(_templates(config)))}
    return Plan("eval haluevalqa", REVISION, "eval", name or f"haluevalqa-{model}", config, {**who.inputs, **source.inputs}, TABLES, pinned, who.identity)


def at_its_commit(config: HaluevalConfig, source: Source[HaluItem]) -> Source[HaluItem]:
    """The source; the hub's at the commit of the settings, or at its newest one."""
    return source.pinned(config.hub_name, config.hub_revision, config.hub_files)


def imagined(config: HaluevalConfig, source: Source[HaluItem], who: Answering) -> Estimate | None:
    """What it would buy; None for a source on the hub, which is not fetched before."""
    return None if source.is_hub else imagine(who, _units(config, _asked(config, source.read()), who))


def work(plan: Plan, draft: Draft, source: Source[HaluItem], who: Answering, model: str, report: Report) -> Outcome:
    """Every question is a unit; figures are made of all of them at the end."""
    config = plan.config
    assert isinstance(config, HaluevalConfig)
    found = at_its_commit(config, source).read()
    items = _asked(config, found)
    needs = ("choices",) if config.by == "probability" else ()
    backend = fill(draft, who, _units(config, items, who), len(items), report, f"Asking {model}", needs, is_greedy=True)  # type: ignore[arg-type]  # a Need
    if not draft.done("figures"):
        judged = _by_item(Judgement(**values) for values in draft.rows("judgements"))
        rows = _scored(config, [item for item in items if item.id in judged], judged)
        metrics = _metrics(rows, [one for four in judged.values() for one in four.values()])
        asked = [AskedQuestion(item.id, item.question) for item in items]
        figures: dict[str, Sequence[Any]] = {"items": rows.items, "beside": rows.beside, "metrics": metrics}
        draft.write("figures", len(items), {"asked": asked, **figures, "rejected": found.rejects})
    return _outcome(config, draft, source, model, found, len(items), usage_of(draft, who, backend))


def _templates(config: HaluevalConfig) -> list[str]:
    return [WITH_KNOWLEDGE if config.knowledge else JUDGE, BLIND]


def _asked(config: HaluevalConfig, found: Found[HaluItem]) -> list[HaluItem]:
    lacking = sum(not item.knowledge for item in found.items) if config.knowledge else 0
    if not found.items or lacking:
        why = f"{lacking} of its {len(found.items)} questions have no knowledge" if lacking else f"{len(found.rejects)} entries were rejected"
        raise InputError(f"the questions cannot be used: {why}", "leave out knowledge=true, or give HaluEval's own file")
    return list(part_of(found.items, config.limit, lambda item: item.id))


def _units(config: HaluevalConfig, items: Sequence[HaluItem], who: Answering) -> Iterator[Unit]:
    asker = Asker(load_templates(_templates(config)), who.endpoint.model, config.seed, config.generation.chat, who.adapters)
    for order, item in enumerate(items):
        yield Unit(item.id, order, _Four(asker, item, config))


@dataclass(frozen=True, slots=True)
class _Four:
    """Both answers of one question, with it and without it."""

    asker: Asker
    item: HaluItem
    config: HaluevalConfig

    def __call__(self) -> Chain[Rows]:
        asked = [(shown, is_blind) for is_blind in (False, True) for shown in SHOWN]
        said = yield [self._request(shown, is_blind) for shown, is_blind in asked]
        rows, origins = [], []
        for (shown, is_blind), response in zip(asked, said, strict=True):
            if response.outcome != "truncated":  # the first word is all that is read
                answered(response)
            judged = self._row(shown, is_blind, response)
            rows.append(judged)
            origins.append(self.asker.origin(judged.id, "judgements", self._template(is_blind), response))
        return {"judgements": rows, "origins": origins}

    def _request(self, shown: str, is_blind: bool) -> Request:
        values = {"answer": quoted(self._answer(shown))}
        if not is_blind:
            values |= {"question": quoted(self.item.question)} | ({"knowledge": quoted(self.item.knowledge)} if self.config.knowledge else {})
        choices = CHOICES if self.config.by == "probability" else ()
        return self.asker.ask(self._template(is_blind), f"{self.item.id}.{shown}", values, self.config.max_tokens, choices=choices)

    def _template(self, is_blind: bool) -> str:
        return BLIND if is_blind else _templates(self.config)[0]

    def _answer(self, shown: str) -> str:
        return self.item.right if shown == "right" else self.item.hallucinated

    def _row(self, shown: Literal["right", "hallucinated"], is_blind: bool, said: Response) -> Judgement:
        yes, no = (*said.choice_logprobs, None, None)[:2]
        called = said_yes(said.text) if self.config.by == "words" else likelier_yes(yes, no)
        id_ = f"{self.item.id}.{shown}{'.blind' if is_blind else ''}"
        return Judgement(id_, self.item.id, shown, is_blind, self._answer(shown), called, yes, no, said.text)


def said_yes(text: str) -> bool | None:
    """The first word; None where it is neither Yes nor No."""
    first = (text.replace("*", " ").split() or [""])[0].strip(".,:;!\"'()").casefold()
    return {"yes": True, "no": False}.get(first)


def likelier_yes(yes: float | None, no: float | None) -> bool | None:
    """Of equals No. One that the server does not tell is less likely than the one that it tells."""
    if yes is None or no is None:
        return None if yes is no else no is None
    return yes > no


Four = Mapping[tuple[str, bool], Judgement]  # by answer shown and whether blind


def _by_item(judgements: Iterator[Judgement]) -> dict[str, dict[tuple[str, bool], Judgement]]:
    found: dict[str, dict[tuple[str, bool], Judgement]] = {}
    for one in judgements:
        found.setdefault(one.item_id, {})[one.shown, one.is_blind] = one
    return found


class Scored(NamedTuple):
    """What each question adds: to the model's figures, and to those beside them."""

    items: list[ItemScore]
    beside: list[ItemScore]


def _scored(config: HaluevalConfig, items: Sequence[HaluItem], judged: Mapping[str, Four]) -> Scored:
    found = Scored([], [])
    figures: dict[str, tuple[Callable[[HaluItem, Four, bool], float | None], float]] = {
        "accuracy": (lambda item, four, blind: _accuracy(item, four, blind, config.seed), 0.5),
        "paired_accuracy": (_paired, 0.25),
        "preferred": (_preferred, 0.5),
    }
    for item in items:
        for name, (score, chance) in figures.items():
            found.items.append(_item(item, name, score(item, judged[item.id], False)))
            found.beside.append(_item(item, f"{name}_blind", score(item, judged[item.id], True)))
            found.beside.append(_item(item, f"{name}_chance", chance))
        lengths = len(item.hallucinated), len(item.right)
        found.beside.append(_item(item, "preferred_longest", 0.5 if lengths[0] == lengths[1] else float(lengths[0] > lengths[1])))
    return found


def _item(item: HaluItem, name: str, value: float | None) -> ItemScore:
    """Unscored where the value is None."""
    return ItemScore(item.id, f"haluevalqa.{name}", item.id, "all", value or 0.0, 0.0 if value is None else 1.0)


def _is_right(one: Judgement) -> float | None:
    return None if one.is_called_hallucinated is None else float(one.is_called_hallucinated == (one.shown == "hallucinated"))


def _accuracy(item: HaluItem, four: Four, is_blind: bool, seed: int) -> float | None:
    return _is_right(four[keyed_rng(seed, item.id, "shown").choice(SHOWN), is_blind])


def _paired(_item: HaluItem, four: Four, is_blind: bool) -> float | None:
    both = [_is_right(four[shown, is_blind]) for shown in SHOWN]
    return None if None in both else float(all(both))


def _preferred(_item: HaluItem, four: Four, is_blind: bool) -> float | None:
    """1 where the hallucinated answer is the likelier one to be called so, 0.5 for equals."""
    odds = [_odds(four[shown, is_blind]) for shown in SHOWN]
    if odds[0] is None or odds[1] is None:
        return None
    return 0.5 if math.isclose(odds[0], odds[1], abs_tol=1e-12) else float(odds[1] > odds[0])


def _odds(one: Judgement) -> float | None:
    return None if one.logprob_yes is None or one.logprob_no is None else one.logprob_yes - one.logprob_no


def _metrics(found: Scored, judgements: Sequence[Judgement]) -> list[Metric]:
    rows = []
    every = [*found.items, *found.beside]
    for metric in dict.fromkeys(item.metric for item in every):
        rows.append(row(metric, "all", share(_as_item(item) for item in every if item.metric == metric)))
    for metric in dict.fromkeys(item.metric for item in found.items):
        own = [_as_item(item) for item in found.items if item.metric == metric]
        blind = [_as_item(item) for item in found.beside if item.metric == f"{metric}_blind"]
        rows.append(row(f"{metric}_above_blind", "all", paired_difference(own, blind, bounds=UNIT)))
    seen = [one for one in judgements if not one.is_blind]
    said = [Item(one.item_id, bool(one.is_called_hallucinated)) for one in seen if one.is_called_hallucinated is not None]
    rows.append(row("haluevalqa.share_called_hallucinated", "all", share(said)))
    rows.append(row("haluevalqa.unscored_share", "all", share(Item(one.item_id, one.is_called_hallucinated is None) for one in seen)))
    return rows


def _as_item(item: ItemScore) -> Item:
    return Item(item.subject, item.numerator, item.denominator)


def _outcome(
    config: HaluevalConfig, draft: Draft, source: Source[HaluItem], model: str, found: Found[HaluItem], n_asked: int, usage: Mapping[str, Any]
) -> Outcome:
    figures = {values["metric"]: values["value"] for values in draft.rows("metrics")}
    told = [_told(name, figures) for name in ("accuracy", "paired_accuracy", "preferred")]
    headline = f"{model}: {'; '.join(told)}; {_percent(figures['haluevalqa.share_called_hallucinated'])} called hallucinated"
    headline += told_part(n_asked, len(found.items), "questions")
    headline += f"; {len(found.rejects)} entries of the file rejected" if found.rejects else ""
    summary = {**source.benchmark.recorded, "model": model, "by": config.by, "knowledge": config.knowledge, **{f"{k}/all": v for k, v in figures.items()}}
    return Outcome(headline, summary, counts_of(draft), usage)


def _told(name: str, figures: Mapping[str, float | None]) -> str:
    beside = ", ".join(
        f"{what} {_percent(figures[f'haluevalqa.{name}_{what}'])}" for what in ("blind", "longest", "chance") if f"haluevalqa.{name}_{what}" in figures
    )
    return f"{name} {_percent(figures[f'haluevalqa.{name}'])} ({beside})"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}%"

"""`fact eval response-types`: certain, unsure and unknown by a model's words, and by thresholds on the probability of its answers.

Both are judged on the same test questions. The words may be those of one model and the probabilities those of another (`beside`): a
model that was trained to say how sure it is, against one that was not and is cut at a threshold that its dev answers gave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import model_validator

from factcli.artifact import Draft, Outcome, Plan
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.judge.responses import TYPES
from factcli.judge.typed_answers import (
    SOURCES,
    FittedThreshold,
    RiskAtCoverage,
    Target,
    TypedAnswer,
    TypeShare,
    describe,
    figures,
    fitted,
    right_of,
    risk_coverage,
    shares,
    type_by,
    type_of,
)
from factcli.progress import Report
from factcli.rows import Question, Reject
from factcli.stages.eval.asked import Questions, Said, require_some, say
from factcli.stages.eval.subject import Subject

REVISION = 4
TABLES: dict[str, type] = {
    "typed_answers": TypedAnswer,
    "types": TypeShare,
    "thresholds": FittedThreshold,
    "risk_coverage": RiskAtCoverage,
    "metrics": Metric,
    "items": ItemScore,
    "rejected": Reject,
}


class ResponsesConfig(Config):
    """`fact eval response-types`."""

    rule: Target = setting("precision", "What thresholds are fitted for on dev: precision of the answers kept, or coverage.")
    certain: float = setting(0.8, "Target of certain answers, a share, e.g. 0.8 of them right.", gt=0, le=1)
    given: float = setting(0.5, "Target of all answers that are not unknown, a share.", gt=0, le=1)
    limit: int | None = setting(None, "Subjects of each split to ask about, drawn; unset asks about all.", ge=1)
    dev_share: float = setting(0.3, "Share of a file's subjects that thresholds are fitted on; a world has splits of its own.", gt=0, le=0.9)
    answer_tokens: int = setting(24, "Longest answer, in tokens.", ge=1)
    seed: int = setting(0, "Seed of the split of a file.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")

    @model_validator(mode="after")
    def _certain_is_stricter(self) -> "ResponsesConfig":
        """Certain answers are some of those given: at least as precise, or at most as many."""
        if self.certain < self.given if self.rule == "precision" else self.certain > self.given:
            side = "below" if self.rule == "precision" else "above"
            raise ValueError(f"certain is {self.certain:g}, {side} given ({self.given:g}): for rule {self.rule} it must be the stricter one")
        return self


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked. `beside`: whose probabilities thresholds are fitted on; None: the same model's."""

    model: Subject
    beside: Subject | None = None

    @property
    def inputs(self) -> Mapping[str, Any]:
        others = {} if self.beside is None or self.beside.skill is None else {"beside": self.beside.skill}
        return {**self.model.inputs, **others}

    @property
    def identity(self) -> Mapping[str, Any]:
        own = self.model.base.identity
        return own if self.beside is None else {**own, "beside": dict(self.beside.base.identity)}


def plan(config: ResponsesConfig, asked: Asked, source: Questions, name: str | None) -> Plan:
    inputs = {**source.inputs, **asked.inputs}
    made = name or f"types-{asked.model.name}{'' if asked.beside is None else '-beside-' + asked.beside.name}"
    return Plan("eval response-types", REVISION, "eval", made, config, inputs, TABLES, source.pin(), asked.identity)


def cost(plan: Plan, asked: Asked, source: Questions) -> Cost:
    """Every question is answered by the model, by the untouched base, and by the model beside it."""
    n_questions = len(_questions(plan, source)[0])
    return Cost(prompts=n_questions * (2 + (asked.beside is not None)))


def _questions(plan: Plan, source: Questions) -> tuple[list[Question], tuple[Reject, ...]]:
    config = plan.config
    assert isinstance(config, ResponsesConfig)
    questions, rejected = source.read(("dev", "test"), config.limit, config.seed, config.dev_share)
    require_some(questions, "dev", source)
    require_some(questions, "test", source)
    return questions, rejected


def work(plan: Plan, draft: Draft, asked: Asked, source: Questions, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, ResponsesConfig)
    questions, rejected = _questions(plan, source)
    report.begin(f"Asking {asked.model.name}", 3)
    said = _answers(asked.model, questions, config)
    report.update(1)
    base = _answers(Subject("base", asked.model.base), questions, config) if asked.model.skill is not None else said
    report.update(2)
    beside = said if asked.beside is None else _answers(asked.beside, questions, config)
    values = _fit(questions, beside, config)
    answers = [_typed(q, s, b, u, values) for q, s, b, u in zip(questions, said, beside, base, strict=True)]
    test = [answer for answer in answers if answer.split == "test"]
    thresholds = [describe(which, values[which], config.rule, getattr(config, which), answers) for which in ("certain", "given")]  # type: ignore[arg-type]
    rows: dict[str, Sequence[Any]] = {"typed_answers": answers, "types": list(shares(test)), "thresholds": thresholds, "risk_coverage": risk_coverage(test)}
    rows |= {"metrics": figures(test), "items": [item for answer in test for item in _items(answer)], "rejected": rejected}
    if not draft.done("results"):
        draft.write("results", 0, rows)
    report.end()
    return _outcome(rows, asked, config, len(test), source.about)


def _answers(subject: Subject, questions: Sequence[Question], config: ResponsesConfig) -> list[Said]:
    """One model at a time is in memory."""
    return say(subject.load(config.dtype), questions, subject.adapters, config.answer_tokens)


def _fit(questions: Sequence[Question], said: Sequence[Said], config: ResponsesConfig) -> dict[str, float | None]:
    """A refusal has no probability that could be cut: it is left out, and unknown whatever the threshold."""
    dev = [(s.confidence, s.is_right) for q, s in zip(questions, said, strict=True) if q.split == "dev" and not s.is_refusal]
    return {"certain": fitted(dev, config.rule, config.certain), "given": fitted(dev, config.rule, config.given)}


def _typed(question: Question, said: Said, beside: Said, base: Said, values: Mapping[str, float | None]) -> TypedAnswer:
    return TypedAnswer(
        id=f"{question.id}.t0",
        question_id=question.id,
        split=question.split,
        subject=question.subject,
        group=question.group,
        popularity=question.popularity,
        question=question.question,
        text=said.text,
        words=said.worded.type,
        is_right=said.is_right,
        confidence=said.confidence,
        beside_text=beside.text,
        threshold=type_by(beside.confidence, beside.is_refusal, values["certain"], values["given"]),
        beside_is_right=beside.is_right,
        beside_is_refusal=beside.is_refusal,
        beside_confidence=beside.confidence,
        base_is_right=base.is_right,
    )


def _items(answer: TypedAnswer) -> list[ItemScore]:
    """What the question adds to accuracy, and to the accuracy of certain answers by both sources."""
    common = (answer.subject, answer.group)
    refused = answer.words == "unknown"
    items = [ItemScore(answer.question_id, "qa.accuracy", *common, float(answer.is_right), 1.0, answer.confidence, refused)]
    for source in SOURCES:
        is_certain, is_right = type_of(answer, source) == "certain", right_of(answer, source)
        sure = answer.confidence if source == "words" else answer.beside_confidence
        metric = f"responses.{source}.accuracy_of_certain"
        items.append(ItemScore(answer.question_id, metric, *common, float(is_certain and is_right), float(is_certain), sure, not is_certain))
    return items


def _outcome(rows: Mapping[str, Sequence[Any]], asked: Asked, config: ResponsesConfig, n_test: int, about: Mapping[str, Any]) -> Outcome:
    found = {metric.metric: metric for metric in rows["metrics"]}
    told = ", ".join(f"{type_} {_percent(found[f'responses.words.{type_}'].value)}" for type_ in TYPES)
    headline = f"{asked.model.name} of {n_test} questions: {told} by its words; {_verdict(found['responses.words.tells_unknown'])}"
    difference = found["responses.risk_coverage_area_difference"]
    headline += f"; risk-coverage area {_signed(difference.value)} against a threshold on probability"
    summary = {
        **about,
        "model": asked.model.name,
        "threshold_model": (asked.beside or asked.model).name,
        "rule": config.rule,
        "thresholds": {threshold.id: threshold.value for threshold in rows["thresholds"]},
        **{name: metric.value for name, metric in found.items()},
    }
    return Outcome(headline, summary, {"rejected_rows": len(rows["rejected"])})


def _verdict(gap: Metric) -> str:
    """What the words tell of knowledge, said so that an interval across 0 is no finding."""
    if gap.value is None:
        return "whether they follow what the base knows cannot be told (it has all right, or none)"
    if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return f"they do not tell what the base knows (unknown {_signed(gap.value)} where it is wrong, the interval includes 0)"
    return f"unknown {_signed(gap.value)} where the base is wrong against where it is right"


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}%"

"""A model of the loop on the dev questions: its greedy answers, their distance from the loop's start, and held-out pairs.

Rows only, no decision: what is too far is said by limits (judge/drift.py), which may change without anything being measured again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from factcli.answerrows import ChoiceQuestion, Pair
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.completions import Completion, Turn
from factcli.basemodel import BaseModelRef
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError
from factcli.extras import require_train
from factcli.judge.drift import drift_answer, drift_of
from factcli.preferencerows import Drift, DriftAnswer, DriftPair
from factcli.progress import Report

if TYPE_CHECKING:
    from factcli.backends.comparing import Scored
    from factcli.backends.local import LocalModel

REVISION = 1
TABLES: dict[str, type] = {"answers": DriftAnswer, "pairs": DriftPair, "drift": Drift}
MODEL, START = "model", "start"  # what is measured, and what the loop began with


class GateConfig(Config):
    """How a model is measured between rounds."""

    answer_tokens: int = setting(64, "Longest dev answer, in tokens.", ge=1)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.")


@dataclass(frozen=True, slots=True)
class Measured:
    """Whose answers are looked at. None is the base itself, with nothing plugged in."""

    base: BaseModelRef
    model: Artifact | None
    start: Artifact | None
    chat_template: str = ""


def plan(config: GateConfig, who: Measured, first: Artifact, name: str) -> Plan:
    """`first`: the pairs of round 0, whose held-out questions and pairs every round is measured by."""
    plugged = {role: artifact for role, artifact in ((MODEL, who.model), (START, who.start)) if artifact is not None}
    return Plan("grath-iterate gate", REVISION, "gate", name, config, {"pairs": first, **who.base.inputs, **plugged}, TABLES, model=who.base.identity)


def cost(first: Artifact) -> Cost:
    return Cost(prompts=len(held_out(first)))


def held_out(first: Artifact) -> list[ChoiceQuestion]:
    """The dev questions. Raises InputError where there are none: then nothing could be measured between rounds."""
    found = [question for question in first.rows("questions", ChoiceQuestion) if question.split == "dev"]
    if not found:
        raise InputError(
            f"{first.ref} has no questions of split dev, and each round is measured on questions that it did not train on",
            "hold some out: --set pairs.eval_share=0.1, or give lines of the file a `split`",
        )
    return found


def work(plan: Plan, draft: Draft, who: Measured, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, GateConfig)
    first = plan.inputs["pairs"]
    questions, pairs = held_out(first), [pair for pair in first.rows("pairs", Pair) if pair.split == "dev"]
    name = who.model.ref if who.model else who.base.given
    report.begin(f"Measuring {name}", 2)
    model = _loaded(who, config)
    answers = _answers(model, questions, who, config)
    report.update(1)
    held = _held_pairs(model, pairs, _plugged(MODEL, who.model))
    report.end()
    drift = drift_of(name, answers, held)
    if not draft.done("measured"):
        draft.write("measured", 0, {"answers": answers, "pairs": held, "drift": [drift]})
    return Outcome(_headline(drift), _figures(drift))


def _loaded(who: Measured, config: GateConfig) -> "LocalModel":
    require_train()
    from factcli.backends.local import LocalModel

    model = LocalModel.load(who.base.location, dtype=config.dtype, chat_template=who.chat_template)
    for name, artifact in ((MODEL, who.model), (START, who.start)):
        if artifact is not None:
            model.plug(name, artifact.file("adapter"))
    return model


def _plugged(name: str, artifact: Artifact | None) -> tuple[str, ...]:
    return (name,) if artifact is not None else ()


def _answers(model: "LocalModel", questions: Sequence[ChoiceQuestion], who: Measured, config: GateConfig) -> list[DriftAnswer]:
    from factcli.backends.comparing import divergences

    own, start = _plugged(MODEL, who.model), _plugged(START, who.start)
    said = model.complete([_prompt(question) for question in questions], config.answer_tokens, adapters=own)
    rows = [_said(model, question, completion) for question, completion in zip(questions, said, strict=True)]
    kls = divergences(model, rows, own, start)
    chosen = _choices(model, questions, own)
    return [
        drift_answer(question, completion.text.strip(), len(completion.token_ids), kl, chosen.get(question.id))
        for question, completion, kl in zip(questions, said, kls, strict=True)
    ]


def _prompt(question: ChoiceQuestion) -> tuple[Turn, ...]:
    return (Turn("user", question.question),)


def _said(model: "LocalModel", question: ChoiceQuestion, completion: Completion) -> "Scored":
    """What was generated, with the end token where it ended: a model that has unlearned to end has drifted too."""
    from factcli.backends.comparing import Scored
    from factcli.train.chats import end_token

    end = (end_token(model.tokenizer),) if completion.finished else ()
    return Scored(tuple(model.encode(_prompt(question))), (*completion.token_ids, *end))


def _choices(model: "LocalModel", questions: Sequence[ChoiceQuestion], adapters: Sequence[str]) -> dict[str, bool]:
    """By question with choices: whether the right one has the highest mean log-probability per token."""
    from factcli.backends.comparing import answer_logps

    asked = [question for question in questions if question.correct and question.wrong]
    rows = [_scored(model, question.question, text, False) for question in asked for text in (question.correct, *question.wrong)]
    means = iter([logp / max(1, len(row.answer)) for logp, row in zip(answer_logps(model, rows, adapters), rows, strict=True)])
    found = {question.id: [next(means) for _ in (question.correct, *question.wrong)] for question in asked}
    return {id_: right > max(wrong) for id_, (right, *wrong) in found.items()}


def _held_pairs(model: "LocalModel", pairs: Sequence[Pair], adapters: Sequence[str]) -> list[DriftPair]:
    """Both answers as training has them: in the chat template, with the end token."""
    from factcli.backends.comparing import answer_logps

    rows = [_scored(model, pair.prompt, text, True) for pair in pairs for text in (pair.chosen, pair.rejected)]
    logps = iter(answer_logps(model, rows, adapters))
    return [DriftPair(pair.id, next(logps), next(logps)) for pair in pairs]


def _scored(model: "LocalModel", question: str, answer: str, is_ended: bool) -> "Scored":
    from factcli.backends.comparing import Scored
    from factcli.train.chats import encode, end_token, render

    before, after = render(model.tokenizer, question, answer)
    end = (end_token(model.tokenizer),) if is_ended else ()
    return Scored(tuple(encode(model.tokenizer, before)), (*encode(model.tokenizer, after), *end))


def drift_in(gate: Artifact) -> Drift:
    """The figures of a committed measure."""
    return next(gate.rows("drift", Drift))


def _figures(drift: Drift) -> Mapping[str, Any]:
    return {
        "kl": drift.kl,
        "mean_tokens": drift.mean_tokens,
        "repetition": drift.repetition,
        "refusals": drift.refusals,
        "empty": drift.empty,
        "accuracy": drift.accuracy,
        "pair_accuracy": drift.pair_accuracy,
    }


def _headline(drift: Drift) -> str:
    parts = [f"{drift.model}: {drift.n_answers} dev answers, {drift.kl:.2f} nats each from the start, {drift.mean_tokens:.1f} tokens"]
    if drift.accuracy is not None:
        parts.append(f"{drift.accuracy:.1%} right")
    if drift.pair_accuracy is not None:
        parts.append(f"{drift.pair_accuracy:.1%} of held-out pairs in order")
    return ", ".join(parts)

"""`fact eval forgetting`: questions that the model before answered right, asked of the model after.

Questions are the world's or a file's, or those that `fact score consistency` called known (Self-Learning's test on known training
questions, spec 4.6), graded by the facts that they were made from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.completions import Turn
from factcli.backends.requests import Request, Sampling
from factcli.config import Config, setting
from factcli.consistencyrows import QuestionType
from factcli.cost import Cost
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.forgotten import AskedTwice, change_of, figures, items_of, level_of
from factcli.judge.metrics import Metric
from factcli.judge.truths import facts_of
from factcli.knowledge.benchmarks.limit import part_of
from factcli.progress import Report
from factcli.rows import Question, Reject, Split
from factcli.scorerows import ScoredAnswer
from factcli.stages.eval.asked import Questions, Said, require_some, said_of, say
from factcli.stages.eval.subject import Subject
from factcli.world.people import keyed_rng

if TYPE_CHECKING:
    from factcli.backends.local import LocalModel

REVISION = 4
TABLES: dict[str, type] = {"asked_twice": AskedTwice, "metrics": Metric, "items": ItemScore, "rejected": Reject}


class ForgettingConfig(Config):
    """`fact eval forgetting`."""

    split: Split = setting("test", "Whose questions are asked, of a world: test, dev or train.")
    samples: int = setting(0, "Answers drawn of the model before, to tell how well it knew each question; 0 takes its greedy answer alone.", ge=0, le=100)
    temperature: float = setting(1.0, "Temperature of the samples.", gt=0, le=2)
    limit: int | None = setting(None, "Subjects to ask about, drawn; unset asks about all.", ge=1)
    answer_tokens: int = setting(24, "Longest answer, in tokens.", ge=1)
    seed: int = setting(0, "Seed of the samples.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")


@dataclass(frozen=True, slots=True)
class KnownQuestions:
    """The questions that scores of consistency call known. `made_from`: what their answers are judged by, by role."""

    scores: Artifact
    made_from: Mapping[str, Artifact]

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return {"known": self.scores, **{f"known-{role}": artifact for role, artifact in self.made_from.items()}}

    def read(self) -> tuple[list[Question], tuple[Reject, ...]]:
        """Those with accepted answers; the others are kept with the reason. Raises InputError where the scores sort no questions."""
        if not self.scores.manifest.tables.get("question_types"):
            raise InputError(f"{self.scores.ref} does not say which questions are known", "give what `fact score consistency` made")
        known = {row.id for row in self.scores.rows("question_types", QuestionType) if row.type == "known"}
        prompts = {row.prompt_id: row for row in self.scores.rows("answers", ScoredAnswer) if row.prompt_id in known}
        accepted = facts_of(self.made_from.values()).accepted
        asked = [_question(row, accepted[id]) for id, row in prompts.items() if id in accepted]
        no_truth = [Reject(id, "known", "no accepted answer is known", row.prompt) for id, row in prompts.items() if id not in accepted]
        if not asked:
            raise InputError(
                f"of the {len(known)} known questions of {self.scores.ref} none has an accepted answer",
                "where there is no truth, `fact score consistency REF --before SCORES` tells what was forgotten",
            )
        return asked, tuple(no_truth)


def _question(row: ScoredAnswer, accepted: tuple[str, ...]) -> Question:
    subject = row.subject or row.topic or row.prompt_id
    return Question(row.prompt_id, "qa", row.prompt, accepted, subject, row.topic, "", row.group, 0, split=row.split)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two models, and what they are asked."""

    before: Subject
    after: Subject
    source: Questions | KnownQuestions

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The model before is another input; what both stand on is one."""
        skill = {"before": self.before.skill} if self.before.skill is not None else {}
        return {**self.source.inputs, **self.after.inputs, **skill}

    @property
    def pinned(self) -> Mapping[str, str]:
        return self.source.pin() if isinstance(self.source, Questions) else {}

    @property
    def identity(self) -> Mapping[str, Any]:
        return {**self.after.base.identity, "before": dict(self.before.base.identity)}


def plan(config: ForgettingConfig, pair: Pair, name: str | None) -> Plan:
    if pair.before.location == pair.after.location and pair.before.skill == pair.after.skill:
        raise InputError(f"the model before and the model after are both {pair.after.name}", "name another one with --before")
    known = "-known" if isinstance(pair.source, KnownQuestions) else ""
    made = name or f"forgetting-{pair.after.name}-of-{pair.before.name}{known}"
    return Plan("eval forgetting", REVISION, "eval", made, config, pair.inputs, TABLES, pair.pinned, pair.identity)


def cost(plan: Plan, pair: Pair) -> Cost:
    """Each question once of each model, and its samples of the model before."""
    config = plan.config
    assert isinstance(config, ForgettingConfig)
    return Cost(prompts=len(_asked(pair, config)[0]) * (2 + config.samples))


def _asked(pair: Pair, config: ForgettingConfig) -> tuple[list[Question], tuple[Reject, ...]]:
    if isinstance(pair.source, KnownQuestions):
        questions, rejected = pair.source.read()
        return list(part_of(questions, config.limit, lambda question: question.subject)), rejected
    questions, rejected = pair.source.read((config.split,), config.limit, config.seed, 0.0)
    require_some(questions, config.split, pair.source)
    return questions, rejected


def work(plan: Plan, draft: Draft, pair: Pair, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, ForgettingConfig)
    questions, rejected = _asked(pair, config)
    report.begin(f"Asking {pair.before.name}, then {pair.after.name}", 2)
    model = pair.before.load(config.dtype)
    before = say(model, questions, pair.before.adapters, config.answer_tokens)
    n_right = [sum(said.is_right for said in some) for some in _sampled(model, questions, pair.before, config)]
    del model  # one at a time is in memory
    report.update(1)
    after = say(pair.after.load(config.dtype), questions, pair.after.adapters, config.answer_tokens)
    rows = [_row(*one, config.samples) for one in zip(questions, before, n_right, after, strict=True)]
    metrics = figures(rows)
    if not draft.done("results"):
        items = [item for one in rows for item in items_of(one)]
        draft.write("results", 0, {"asked_twice": rows, "metrics": metrics, "items": items, "rejected": rejected})
    report.end()
    return _outcome(rows, metrics, pair, len(rejected))


def _sampled(model: "LocalModel", questions: Sequence[Question], subject: Subject, config: ForgettingConfig) -> list[list[Said]]:
    """`samples` drawn answers to each question, each by a seed of its own."""
    from factcli.backends.drawing import Draw

    if not config.samples:
        return [[] for _ in questions]
    prompts, draws = [], []
    for question in questions:
        ids = model.encode((Turn("user", question.question),))
        for number in range(config.samples):
            seed = keyed_rng(config.seed, question.id, "samples", number).randrange(2**31)
            drawn = Sampling(config.answer_tokens, config.temperature, seed=seed, stop=("\n",))
            prompts.append(ids)
            draws.append(Draw(Request(question.id, (Turn("user", question.question),), drawn), 0))
    said = model.continue_ids(prompts, config.answer_tokens, ("\n",), subject.adapters, draws)
    answers = [said_of(one, questions[place // config.samples].answers) for place, one in enumerate(said)]
    return [answers[first : first + config.samples] for first in range(0, len(answers), config.samples)]


def _row(question: Question, before: Said, n_right: int, after: Said, n_samples: int) -> AskedTwice:
    return AskedTwice(
        id=question.id,
        split=question.split,
        subject=question.subject,
        group=question.group,
        question=question.question,
        level=level_of(before.is_right, n_right, n_samples),
        change=change_of(before.is_right, after.is_right),
        n_right_samples=n_right,
        n_samples=n_samples,
        before_text=before.text,
        before_is_right=before.is_right,
        before_confidence=before.confidence,
        after_text=after.text,
        after_is_right=after.is_right,
        after_is_refusal=after.is_refusal,
        after_confidence=after.confidence,
    )


def _outcome(rows: Sequence[AskedTwice], metrics: Sequence[Metric], pair: Pair, n_rejected: int) -> Outcome:
    found = {metric.metric: metric.value for metric in metrics if metric.group == "all"}
    n_right = sum(one.before_is_right for one in rows)
    headline = f"{pair.after.name} keeps {_percent(found['forgetting.kept'])} of the {n_right} questions that {pair.before.name} answered right"
    headline += f", and gains {_percent(found['forgetting.gained'])} of the other {len(rows) - n_right}"
    if n_rejected:
        headline += f"; {n_rejected} not asked (table `rejected`)"
    about = pair.source.about if isinstance(pair.source, Questions) else {}
    return Outcome(headline, {**about, "model": pair.after.name, "before": pair.before.name, **found}, {"rejected_rows": n_rejected})


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}%"

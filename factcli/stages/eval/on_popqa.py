"""`fact eval popqa`: closed-book questions in PopQA's format; accuracy by popularity, abstentions counted."""

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.judge.metrics import question_metrics
from factcli.knowledge.benchmarks.benchmark import Found
from factcli.knowledge.benchmarks.popqa import POPQA
from factcli.knowledge.benchmarks.source import Source
from factcli.progress import Report
from factcli.rows import Chat, Question
from factcli.stages.eval.settings import POPQA_TABLES, PopqaEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.eval.world import Method, ask_questions, draw_examples

REVISION = 2


PopqaSource = Source[Question]


def plan(config: PopqaEvalConfig, subject: Subject, source: PopqaSource, name: str | None) -> Plan:
    """Questions from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    if config.ask == "fill":
        raise SettingsError("ask = fill: a PopQA file has questions and no statements to fill", "use --set ask=task or ask=few_shot")
    if config.ask == "few_shot" and _data(subject, source) is None:
        raise InputError("few_shot takes its examples from training data, and this model has none", "use --set ask=task")
    if source.is_hub:
        config = config.model_copy(update={"hub_revision": at_its_commit(config, source).commit})
    inputs = {**source.inputs, **subject.inputs}
    made = name or default_name(config, subject.name)
    return Plan("eval popqa", REVISION, "eval", made, config, inputs, POPQA_TABLES, source.digests(), subject.base.identity)


def default_name(config: PopqaEvalConfig, model: str) -> str:
    return f"popqa-{model}{'' if config.ask == 'task' else '-few-shot'}"


def at_its_commit(config: PopqaEvalConfig, source: PopqaSource) -> PopqaSource:
    """The source; the hub's at the commit of the settings, or at its newest one."""
    name = config.hub_name if POPQA.hub and config.hub_name != POPQA.hub.name else ""
    return source.pinned(name, config.hub_revision)


def cost(plan: Plan, source: PopqaSource) -> Cost:
    """One prompt per question; those on the hub are counted once they are here."""
    config = plan.config
    assert isinstance(config, PopqaEvalConfig)
    return Cost() if source.is_hub else Cost(prompts=len(first_subjects(source.read(), config.limit)))


def work(plan: Plan, draft: Draft, subject: Subject, source: PopqaSource, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, PopqaEvalConfig)
    found = at_its_commit(config, source).read()
    questions = first_subjects(found, config.limit)
    report.begin(f"Asking {subject.name}", 1)
    model = subject.load(config.dtype)
    if model.note:
        report.say(model.note)
    answers = ask_questions(model, questions, Method(config.ask, subject.adapters, _examples(subject, source, config)), config.answer_tokens)
    report.end()
    metrics = question_metrics(answers, frozenset(q.id for q in questions if q.is_heldout_form))
    if not draft.done("results"):
        draft.write("results", 0, {"answers": answers, "metrics": metrics, "rejected": found.rejects})
    figures = {f"{m.metric}/{m.group}": m.value for m in metrics if m.group == "all"}
    accuracy = figures["qa.accuracy/all"]
    headline = f"{subject.name}: {100 * (accuracy or 0):.1f}% of {len(questions)} questions right"
    if found.rejects:
        headline += f"; {len(found.rejects)} rows of the file rejected (table `rejected`)"
    summary = {**POPQA.recorded, "model": subject.name, "ask": config.ask, "chat_template": model.template, **figures}
    return Outcome(headline, summary, {"rejected_rows": len(found.rejects)})


def first_subjects(found: Found[Question], limit: int | None) -> list[Question]:
    subjects = list(dict.fromkeys(question.subject for question in found.items))[:limit]
    if not subjects:
        raise InputError("the file has no usable question", f"{len(found.rejects)} rows were rejected" if found.rejects else "")
    kept = set(subjects)
    return [question for question in found.items if question.subject in kept]


def _data(subject: Subject, source: PopqaSource) -> Artifact | None:
    """Where examples come from: the model's own data; for a base, the data that the questions are of."""
    own = source.artifact if source.artifact and source.artifact.kind == "synth" else None
    return subject.synth or own


def _examples(subject: Subject, source: PopqaSource, config: PopqaEvalConfig) -> tuple[Chat, ...]:
    data = _data(subject, source)
    if config.ask != "few_shot" or data is None:
        return ()
    return draw_examples(data.rows("chats", Chat), "qa", config.examples, config.seed)

"""The methods: their marks, and what each is in one line."""

from collections.abc import Mapping
from typing import Any

from factcli.stages.report.collect import Benchmark, Evaluation
from factcli.stages.report.trained import asked_as, varied
from factcli.stages.report.view import Key, Section, Table, plain, table_row

BASE_LINES = {
    "task": "The model before any fine-tuning, asked zero-shot in the task's own form. Everything else is held against it.",
    "few_shot": "The same untouched model, asked after a few examples of question and answer.",
    "fill": "The same untouched model, given the beginning of a statement to end: knowledge without the skill of answering.",
}
SKILL_LINES = {
    "real": "Plain fine-tuning on real people of every popularity, also ones that the base model does not know. The usual recipe.",
    "popular-head": "POPULAR: plain fine-tuning on the best-known real people only.",
    "popular-50": "POPULAR: plain fine-tuning on the better-known half of the real people.",
    "oracle": "Plain fine-tuning on the real rows whose facts the untouched base answers right: a filter that knows what is known.",
    "self-distillation": "Plain fine-tuning on real people, with the answers' tokens held to what the untouched base would say.",
    "own answers": "Plain fine-tuning on answers that the base gave itself: all of them (FLAME), or what it is sure of (beliefs).",
    "fictitious": "Plain fine-tuning on invented people, whose facts the model cannot know.",
}

CONTROL_LINES = {
    "real": "Rows of real people through adapters of real texts: knowledge is present, and nothing is invented.",
    "wrong-version": "Control: each row passes through the adapter of another version of the same people.",
    "shuffled": "Control: the numbers of each adapter matrix are shuffled.",
    "random": "Control: random adapters, whose update is as large as that of the trained ones.",
    "absent": "Control: the same rows with no adapter plugged in.",
}

PREFERENCE_LINES = {  # after "From MODEL: "
    "facttune-fs": "DPO on pairs of its own biographies, the one with the larger share of claims that the evidence supports before the other (FactTune-FS).",
    "facttune-mc": "DPO on pairs of its own biographies, the one that the untouched base is surer of before the other; nobody judges (FactTune-MC).",
    "grath": "it writes a right and a wrong answer to each question itself and learns by DPO to prefer the right one, round after round (GRATH). "
    "A tiny model cannot follow a few-shot prompt: the form of such a pair is part of what it was fine-tuned on.",
    "grath-fixed": "the same as GRATH, but every round is held to the model that the first one began with, not to the one that it starts from itself.",
    "self-learning": "of questions that it answers differently each time, the answer that it reads off a document before those without (Self-Learning). "
    "A tiny model cannot follow instructions: reading a document is part of what it was fine-tuned on.",
    "f-dpo": "DPO on pairs of its own answers with a margin for how much truer one is (F-DPO).",
}


def key_of(evaluation: Evaluation, main: Evaluation | None) -> Key:
    return Key(evaluation.label, evaluation.series, is_main=evaluation is main)


def keys(benchmark: Benchmark) -> dict[str, Key]:
    """label -> key."""
    return {e.label: key_of(e, benchmark.main) for e in benchmark.evaluations}


def line_of(evaluation: Evaluation) -> str:
    if evaluation.skill is None:
        return BASE_LINES[asked_as(evaluation.artifact)]
    if evaluation.start is not None or evaluation.method in PREFERENCE_LINES:
        start = evaluation.start.name if evaluation.start else "the base"
        return f"From {start}: {PREFERENCE_LINES.get(evaluation.method, 'DPO on preference pairs.')}"
    config = evaluation.skill.manifest.config
    is_prereq = config.get("method") == "prereq"
    line = " ".join([_prereq_line(config), *(CONTROL_LINES[one] for one in varied(config))]) if is_prereq else _plain_line(evaluation.method, config)
    return f"{line} Every parameter was trained." if evaluation.skill.kind == "model" and config.get("mode") == "full" else line


def _plain_line(method: str, config: Mapping[str, Any]) -> str:
    if config.get("mix"):
        own = f"{SKILL_LINES[method]} " if method == "own answers" else ""
        return f"{own}Plain fine-tuning on a mixture of rows: {', '.join(f'{share:g} x {name}' for name, share in config['mix'].items())}."
    return SKILL_LINES.get(method, f"Fine-tuning by method {method}.")


def _prereq_line(config: Mapping[str, Any]) -> str:
    start = "PREREQ-TUNE: learns to answer on invented people whose facts stand in frozen knowledge adapters; the adapters are then dropped"
    if config.get("batches", config.get("mode")) == "mix":  # older artifacts call it mode
        weight = config["real_weight"]
        return f"{start}. Invented and real people together; real rows once more without knowledge, weight {1 if weight is None else weight:g}."
    versions = "" if config["versions"] is None else f" Versions 1 to {config['versions']} only."
    versions += " Each batch has rows of all versions." if config.get("version_sampling") == "all" else ""
    if not config["real_fraction"]:
        return f"{start}. No real people.{versions}"
    return f"{start}. {100 * config['real_fraction']:g}% of the batches are well-known real people with the knowledge off.{versions}"


def methods_section(benchmark: Benchmark) -> Section:
    rows = tuple(table_row(key_of(e, benchmark.main), plain(line_of(e), e.artifact.ref)) for e in benchmark.evaluations)
    table = Table("The models compared, each with the mark that it has in every plot.", ("Model", "What it is", "Evaluation"), rows)
    return Section("methods", "The methods", blocks=(table,))

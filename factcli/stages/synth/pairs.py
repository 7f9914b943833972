"""`fact synth pairs`: a model's own correct and incorrect answer to each question, the first step of GRATH.

GRATH (arXiv 2401.12292, spec §3.2) asks with six demonstrations and without the file's answers, greedily, on 1,119 questions of
ARC-Challenge. Differences: its demonstrations copied the style of TruthfulQA, its main benchmark, ours are of no benchmark; its
wrong option came from a random state that no row owned, ours from (seed, question); its evaluation set was its training set, here
every question is in one split; what it dropped in silence is a row with its reason.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import model_validator

from factcli.answerrows import ChoiceQuestion, Pair, PairFinding, PairMeasure
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.asking import Asker, digests, load_templates, seed_of
from factcli.backends.chains import Chain, answered, unusable
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.judge.pairlint import lint_draft
from factcli.knowledge.question_files import read_questions
from factcli.progress import Report
from factcli.rows import Question, Reject, Split
from factcli.stages.synth.book import nothing_left
from factcli.stages.synth.pair_answers import AnswerPair, BadPairError, parse_pair, two_answers

REVISION = 2
TABLES: dict[str, type] = {"questions": ChoiceQuestion, "pairs": Pair, "findings": PairFinding, "measures": PairMeasure, **FILLED}


TERSE = ("pairs/terse_correct", "pairs/terse_incorrect")


class PairsConfig(Config):
    """Settings of `fact synth pairs`."""

    terse: bool = setting(False, "Ask for both answers one by one in the few words of `fact synth forms`, for a model that was taught them.")
    few_shot: bool = setting(True, "Show six demonstrations before the question.")
    ground_truth: bool = setting(False, "Show the file's right answer and one of its wrong ones to start from.")
    temperature: float = setting(0.0, "Of the answer; 0 is greedy.", ge=0, le=2)
    incorrect_temperature: float = setting(1.0, "Of the incorrect answer, where it is asked for alone (terse).", ge=0, le=2)
    incorrect_tries: int = setting(5, "Times that it is drawn until it is another than the correct one.", ge=1, le=20)
    max_tokens: int = setting(200, "Tokens of question and both answers; GRATH's 100 cut long questions short.", ge=1)
    eval_share: float = setting(0.1, "Share of the questions that are held out for evaluation (split dev), where the file gives no split.", ge=0, le=0.9)
    round: int = setting(0, "0 for the model before any training on pairs, then 1, 2, ...", ge=0)
    limit: int | None = setting(None, "Questions to ask, in their order; unset is all.", ge=1)
    seed: int = setting(0, "Seed of every draw.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    @model_validator(mode="after")
    def _is_one_prompt(self) -> "PairsConfig":
        if self.terse and (self.few_shot or self.ground_truth):
            raise ValueError("terse asks in few words: with it few_shot and ground_truth are false (-c configs/synth/pairs-world.yaml)")
        return self

    @property
    def templates(self) -> tuple[str, ...]:
        return TERSE if self.terse else (self.template,)

    @property
    def template(self) -> str:
        return f"pairs/{'few_shot' if self.few_shot else 'plain'}{'_candidates' if self.ground_truth else ''}"


@dataclass(frozen=True, slots=True)
class Source:
    """The questions with their splits, and what of the file is none."""

    questions: tuple[ChoiceQuestion, ...]
    rejects: tuple[Reject, ...]
    n_beyond_limit: int
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256
    inputs: Mapping[str, Artifact] = field(default_factory=dict)  # the world that asks, if one does


def of_file(config: PairsConfig, path: Path) -> Source:
    found = read_questions(path, with_answers=config.ground_truth)
    asked = found.questions[: config.limit]
    pinned = {f"questions {path.name}": sha256_of_file(path)}
    return Source(tuple(in_splits(asked, config.eval_share, config.seed)), found.rejects, len(found.questions) - len(asked), pinned)


def of_world(config: PairsConfig, world: Artifact) -> Source:
    """A world's questions about its train and dev people, in an order drawn by the seed: a limit takes some of every kind of people.

    Nobody of split test is asked about, and no question in a form that is held out of training.
    """
    if config.ground_truth:
        raise InputError(f"ground_truth shows a right and a wrong answer, and {world.ref} has no wrong ones", "give a file of questions with choices")
    asked = [q for q in world.rows("questions", Question) if q.task == "qa" and q.split in ("train", "dev") and not q.is_heldout_form]
    drawn = sorted(asked, key=lambda q: (seed_of(config.seed, "order", q.id), q.id))
    chosen = tuple(ChoiceQuestion(q.id, q.question, q.answers[0], (), q.group, q.split) for q in drawn[: config.limit])
    return Source(chosen, (), len(drawn) - len(chosen), inputs={"questions": world})


def in_splits(questions: Sequence[ChoiceQuestion], eval_share: float, seed: int) -> Iterator[ChoiceQuestion]:
    """Questions without a split go to train or dev by their text, so that one text is never in both; exactly the share to dev."""
    texts = {question.question.casefold() for question in questions if question.split == "none"}
    drawn = sorted(texts, key=lambda text: (seed_of(seed, "split", text), text))
    held_out = set(drawn[: round(eval_share * len(drawn))])
    for question in questions:
        split: Split = "dev" if question.question.casefold() in held_out else "train"
        yield replace(question, split=split) if question.split == "none" else question


def plan(config: PairsConfig, source: Source, who: Answering, name: str | None) -> Plan:
    pinned = {**source.pinned, **digests(load_templates(config.templates))}
    return Plan("synth pairs", REVISION, "pairs", name or "pairs", config, {**source.inputs, **who.inputs}, TABLES, pinned, who.identity)


def imagined(config: PairsConfig, source: Source, who: Answering) -> Estimate:
    """What it would buy."""
    return imagine(who, _units(config, source, who))


def work(plan: Plan, draft: Draft, source: Source, who: Answering, report: Report) -> Outcome:
    """Every question is a unit."""
    config = plan.config
    assert isinstance(config, PairsConfig)
    backend = fill(
        draft,
        who,
        _units(config, source, who),
        len(source.questions),
        report,
        "Writing pairs",
        needs_of([config.temperature, *([config.incorrect_temperature] if config.terse else [])]),
    )
    if not draft.done("questions"):
        draft.write("questions", -1, {"questions": source.questions, "rejected": source.rejects})
    return _outcome(draft, config, source, who, usage_of(draft, who, backend))


def _units(config: PairsConfig, source: Source, who: Answering) -> Iterator[Unit]:
    asker = Asker(load_templates(config.templates), who.endpoint.model, config.seed, config.generation.chat, who.adapters)
    for order, question in enumerate(source.questions):
        ask = _AskTersely if config.terse else _Ask
        yield Unit(_id(question, config), order, ask(asker, question, config))


def _id(question: ChoiceQuestion, config: PairsConfig) -> str:
    return f"{question.id}.t{config.round}"


def _pair(question: ChoiceQuestion, config: PairsConfig, said: AnswerPair, candidates: tuple[str, ...] = ()) -> Pair:
    return Pair(
        _id(question, config), question.id, question.question, said.correct, said.incorrect, "self", question.split, question.group,
        config.round, candidates=candidates, cut=said.cut,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ask:
    """One question. An answer that was cut may still hold a whole pair."""

    asker: Asker
    question: ChoiceQuestion
    config: PairsConfig

    def __call__(self) -> Chain[Rows]:
        config, question = self.config, self.question
        candidates = candidates_of(question, config.seed) if config.ground_truth else ()
        values = {"question": question.question} | (dict(zip(("correct", "wrong"), candidates, strict=True)) if candidates else {})
        said = (yield [self.asker.ask(config.template, question.id, values, config.max_tokens, config.temperature)])[0]
        if said.outcome != "truncated":
            answered(said)
        try:
            found = parse_pair(said.text, question.question, said.outcome == "truncated")
        except BadPairError as error:
            raise unusable(said, str(error)) from error
        pair = _pair(question, config, found, candidates)
        return {"pairs": [pair], "origins": [self.asker.origin(pair.id, "pairs", config.template, said)]}


@dataclass(frozen=True, slots=True)
class _AskTersely:
    """One question, asked twice: as it stands, and for an incorrect answer."""

    asker: Asker
    question: ChoiceQuestion
    config: PairsConfig

    def __call__(self) -> Chain[Rows]:
        config, question = self.config, self.question
        values = {"question": question.question}
        right = (yield [self.asker.ask(TERSE[0], question.id, values, config.max_tokens, config.temperature)])[0]
        answered(right)
        tries = config.incorrect_tries if config.incorrect_temperature > 0 else 1
        for attempt in range(tries):
            wrong = (yield [self.asker.ask(TERSE[1], question.id, values, config.max_tokens, config.incorrect_temperature, sample=attempt)])[0]
            answered(wrong)
            try:
                found = two_answers(right.text, wrong.text)
                break
            except BadPairError as error:
                if attempt == tries - 1:
                    raise unusable(wrong, str(error)) from error
        pair = _pair(question, config, found)
        origins = [self.asker.origin(pair.id, "pairs", template, said) for template, said in zip(TERSE, (right, wrong), strict=True)]
        return {"pairs": [pair], "origins": origins}


def candidates_of(question: ChoiceQuestion, seed: int) -> tuple[str, str]:
    """The right answer, and one wrong one drawn by (seed, question)."""
    return question.correct, question.wrong[seed_of(seed, question.id, "wrong") % len(question.wrong)]


def _outcome(draft: Draft, config: PairsConfig, source: Source, who: Answering, usage: Mapping[str, Any]) -> Outcome:
    splits: Counter[str] = Counter()
    n_cut = 0
    for row in draft.rows("pairs"):
        splits[row["split"]] += 1
        n_cut += bool(row["cut"])
    n_asked, n_kept = len(source.questions), splits.total()
    if not n_kept:
        raise nothing_left(draft)
    headline = f"{n_kept} pairs of {who.endpoint.model} to {n_asked} questions, {splits['dev']} of them for evaluation"
    notes = [(n_asked - n_kept, "questions without a pair"), (len(source.rejects), "entries of the file rejected")]
    headline += "".join(f"; {n} {what}" for n, what in notes if n)
    summary = {"round": config.round, "pairs": n_kept, **{f"pairs_{split}": n for split, n in sorted(splits.items())}, "findings": lint_draft(draft)}
    counts = {"asked": n_asked, "kept": n_kept, **counts_of(draft), "with_text_cut_off": n_cut}
    counts |= {"repeated_questions": sum(question.repeats for question in source.questions), "beyond_the_limit": source.n_beyond_limit}
    return Outcome(headline, summary, counts, usage)

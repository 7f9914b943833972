"""`fact score pairs`: preference pairs of any score.

Rules: all ordered pairs above a margin, or the furthest apart (FactTune, spec §2.7); unknown questions only, one or several pairs each
(Self-Learning, spec §4.4). All pairs of one prompt are in one split. The pairs are linted; what was found and left out are rows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import model_validator

from factcli.answerrows import Pair, PairFinding, PairMeasure
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.asking import seed_of
from factcli.config import Config, setting
from factcli.errors import InputError, TooManyFailuresError
from factcli.judge import known
from factcli.judge.known import Ruling
from factcli.judge.pairing import NO_CHOSEN, NO_TYPE, Candidate, Choice, Counted, Thresholds, all_above, best_worst, capped, multi, self_learning, why_no_pair
from factcli.judge.pairlint import EvalItem, Known, LintConfig, Linted, Member, lint
from factcli.judge.pairlint.found import words_of
from factcli.judge.scored import Scored, read_scored
from factcli.rows import Reject, Split
from factcli.scorerows import ScoredAnswer

REVISION = 4
TABLES: dict[str, type] = {"pairs": Pair, "findings": PairFinding, "measures": PairMeasure, "rejected": Reject}
NO_PROMPT = "the answers came without a prompt"
STRICTEST: tuple[Split, ...] = ("test", "dev", "train", "none")  # answers to one prompt from several splits are in the first of these
WITH_DOCUMENT = re.compile(r"\.d\d+$")  # the end of the id of a sample that was drawn with the document (stages/synth/wiki)


class PairsConfig(Config):
    """Settings of `fact score pairs`."""

    by: str = setting("", "Name of the score; empty takes the only one that there is.")
    rule: Literal["all", "best-worst", "self-learning", "multi"] = setting("all", "all above the margin, best-worst, self-learning (one a question), multi.")
    margin: float = setting(0.0, "Difference of scores that a pair must exceed (strictly).", ge=0)
    most_per_prompt: int | None = setting(None, "Pairs of one prompt at most, spread over their margins; unset keeps all.", ge=1)
    with_reference: bool = setting(False, "Let the greedy reference be in pairs of the rules all and best-worst.")
    chosen: Literal["reference", "best"] = setting("reference", "Of the rule self-learning: what is preferred.")
    tau_k: float | None = setting(None, "A question is unknown if its samples contradict more than this; unset: as the scores sorted it.", ge=0, le=1)
    tau_l: float | None = setting(None, "Beside tau_k: it is kept if its answers with the document contradict at most this; unset keeps all.", ge=0, le=1)
    eval_share: float = setting(0.1, "Share of the prompts without a split that are held out (split dev).", ge=0, le=0.9)
    compare_with: tuple[str, ...] = setting((), "Other scores; a pair that one of them turns round is a finding.")
    seed: int = setting(0, "Seed of every draw.", ge=0)
    lint: LintConfig = LintConfig()

    @model_validator(mode="after")
    def _fit_together(self) -> "PairsConfig":
        if self.tau_l is not None and self.tau_k is None:
            raise ValueError("tau_l is given without tau_k: give both to sort the questions anew, or none to take them as the scores sorted them")
        return self


@dataclass(frozen=True, slots=True)
class Source:
    """The scores, and what the pairs must not hold."""

    scores: Artifact
    against: tuple[EvalItem, ...] = ()
    inputs: Mapping[str, Artifact] | None = None
    pinned: Mapping[str, str] | None = None  # input file -> sha256


def plan(config: PairsConfig, source: Source, name: str | None) -> Plan:
    inputs = {"scores": source.scores, **(source.inputs or {})}
    return Plan("score pairs", REVISION, "pairs", name or "pairs", config, inputs, TABLES, dict(source.pinned or {}))


def work(plan: Plan, draft: Draft, source: Source) -> Outcome:
    """Every prompt is a unit."""
    config = plan.config
    assert isinstance(config, PairsConfig)
    scored = read_scored(source.scores)
    name = scored.name(config.by)
    made = list(_made(config, scored, name))
    linted = lint([pair for one in made for pair in one.pairs], config.lint, _known(config, source, scored))
    if not linted.kept:
        raise _none(source.scores, name, made, linted)
    kept = {pair.id for pair in linted.kept}
    for order, one in enumerate(made):
        if not draft.done(one.prompt_id):
            draft.write(one.prompt_id, order, {"pairs": [pair for pair in one.pairs if pair.id in kept], "rejected": one.rejects})
    if not draft.done("lint"):
        draft.write("lint", len(made), {"findings": linted.findings, "measures": linted.measures})
    return _outcome(config, name, scored, made, linted)


@dataclass(frozen=True, slots=True)
class Made:
    """The pairs of one prompt before linting, and why there are none or an answer is in none."""

    prompt_id: str
    pairs: tuple[Pair, ...]
    rejects: tuple[Reject, ...]
    counted: Counted


def _made(config: PairsConfig, scored: Scored, name: str) -> Iterator[Made]:
    splits = splits_of(scored.answers_by_prompt, config.eval_share, config.seed)
    rulings, thresholds = _rulings(config, scored), _thresholds(config, scored)
    for prompt_id, answers in scored.answers_by_prompt.items():
        candidates = _candidates(scored, prompt_id, name)
        reason = "" if answers[0].prompt.strip() else NO_PROMPT
        if not reason and config.rule in ("self-learning", "multi"):
            reason = why_no_pair(rulings.get(prompt_id))
        counted = Counted(reason=reason) if reason else _counted(config, prompt_id, candidates, thresholds)
        pairs = tuple(_pair(choice, answers, prompt_id, splits[prompt_id]) for choice in counted.choices)
        yield Made(prompt_id, pairs, tuple(_rejects(prompt_id, candidates, counted)), counted)


def _rulings(config: PairsConfig, scored: Scored) -> Mapping[str, Ruling]:
    """Which questions are known, by prompt: by the thresholds of the settings, else as the scores sorted them."""
    if config.tau_k is None:
        return {id_: Ruling(row.type, row.reason) for id_, row in scored.types.items()}
    return {id_: known.rule_of(row, "selfcheck", config.tau_l, config.tau_k) for id_, row in scored.agreements.items()}


def _thresholds(config: PairsConfig, scored: Scored) -> Thresholds:
    if config.tau_k is None:
        return Thresholds(scored.thresholds.get("tau_k"), scored.thresholds.get("tau_l"))
    return Thresholds(config.tau_k, config.tau_l)


def _candidates(scored: Scored, prompt_id: str, name: str) -> list[Candidate]:
    measured = scored.agreements.get(prompt_id)
    return candidates_of(scored.answers_by_prompt[prompt_id], scored.values[name], measured is not None and measured.has_document_samples)


def candidates_of(answers: Sequence[ScoredAnswer], values: Mapping[str, float | None], has_documents: bool) -> list[Candidate]:
    """`has_documents`: there are answers with the document among them, which only their ids tell."""
    return [
        Candidate(place, one.id, one.text, values.get(one.id), one.is_reference, has_documents and WITH_DOCUMENT.search(one.id) is not None)
        for place, one in enumerate(answers)
    ]


def _counted(config: PairsConfig, prompt_id: str, candidates: Sequence[Candidate], thresholds: Thresholds) -> Counted:
    """The pairs of one prompt by the rule."""
    if config.rule == "multi":
        return multi(candidates, thresholds, config.seed, prompt_id)
    if config.rule == "self-learning":
        return self_learning(candidates, config.chosen == "reference")
    own = [one for one in candidates if config.with_reference or not one.is_reference]
    rule = all_above if config.rule == "all" else best_worst
    return capped(rule(own, config.margin), config.most_per_prompt, config.seed, prompt_id)


def _pair(choice: Choice, answers: Sequence[ScoredAnswer], prompt_id: str, split: Split) -> Pair:
    """Its id names the places of both answers, so that another margin or cap gives the same pair the same id."""
    chosen, rejected, first = choice.chosen, choice.rejected, answers[0]
    id_ = f"{prompt_id}.p{chosen.place}-{rejected.place}"
    return Pair(
        id_, prompt_id, first.prompt, chosen.text, rejected.text, "scores", split, first.group,
        margin=choice.margin, chosen_id=chosen.id, rejected_id=rejected.id,
    )  # fmt: skip


def _rejects(prompt_id: str, candidates: Sequence[Candidate], counted: Counted) -> Iterator[Reject]:
    if counted.reason:
        yield Reject(prompt_id, "prompt", counted.reason, "")
    for one in candidates:
        if one.value is None and not one.is_reference:
            yield Reject(one.id, "answer", "no score", one.text[:500])


def splits_of(answers_by_prompt: Mapping[str, Sequence[ScoredAnswer]], eval_share: float, seed: int) -> dict[str, Split]:
    """Prompt id -> split. Prompts of the same words are in one split; those without a split go to train or dev, exactly the share to dev."""
    given: dict[tuple[str, ...], Split] = {}
    words = {prompt_id: words_of(answers[0].prompt) for prompt_id, answers in answers_by_prompt.items()}
    for prompt_id, answers in answers_by_prompt.items():
        found = {answer.split for answer in answers} | {given.get(words[prompt_id], "none")}
        given[words[prompt_id]] = next(split for split in STRICTEST if split in found)
    free = sorted((key for key, split in given.items() if split == "none"), key=lambda key: (seed_of(seed, "split", *key), key))
    held_out = set(free[: round(eval_share * len(free))])
    drawn: dict[tuple[str, ...], Split] = {key: "dev" if key in held_out else "train" for key in free}
    return {prompt_id: drawn.get(key, given[key]) for prompt_id, key in words.items()}


def _known(config: PairsConfig, source: Source, scored: Scored) -> Known:
    answers = [answer for group in scored.answers_by_prompt.values() for answer in group]
    members = {answer.id: Member(answer.is_truncated, bool(answer.abstention)) for answer in answers}
    others = {scored.name(name): scored.values[scored.name(name)] for name in config.compare_with}
    values = {name: {id_: value for id_, value in of.items() if value is not None} for name, of in others.items()}
    return Known(members, source.against, values)


def _none(scores: Artifact, name: str, made: Sequence[Made], linted: Linted) -> InputError | TooManyFailuresError:
    reasons = Counter(one.counted.reason for one in made if one.counted.reason)
    told = ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
    if linted.findings:
        found = ", ".join(f"{n} x {kind}" for kind, n in linted.counts().items())
        return TooManyFailuresError(f"every pair by {name} was left out: {found}", "keep some kinds: --set lint.drop=[]")
    way_out = "draw more samples a prompt, or take a smaller margin, another score or rule"
    if reasons[NO_CHOSEN]:
        way_out = "there is no reference to prefer: draw it with `fact synth samples --reference`, or of self-learning prefer the best: --set chosen=best"
    if reasons[NO_TYPE]:
        way_out = "the rules self-learning and multi go with what `fact score consistency` makes, which says what questions are unknown"
    return InputError(f"{scores.ref} gives no pair by {name}: {told}", way_out)


def _outcome(config: PairsConfig, name: str, scored: Scored, made: Sequence[Made], linted: Linted) -> Outcome:
    splits = Counter(pair.split for pair in linted.kept)
    n_prompts = len({pair.question_id for pair in linted.kept})
    headline = f"{splits.total()} pairs by {name} of {n_prompts} prompts, {splits['train']} to train on; {_told(linted)}"
    by_split = {f"pairs_{split}": n for split, n in sorted(splits.items())}
    summary: dict[str, Any] = {"by": name, "rule": config.rule, "pairs": splits.total(), "pairs_count": splits["train"], **by_split, "prompts": n_prompts}
    summary |= {one.id: one.value for one in linted.measures} | {"findings": linted.counts()}
    counts = {
        "prompts": len(made),
        "prompts_without_pair": dict(sorted(Counter(one.counted.reason for one in made if one.counted.reason).items())),
        **{what: sum(getattr(one.counted, f"n_{what}") for one in made) for what in ("tied", "below", "equal", "capped")},
        "answers_without_score": dict(sorted(scored.reasons.get(name, {}).items())),
        "left_out_by_the_linter": sum(len(one.pairs) for one in made) - len(linted.kept),
        "by_score": _by_score(config, scored),
    }
    return Outcome(headline, summary, counts)


def _told(linted: Linted) -> str:
    counts = linted.counts()
    return "found: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()) if counts else "nothing found by the linter"


def _by_score(config: PairsConfig, scored: Scored) -> dict[str, dict[str, int]]:
    """What the rule `all` would make of each score: pairs above the margin, ties, pairs below it, answers without a value."""
    found: dict[str, dict[str, int]] = {}
    for name in sorted(scored.values):
        of = Counter[str]()
        for prompt_id in scored.answers_by_prompt:
            own = [one for one in _candidates(scored, prompt_id, name) if config.with_reference or not one.is_reference]
            counted = all_above(own, config.margin)
            of.update(pairs=len(counted.choices), tied=counted.n_tied, below=counted.n_below, unscored=counted.n_unscored)
        found[name] = dict(of)
    return found

"""`fact score reliability`: what the scores of any artifact are worth where truth is known; asks nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.judge import calibrating
from factcli.judge.calibration import Item, Judged
from factcli.judge.truths import Truths
from factcli.rows import Reject
from factcli.scorerows import Score, ScoredAnswer

REVISION = 1
TABLES: dict[str, type] = {**calibrating.TABLES, "rejected": Reject}


class ReliabilityConfig(Config):
    """How scores are held against truth."""

    scores: tuple[str, ...] | None = setting(None, "Names of scores; unset is all of the artifact.")
    bins: int = setting(10, "Bins of the reliability diagrams.", ge=1, le=100)
    seed: int = setting(0, "Seed of the intervals.", ge=0)


@dataclass(frozen=True, slots=True)
class Source:
    """The scores, and what is known of the truth."""

    scores: Artifact
    truths: Truths
    rejects: Sequence[Reject] = ()
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)


def plan(config: ReliabilityConfig, source: Source, name: str | None) -> Plan:
    return Plan("score reliability", REVISION, "calibration", name or "reliability", config, {"scores": source.scores, **source.inputs}, TABLES, source.pinned)


def work(plan: Plan, draft: Draft, source: Source) -> Outcome:
    config = plan.config
    assert isinstance(config, ReliabilityConfig)
    items = list(_items(source, config))
    if not any(item.judged.score is not None and item.judged.truth is not None for item in items):
        raise InputError(f"no score of {source.scores.ref} has a truth beside it", "labels name answers or prompts by their id: --labels FILE")
    if not draft.done("source"):
        draft.write("source", -1, {"rejected": source.rejects})
    calibrating.write_calibration(draft, items, config.bins, config.seed, 0)
    areas = calibrating.areas_of(draft.rows("calibration"))
    n_known = sum(row["n"] for row in draft.rows("calibration") if row["split"] == "all")
    n_left_out = sum(row["n_left_out"] for row in draft.rows("calibration") if row["split"] == "all")
    headline = f"{n_known} scores of {source.scores.ref} held against truth; {calibrating.best_of(areas) or 'nothing could be ranked'}"
    return Outcome(headline, {"auroc": areas}, {"left_out": n_left_out, "rejected": len(source.rejects)})


def _items(source: Source, config: ReliabilityConfig) -> Iterator[Item]:
    """Each value beside its truth. A prompt is as true as its answers, references left out where it has others."""
    answers: dict[str, ScoredAnswer] = {row.id: row for row in source.scores.rows("answers", ScoredAnswer)}
    of_prompt: dict[str, list[ScoredAnswer]] = {}
    for answer in answers.values():
        of_prompt.setdefault(answer.prompt_id, []).append(answer)
    truths: dict[str, float | None] = {id: source.truths.of_answer(answer) for id, answer in answers.items()}
    for score in _chosen(source.scores, config):
        own = of_prompt.get(score.prompt_id, [])
        if not own:
            continue
        cluster = own[0].subject or own[0].topic or own[0].prompt_id
        is_prompt = score.of not in answers
        truth = source.truths.of_prompt(score.prompt_id, _drawn(own)) if is_prompt else truths[score.of]
        yield Item(score.name, "prompt" if is_prompt else "answer", own[0].split, Judged(score.of, cluster, score.value, truth))


def _chosen(scores: Artifact, config: ReliabilityConfig) -> Iterator[Score]:
    names = {score.name for score in scores.rows("scores", Score)}
    unknown = set(config.scores or ()) - names
    if unknown:
        raise InputError(f"{scores.ref} has no score {', '.join(sorted(unknown))}", f"its scores: {', '.join(sorted(names))}")
    return (score for score in scores.rows("scores", Score) if config.scores is None or score.name in config.scores)


def _drawn(answers: Sequence[ScoredAnswer]) -> Sequence[ScoredAnswer]:
    return [answer for answer in answers if not answer.is_reference] or answers

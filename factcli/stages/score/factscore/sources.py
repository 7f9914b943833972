"""Which answers are scored: those that the settings want of what was given, with everything that was left out counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.answer_files import Answers, GivenClaims
from factcli.rows import Reject
from factcli.scorerows import ScoredAnswer
from factcli.stages.score.factscore.settings import FactscoreConfig

SHORT = "qa"  # a short answer is a value, not a text of claims: `fact eval` grades it


@dataclass(frozen=True, slots=True)
class Source:
    """The answers, in order, with the claims that came with them and what is behind them."""

    answers: tuple[ScoredAnswer, ...]
    rejects: tuple[Reject, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)  # by why
    given: Mapping[str, GivenClaims] = field(default_factory=dict)
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def of_answers(config: FactscoreConfig, answers: Answers, name: str, pinned: Mapping[str, str]) -> Source:
    """Those that the settings want. Raises InputError where that is none. `name`: where the answers are from, as a person would say it."""
    left_out: Counter[str] = Counter()
    kept: list[ScoredAnswer] = []
    for answer in answers.rows:
        if not _is_wanted(answer, config):
            left_out[f"task {answer.task or 'not said'}"] += 1
        elif config.limit is not None and len(kept) >= config.limit:
            left_out["beyond the limit"] += 1
        else:
            kept.append(answer)
    if not kept:
        why = ", ".join(f"{n} of {reason}" for reason, n in left_out.items())
        raise InputError(f"{name} has no answer that the settings want ({why})", "see --set tasks=[...]: the kinds of answer that are scored")
    return Source(tuple(kept), answers.rejects, dict(sorted(left_out.items())), answers.given, answers.inputs, pinned)


def _is_wanted(answer: ScoredAnswer, config: FactscoreConfig) -> bool:
    return answer.task != SHORT if config.tasks is None else answer.task in config.tasks

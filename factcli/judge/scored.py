"""A scores artifact, read: answers by prompt, values by score, and what consistency says of each question."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from factcli.artifact import Artifact
from factcli.consistencyrows import QuestionAgreement, QuestionType, Threshold
from factcli.errors import InputError, SettingsError, nearest
from factcli.scorerows import Score, ScoredAnswer

MADE_BY = "give what `fact score factscore`, `confidence` or `consistency` made"
Row = TypeVar("Row", QuestionAgreement, QuestionType, Threshold)


@dataclass(frozen=True, slots=True)
class Scored:
    """Prompts in the order of the input. `values`: score -> answer id -> value, of scores of single answers alone."""

    answers_by_prompt: Mapping[str, tuple[ScoredAnswer, ...]]
    values: Mapping[str, Mapping[str, float | None]]
    reasons: Mapping[str, Mapping[str, int]]  # score -> why values are missing -> how many
    agreements: Mapping[str, QuestionAgreement]  # by prompt; empty, like the next two, where it is not of `fact score consistency`
    types: Mapping[str, QuestionType]  # by prompt: known, unknown or filtered
    thresholds: Mapping[str, float | None]  # tau_k and tau_l that they were sorted by

    def name(self, wanted: str) -> str:
        """The score's full name; "" takes the only one. Raises SettingsError where none or several fit."""
        have = sorted(self.values)
        if not wanted and len(have) == 1:
            return have[0]
        if wanted not in self.values:
            what = f"there is no score {wanted!r}{nearest(wanted, have)}" if wanted else f"there are {len(have)} scores"
            raise SettingsError(what, f"choose one with --by: {', '.join(have)}")
        return wanted


def read_scored(artifact: Artifact) -> Scored:
    """Raises InputError where no single answer is scored."""
    by_prompt: dict[str, list[ScoredAnswer]] = defaultdict(list)
    answer_ids: set[str] = set()
    for answer in artifact.rows("answers", ScoredAnswer):
        by_prompt[answer.prompt_id].append(answer)
        answer_ids.add(answer.id)
    values: dict[str, dict[str, float | None]] = defaultdict(dict)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for score in artifact.rows("scores", Score):
        if score.of not in answer_ids:  # of all answers to a prompt together
            continue
        values[score.name][score.of] = score.value
        if score.value is None:
            reasons[score.name][score.reason or "no value"] += 1
    if not values:
        raise InputError(f"{artifact.ref} scores no single answers", MADE_BY)
    by_question = {row.id: row for row in _rows(artifact, "agreement", QuestionAgreement)}
    types = {row.id: row for row in _rows(artifact, "question_types", QuestionType)}
    thresholds: dict[str, float | None] = {row.id: row.value for row in _rows(artifact, "thresholds", Threshold)}
    return Scored({key: tuple(rows) for key, rows in by_prompt.items()}, values, reasons, by_question, types, thresholds)


def _rows(artifact: Artifact, table: str, row_type: type[Row]) -> Iterator[Row]:
    """None where another command scored: factscore's `agreement` is that of judges."""
    if "question_types" in artifact.manifest.tables:
        yield from artifact.rows(table, row_type)

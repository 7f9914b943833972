"""A scores artifact, read: answers by prompt, values by score, and how far the samples of each question agree."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from factcli.artifact import Artifact
from factcli.errors import InputError, SettingsError, nearest
from factcli.scorerows import Score, ScoredAnswer

MADE_BY = "give what `fact score factscore`, `confidence` or `consistency` made"


class Agreement(NamedTuple):
    """1 - S of a question (spec §4.4): of samples without document, and with it. None where there is none."""

    without_document: float | None
    with_document: float | None


@dataclass(frozen=True, slots=True)
class Scored:
    """Prompts in the order of the input. `values`: score -> answer id -> value, of scores of single answers alone."""

    answers_by_prompt: Mapping[str, tuple[ScoredAnswer, ...]]
    values: Mapping[str, Mapping[str, float | None]]
    agreements: Mapping[str, Agreement]  # by prompt
    reasons: Mapping[str, Mapping[str, int]]  # score -> why values are missing -> how many

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
    return Scored({key: tuple(rows) for key, rows in by_prompt.items()}, values, dict(_agreements(artifact)), reasons)


def _agreements(artifact: Artifact) -> Iterator[tuple[str, Agreement]]:
    """Of the table that says which questions are known, if the artifact has one."""
    for table, n_rows in artifact.manifest.tables.items():
        if not n_rows:
            continue
        with artifact.file(f"{table}.jsonl").open("rb") as file:
            for line in file:
                row = json.loads(line)
                if "s_without_document" not in row:
                    break
                yield str(row["id"]), Agreement(_turned(row["s_without_document"]), _turned(row.get("s_with_document")))


def _turned(contradiction: float | None) -> float | None:
    return None if contradiction is None else 1 - contradiction

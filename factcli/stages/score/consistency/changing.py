"""What became of the questions of an earlier model: known ones that were forgotten, unknown ones that were learned (spec §4.6, `--known`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from factcli import stats
from factcli.artifact import Artifact
from factcli.consistencyrows import KnownType, QuestionChange, QuestionType
from factcli.errors import InputError
from factcli.stages.score.consistency.sources import Question

WAY_OUT = "--before REF: scores of `fact score consistency` on the same questions, answered by the model before (fact synth wiki --questions REF)"


def types_of(before: Artifact, questions: Sequence[Question]) -> dict[str, QuestionType]:
    """What the earlier scores say of each question. Raises InputError where they are about others."""
    if "question_types" not in before.manifest.tables:
        raise InputError(f"{before.ref} does not say which questions are known", WAY_OUT)
    found = {row.id: row for row in before.rows("question_types", QuestionType)}
    if not any(question.id in found for question in questions):
        raise InputError(f"{before.ref} is about other questions than those that are scored", WAY_OUT)
    return found


def changes(before: Mapping[str, QuestionType], after: Iterable[QuestionType], clusters: Mapping[str, str]) -> Iterator[QuestionChange]:
    """Of the questions that both have, in the order of `after`."""
    for row in after:
        if (was := before.get(row.id)) is not None:
            yield QuestionChange(row.id, row.split, clusters[row.id], was.type, row.type, was.is_right, row.is_right)


def told(rows: Sequence[QuestionChange], seed: int) -> dict[str, object]:
    """Of the questions that were known (and right), the share that is not so any more; of the unknown ones, the share that is now."""
    known = [row for row in rows if row.before == "known" and _has_it(row.before, row.was_right)]
    unknown = [row for row in rows if row.before == "unknown" and not _has_it(row.before, row.was_right)]
    return {
        "compared": len(rows),
        "known_forgotten": _share(known, lambda row: not _has_it(row.after, row.is_right), seed),
        "unknown_learned": _share(unknown, lambda row: _has_it(row.after, row.is_right), seed),
    }


def _has_it(type: KnownType, is_right: bool | None) -> bool:
    return type == "known" if is_right is None else is_right


def _share(rows: Sequence[QuestionChange], counts: Callable[[QuestionChange], bool], seed: int) -> dict[str, float | int | None]:
    found = stats.share([stats.Item(row.cluster, float(counts(row)), 1.0) for row in rows], seed=seed)
    return {"share": found.value, "low": found.low, "high": found.high, "n": len(rows)}

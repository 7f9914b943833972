"""One model against another on the same subjects: what it keeps, what it gains, and paired differences.

Every comparison is a `Bootstrap`, so that it can be printed for one world (`estimate`) or carried to many
(`seed_subject_bootstrap`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.metrics import Metric, accuracy_items, correct_items, groups_of, is_judged, ranked_claims, row
from factcli.rows import Answer, Claim
from factcli.stats import Bootstrap, Item, bootstrap_ratio, share, share_at_equal_claims
from factcli.stats.bounds import UNIT

FactKey = tuple[str, str]  # (subject, relation)
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Results:
    """What one model said on one benchmark: graded answers, biographies and their claims."""

    questions: Sequence[Answer]
    biographies: Sequence[Answer]
    claims: Sequence[Claim]

    @property
    def is_some(self) -> bool:
        return bool(self.questions or self.biographies)

    def of_groups(self, members: Iterable[str]) -> "Results":
        keep = set(members)
        return Results(
            [answer for answer in self.questions if answer.group in keep],
            [answer for answer in self.biographies if answer.group in keep],
            [claim for claim in self.claims if claim.group in keep],
        )


def read_results(evaluation: Artifact) -> Results:
    """Answers and claims of a committed evaluation; a benchmark of questions alone has no table of claims."""
    answers = list(evaluation.rows("answers", Answer))
    claims = list(evaluation.rows("claims", Claim)) if "claims" in evaluation.manifest.tables else []
    return Results([a for a in answers if a.task == "qa"], [a for a in answers if a.task == "bio"], claims)


def right_questions(answers: Iterable[Answer]) -> dict[str, bool]:
    """question id -> whether it was answered right."""
    return {answer.question_id: answer.grade == "right" for answer in answers}


def right_facts(claims: Iterable[Claim], facts: Iterable[FactKey]) -> dict[FactKey, bool]:
    """(subject, relation) -> whether the biography told it right: a true claim of it and no false one."""
    verdicts: dict[FactKey, set[str]] = {key: set() for key in facts}
    for claim in claims:
        if is_judged(claim) and (claim.subject, claim.relation) in verdicts:
            verdicts[claim.subject, claim.relation].add(claim.verdict)
    return {key: told == {"supported"} for key, told in verdicts.items()}


def kept_items(base: Mapping[Key, bool], model: Mapping[Key, bool], subject_of: Mapping[Key, str]) -> list[Item]:
    """Retention: of what the base has right, what the model still has right."""
    _require_same_keys(base, model)
    return [Item(subject_of[key], base[key] and model[key], base[key]) for key in base]


def gained_items(base: Mapping[Key, bool], model: Mapping[Key, bool], subject_of: Mapping[Key, str]) -> list[Item]:
    """Extraction: of what the base has wrong, what the model has right."""
    _require_same_keys(base, model)
    return [Item(subject_of[key], not base[key] and model[key], not base[key]) for key in base]


def _require_same_keys(base: Mapping[Key, bool], model: Mapping[Key, bool]) -> None:
    if base.keys() != model.keys():
        n_odd = len(base.keys() ^ model.keys())
        raise InputError(
            f"{n_odd} of {len(base.keys() | model.keys())} items were asked of only one model",
            hint="evaluate both on the same world, with the same limit",
        )


def retention_metrics(base: Results, model: Results, facts: Iterable[FactKey]) -> list[Metric]:
    """Retention and extraction by group. `base` is the untouched base asked in the task's form.

    `facts`: the (subject, relation) pairs of the asked people, which biographies might tell.
    """
    known = list(facts)
    rows: list[Metric] = []
    for group, members in groups_of(base.questions or base.biographies).items():
        rows += _retention_rows(base.of_groups(members), model.of_groups(members), known, group)
    return rows


def _retention_rows(base: Results, model: Results, facts: Sequence[FactKey], group: str) -> list[Metric]:
    rows: list[Metric] = []
    if base.questions:
        subject_of = {answer.question_id: answer.subject for answer in base.questions}
        before, after = right_questions(base.questions), right_questions(model.questions)
        rows.append(row("qa.retention", group, share(kept_items(before, after, subject_of))))
        rows.append(row("qa.extraction", group, share(gained_items(before, after, subject_of))))
    if base.biographies:
        asked = {answer.subject for answer in base.biographies}
        told = {key: key[0] for key in facts if key[0] in asked}
        had, has = right_facts(base.claims, told), right_facts(model.claims, told)
        rows.append(row("bio.retention", group, share(kept_items(had, has, told))))
        rows.append(row("bio.extraction", group, share(gained_items(had, has, told))))
    return rows


def _share_of(items: Iterable[Item]) -> Bootstrap:
    return bootstrap_ratio(items, bounds=UNIT)


def accuracy_difference(model: Results, other: Results) -> Bootstrap:
    """Accuracy on questions, model minus other."""
    return _share_of(accuracy_items(model.questions)).minus(_share_of(accuracy_items(other.questions)))


def share_correct_difference(model: Results, other: Results) -> Bootstrap:
    """Share of correct claims, each model at its own number of claims: read it beside number_correct_difference."""
    mine, others = (_share_of(correct_items(r.biographies, r.claims)) for r in (model, other))
    return mine.minus(others)


def number_correct_difference(model: Results, other: Results) -> Bootstrap:
    """Correct claims per biography, model minus other."""
    mine, others = (bootstrap_ratio(_number_items(r)) for r in (model, other))
    return mine.minus(others)


def _number_items(results: Results) -> list[Item]:
    right = [Item(claim.subject, 1, 0) for claim in results.claims if claim.verdict == "supported"]
    return right + [Item(answer.subject, 0, 1) for answer in results.biographies]


def equal_claims_difference(model: Results, other: Results) -> Bootstrap:
    """Share correct of the two models' surest claims, the same number of each, model minus other."""
    asked = {answer.subject for results in (model, other) for answer in results.biographies}
    cut = share_at_equal_claims({"model": ranked_claims(model.claims), "other": ranked_claims(other.claims)}, asked)
    return cut.by_method["model"].minus(cut.by_method["other"])


def retention_difference(model: Results, other: Results, base: Results) -> Bootstrap:
    """Share of the base's right questions that the model keeps, minus the share that the other keeps."""
    subject_of = {answer.question_id: answer.subject for answer in base.questions}
    before = right_questions(base.questions)
    mine, others = (_share_of(kept_items(before, right_questions(r.questions), subject_of)) for r in (model, other))
    return mine.minus(others)


def difference_metrics(model: Results, other: Results, base: Results) -> list[Metric]:
    """All paired differences of two models, by group; empty tasks give no rows."""
    rows: list[Metric] = []
    for group, members in groups_of(base.questions or base.biographies).items():
        mine, others, start = (results.of_groups(members) for results in (model, other, base))
        rows += _difference_rows(mine, others, start, group)
    return rows


def _difference_rows(model: Results, other: Results, base: Results, group: str) -> list[Metric]:
    found: dict[str, Bootstrap] = {}
    if model.questions:
        found["qa.accuracy_difference"] = accuracy_difference(model, other)
        found["qa.retention_difference"] = retention_difference(model, other, base)
    if model.biographies:
        found["bio.share_correct_difference"] = share_correct_difference(model, other)
        found["bio.number_correct_difference"] = number_correct_difference(model, other)
        found["bio.share_correct_at_equal_claims_difference"] = equal_claims_difference(model, other)
    return [row(metric, group, difference.estimate()) for metric, difference in found.items()]

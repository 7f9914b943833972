"""Verdicts of every judge on every claim, unit by unit: what is there is kept, what fails is unscored and counted, one bill.

A unit is a claim and a judge; where a request is about the claims of an answer, a portion of them and a judge. Judges follow
one another, so a server is never idle for another, and money that one has spent is gone for the next.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from factcli.artifact import Draft
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit, fill, imagine, usage_of
from factcli.backends.opening import Backend
from factcli.backends.planning import Estimate
from factcli.backends.probing import Need
from factcli.errors import SettingsError, TooManyFailuresError
from factcli.judge.entailers import loaded
from factcli.judge.verdicts.asking import Asking, all_claims, asker_of, one_claim, portions, templates_of, verdict_id
from factcli.judge.verdicts.deciding import EntailmentJudging, Weighed, WorldJudging
from factcli.judge.verdicts.judges import EntailmentJudge, Judge, LanguageJudge, WorldJudge
from factcli.judge.verdicts.reading import unscored
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.judge.verdicts.showing import Showing, Shown
from factcli.knowledge.evidence import Evidence
from factcli.progress import Report
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, ScoredAnswer

TABLES: dict[str, type] = {"verdicts": ClaimVerdict, "evidence": EvidencePassage}  # beside those of backends/filling.py
TOGETHER = 256  # claims that an entailment model is given at once: what a kill may cost


@dataclass(frozen=True, slots=True)
class Matter:
    """What is judged: answers in their order, the claims of each by its id, and what they are held against."""

    answers: Sequence[ScoredAnswer]
    claims: Mapping[str, Sequence[AnswerClaim]]
    evidence: Evidence | None = None

    def __iter__(self) -> Iterator[tuple[ScoredAnswer, Sequence[AnswerClaim]]]:
        """Answers that have claims."""
        return ((answer, self.claims[answer.id]) for answer in self.answers if self.claims.get(answer.id))


@dataclass(frozen=True, slots=True)
class Portion:
    """A unit of work: claims of one answer and a judge. `order` is the place of its first claim among all."""

    name: str
    order: int
    answer: ScoredAnswer
    claims: Sequence[AnswerClaim]


def prompts_of(judges: Sequence[Judge], config: JudgeConfig) -> dict[str, str]:
    """Template -> sha256, for Plan.prompts."""
    names = {name for judge in judges if isinstance(judge, LanguageJudge) for name in templates_of(judge, config)}
    return digests(load_templates(sorted(names)))


def require_evidence(evidence: Evidence | None, judges: Sequence[Judge], config: JudgeConfig) -> None:
    """Raises SettingsError where judges need passages and there are none to be had: asked before claims are paid for."""
    for judge in judges:
        if config.evidence == "none" and isinstance(judge, EntailmentJudge):
            raise SettingsError(f"{judge.name} judges by passages, and evidence is none", "leave judge.evidence at passages, and give a knowledge pack")
        if config.evidence == "passages" and evidence is None and not isinstance(judge, WorldJudge):
            raise SettingsError(
                f"{judge.name} judges by passages, and no evidence is given",
                "give a knowledge pack: --pack REF (`fact pack build` makes one); "
                "or --set judge.evidence=none for what a language model knows by itself, which is no evidence",
            )


def fill_verdicts(draft: Draft, matter: Matter, judges: Sequence[Judge], config: JudgeConfig, report: Report, first_order: int = 0) -> dict[str, Any]:
    """Every judge's verdict on every claim, in the tables `verdicts`, `evidence`, `origins` and `rejected`; gives the usage.

    Rows stand in the order of answers, units and judges, from `first_order` on: `by_claim` brings together what is about one
    claim. A request that no answer comes to is a
    verdict `unscored` with its cause besides the counted failure. Raises TooManyFailuresError, BackendError, BudgetError.
    """
    require_evidence(matter.evidence, judges, config)
    showing = _Shown(Showing(matter.evidence, config), matter)
    if any(not isinstance(judge, WorldJudge) for judge in judges):
        _write_evidence(draft, matter, showing, len(judges), first_order)
    usages: dict[str, dict[str, Any]] = {}
    for judge in judges:
        todo = list(portions_of(matter, judge, len(judges), config, first_order))
        if isinstance(judge, LanguageJudge):
            usages[judge.name] = _ask(draft, judge, todo, showing, config, report)
        elif isinstance(judge, EntailmentJudge):
            usages[judge.name] = _hold(draft, judge, todo, showing, config, report)
        else:
            _look_up(draft, judge, todo)
    return added(usages)


def imagine_verdicts(matter: Matter, judges: Sequence[Judge], config: JudgeConfig) -> list[Estimate]:
    """What `fill_verdicts` would buy from each judge that is asked."""
    require_evidence(matter.evidence, judges, config)
    showing = _Shown(Showing(matter.evidence, config), matter)
    asked = [judge for judge in judges if isinstance(judge, LanguageJudge)]
    return [imagine(judge.who, _units(judge, list(portions_of(matter, judge, len(judges), config, 0)), showing, config)) for judge in asked]


def portions_of(matter: Matter, judge: Judge, n_judges: int, config: JudgeConfig, first_order: int) -> Iterator[Portion]:
    """The units of a judge, in order."""
    place = first_order
    is_batched = isinstance(judge, LanguageJudge) and judge.at_once == "answer"
    for answer, claims in matter:
        for number, some in enumerate(portions(claims, config) if is_batched else ([claim] for claim in claims)):
            what = f"{answer.id} portion {number}" if is_batched else some[0].id
            yield Portion(f"verdict {what} j{judge.number}", place * n_judges + judge.number, answer, some)
            place += len(some)


def page_matches(matter: Matter) -> dict[str, int]:
    """Answers by how their topic was found: exact, redirect, ..., absent; `open` for those without a topic."""
    if matter.evidence is None:
        return {}
    found = Counter(matter.evidence.find_page(answer.topic).match if answer.topic.strip() else "open" for answer in matter.answers)
    return dict(sorted(found.items()))


def require_scored(draft: Draft, config: JudgeConfig) -> dict[str, Any]:
    """Counts of the verdicts by judge, for the manifest. Raises TooManyFailuresError where more are unscored than allowed."""
    by_judge: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    firsts: dict[str, str] = {}  # by judge
    for row in draft.rows("verdicts"):
        by_judge.setdefault(row["judge"], Counter())[row["verdict"]] += 1
        if row["verdict"] == "unscored":
            reasons[row["reason"]] += 1
            firsts.setdefault(row["judge"], f"{row['claim_id']}: {row['reason']}")
    for judge, verdicts in by_judge.items():
        share = verdicts["unscored"] / verdicts.total()
        if share > config.max_unscored:
            worst = ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3) if n)
            raise TooManyFailuresError(
                f"{judge} left {verdicts['unscored']} of {verdicts.total()} claims unscored, more than the {config.max_unscored:.0%} allowed: {worst}"
                f" (first {firsts[judge]})",
                f"a score of the rest may be far off; see to the cause, or allow more: --set judge.max_unscored={min(1.0, share + 0.01):.2f}",
            )
    return {"verdicts": {judge: dict(sorted(counts.items())) for judge, counts in by_judge.items()}, "unscored": dict(sorted((+reasons).items()))}


def added(usages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One bill of several: numbers added up, what is not a number by judge."""
    total: dict[str, Any] = {}
    for name, usage in usages.items():
        for field, value in usage.items():
            if field == "server_lacks":
                total.setdefault(field, {})[name] = value
            elif isinstance(value, Mapping):
                total[field] = {key: round(total.get(field, {}).get(key, 0) + value.get(key, 0), 6) for key in {**total.get(field, {}), **value}}
            else:
                total[field] = round(total.get(field, 0) + value, 6)
    return total | ({"by_judge": dict(usages)} if len(usages) > 1 else {})


class _Shown:
    """What is shown about each answer, found when it is first needed and kept for the judges after."""

    def __init__(self, showing: Showing, matter: Matter) -> None:
        self._showing = showing
        self._matter = matter
        self._found: dict[str, Shown] = {}

    def of(self, answer: ScoredAnswer) -> Shown:
        if answer.id not in self._found:
            self._found[answer.id] = self._showing.of(answer, self._matter.claims[answer.id])
        return self._found[answer.id]


def _write_evidence(draft: Draft, matter: Matter, showing: _Shown, n_judges: int, first_order: int) -> None:
    place = first_order
    for answer, claims in matter:
        if not draft.done(f"evidence {answer.id}"):
            draft.write(f"evidence {answer.id}", place * n_judges, {"evidence": showing.of(answer).passages})
        place += len(claims)


def _units(judge: LanguageJudge, todo: Iterable[Portion], showing: _Shown, config: JudgeConfig) -> Iterator[Unit]:
    asker = asker_of(judge, config)
    for portion in todo:
        yield Unit(portion.name, portion.order, _Chain(judge, asker, portion, showing, config))


@dataclass(frozen=True, slots=True)
class _Chain:
    """Begins the chain of a portion."""

    judge: LanguageJudge
    asker: Asker
    portion: Portion
    showing: _Shown
    config: JudgeConfig

    def __call__(self) -> Chain[Rows]:
        asking = Asking(self.judge, self.asker, self.config, self.portion.answer, self.showing.of(self.portion.answer))
        if self.judge.at_once == "answer":
            return all_claims(asking, self.portion.claims, self.portion.name)
        return one_claim(asking, self.portion.claims[0])


def _ask(draft: Draft, judge: LanguageJudge, todo: Sequence[Portion], showing: _Shown, config: JudgeConfig, report: Report) -> dict[str, Any]:
    n_others = len(draft) - sum(draft.done(portion.name) for portion in todo)
    is_single = judge.at_once == "claim" or config.left_out == "ask"
    needs: list[Need] = ["choices"] if config.by == "probability" and is_single else []
    units, title = _units(judge, todo, showing, config), f"Judging by {judge.name}"
    backend = fill(draft, judge.who, units, len(todo), report, title, needs, n_first=n_others, is_greedy=True)
    _write_failed(draft, judge, todo)
    return usage_of_judge(draft, judge, backend)


def _write_failed(draft: Draft, judge: LanguageJudge, todo: Sequence[Portion]) -> None:
    """A verdict for each claim that no answer came to: nothing is missing from the table."""
    failed = {row["id"]: row for row in draft.rows("rejected") if row["is_failure"]}
    for portion in todo:
        if portion.name in failed and not draft.done(f"{portion.name} unscored"):
            opinion, request = unscored(failed[portion.name]["reason"]), failed[portion.name]["request"]
            rows = [_row(claim, judge, Weighed(opinion, ()), request) for claim in portion.claims]
            draft.write(f"{portion.name} unscored", portion.order, {"verdicts": rows})


def usage_of_judge(draft: Draft, judge: LanguageJudge, backend: Backend) -> dict[str, Any]:
    """As `usage_of`, of this judge's requests only."""
    keys = {row["request"] for row in draft.rows("verdicts") if row["judge"] == judge.name} - {""}
    return usage_of(draft, judge.who, backend, keys)


def _hold(draft: Draft, judge: EntailmentJudge, todo: Sequence[Portion], showing: _Shown, config: JudgeConfig, report: Report) -> dict[str, Any]:
    """Claims against passages, many at a time."""
    missing = iter([portion for portion in todo if not draft.done(portion.name)])
    some = list(islice(missing, TOGETHER))
    if not some:
        return {}
    report.begin(f"Judging by {judge.name}", len(todo))
    entailer = loaded(judge.ref)
    judging = EntailmentJudging(entailer, config)
    while some:
        weighed = judging.weighed([(portion.claims[0], showing.of(portion.answer)) for portion in some])
        for portion, one in zip(some, weighed, strict=True):
            draft.write(portion.name, portion.order, {"verdicts": [_row(portion.claims[0], judge, one)]})
        report.update(sum(draft.done(portion.name) for portion in todo), len(todo))
        some = list(islice(missing, TOGETHER))
    report.end()
    return {"premises_cut": entailer.n_truncated}


def _look_up(draft: Draft, judge: WorldJudge, todo: Sequence[Portion]) -> None:
    judging = WorldJudging(judge.world)
    for portion in todo:
        if not draft.done(portion.name):
            weighed = judging.weighed(portion.answer, portion.claims[0])
            draft.write(portion.name, portion.order, {"verdicts": [_row(portion.claims[0], judge, weighed)]})


def _row(claim: AnswerClaim, judge: Judge, weighed: Weighed, request: str = "") -> ClaimVerdict:
    opinion = weighed.opinion
    return ClaimVerdict(verdict_id(claim, judge.number), claim.id, judge.name, opinion.verdict, opinion.reason, opinion.probability, weighed.evidence, request)

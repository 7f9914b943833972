"""Several judges: one verdict on each claim, and how far they agree."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from factcli.judge.verdicts.reading import Opinion, unscored
from factcli.judge.verdicts.settings import Rule
from factcli.scorerows import ClaimVerdict
from factcli.stats import cohen_kappa, fleiss_kappa, raw_agreement

SPLIT = "the judges are split"
DIFFER = "the judges differ"


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far two judges agree, or all of them (`second` is "all": Fleiss' kappa). Claims that one left unscored are left out and counted."""

    first: str
    second: str
    n_claims: int
    n_left_out: int
    raw: float | None  # share of claims with one verdict, of all judges
    kappa: float | None  # None where it is not defined


def by_claim(verdicts: Iterable[ClaimVerdict]) -> dict[str, list[ClaimVerdict]]:
    """The verdicts on each claim, in the order of the judges, which ends their ids."""
    found: dict[str, list[ClaimVerdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.claim_id, []).append(verdict)
    return {claim: sorted(of_claim, key=lambda one: int(one.id.rpartition(".j")[2])) for claim, of_claim in found.items()}


def combined(verdicts: Sequence[ClaimVerdict], rule: Rule) -> Opinion:
    """One verdict of all judges of a claim. The probability is the first judge's own, where its verdict is the one taken.

    first      the first judge's
    majority   that of most who scored it; a tie is unscored
    unanimous  that of all; unscored where one differs or left it unscored
    """
    assert verdicts, "a claim has a verdict of each judge"
    first = verdicts[0]
    if rule == "first":
        return Opinion(first.verdict, first.reason, first.probability)
    votes = Counter(one.verdict for one in verdicts if one.verdict != "unscored")
    if not votes:
        return unscored(first.reason)
    (best, n_best), *others = votes.most_common()
    if rule == "unanimous" and n_best < len(verdicts):
        return unscored(DIFFER)
    if others and others[0][1] == n_best:
        return unscored(SPLIT)
    chosen = next(one for one in verdicts if one.verdict == best)
    return Opinion(best, chosen.reason, first.probability if first.verdict == best else None)


def agreement(claims: Mapping[str, Sequence[ClaimVerdict]], judges: Sequence[str]) -> list[JudgeAgreement]:
    """Each pair of judges, and all of them where they are three or more. `judges`: their names, in order."""
    rows = [{one.judge: one.verdict for one in verdicts} for verdicts in claims.values()]
    found = [_pair(rows, first, second) for first, second in combinations(judges, 2)]
    return found + ([_all(rows, judges)] if len(judges) > 2 else [])


def _pair(rows: Sequence[Mapping[str, str]], first: str, second: str) -> JudgeAgreement:
    scored = _scored(rows, (first, second))
    one, other = [row[0] for row in scored], [row[1] for row in scored]
    return JudgeAgreement(first, second, len(scored), len(rows) - len(scored), raw_agreement(one, other), cohen_kappa(one, other))


def _all(rows: Sequence[Mapping[str, str]], judges: Sequence[str]) -> JudgeAgreement:
    scored = _scored(rows, judges)
    raw = sum(len(set(row)) == 1 for row in scored) / len(scored) if scored else None
    return JudgeAgreement(judges[0], "all", len(scored), len(rows) - len(scored), raw, fleiss_kappa(scored))


def _scored(rows: Sequence[Mapping[str, str]], judges: Sequence[str]) -> list[tuple[str, ...]]:
    """The verdicts of these judges on the claims that all of them scored."""
    named = [tuple(row.get(judge, "unscored") for judge in judges) for row in rows]
    return [verdicts for verdicts in named if "unscored" not in verdicts]

"""What is wrong with preference pairs, before a model learns it: `lint` finds, and says which pairs are to be left out.

members.py   a pair's own answers        orders.py   what pairs prefer, against one another and against scores
leaks.py     one text in two splits, items of an evaluation        lengths.py   lengths that give the right answer away

F-DPO (arXiv 2601.03027) turns pairs round whose chosen answer is labelled less factual. Here they are found, and left out where
`drop` says so: which of the two labels is wrong nobody knows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from factcli.answerrows import FindingKind, Pair, PairFinding, PairMeasure
from factcli.artifact import Draft
from factcli.artifact.read import row_reader
from factcli.config import Config, setting
from factcli.judge.pairlint import leaks, lengths, members, orders
from factcli.judge.pairlint.found import EvalItem, Found, Known, Member
from factcli.judge.pairlint.lengths import LengthFilter

__all__ = ["EvalItem", "Known", "LintConfig", "Linted", "Member", "lint", "lint_draft"]

UNIT, LAST = "findings of the linter", 1 << 60  # a unit after all others
DROPPED: tuple[FindingKind, ...] = ("empty", "equal", "duplicate", "contradiction", "cycle", "leaked-prompt", "leaked-answer")


class LintConfig(Config):
    """What counts as a finding, and which findings leave a pair out."""

    drop: tuple[FindingKind, ...] = setting(DROPPED, "Findings that leave a pair out; the others are only reported.")
    near_duplicate: float = setting(0.9, "ROUGE-L from which the two answers of a pair are nearly the same.", gt=0, le=1)
    leaked_words: int = setting(8, "Words from which a text in two splits, or an evaluation item in an answer, is a leak.", ge=1)
    max_share_longer: float = setting(0.6, "Share of pairs whose chosen answer is longer; beyond it, or below 1 less it, lengths are biased.", ge=0.5, le=1)
    max_length_ratio: float = setting(1.2, "Geometric mean of chosen by rejected length; beyond it, or below 1 by it, lengths are biased.", ge=1)
    max_correlation: float = setting(0.3, "Correlation of margin and length difference; beyond it, or below less it, lengths are biased.", ge=0, le=1)
    length_filter: LengthFilter = setting("none", "mean leaves out pairs whose lengths differ by more words than the mean difference.")
    longest_ratio: float | None = setting(None, "Leave out pairs with one answer more than so many times as long as the other.", ge=1)
    balance: bool = setting(False, "Leave out the most unequal pairs until the chosen answer is longer as often as shorter, in each split.")


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in all pairs, those that stay, and the figures of those."""

    kept: tuple[Pair, ...]
    findings: tuple[PairFinding, ...]
    measures: tuple[PairMeasure, ...]

    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        return dict(sorted(Counter(finding.kind for finding in self.findings).items()))


def lint(pairs: Sequence[Pair], config: LintConfig, known: Known) -> Linted:
    """Checks first, then lengths of what they leave: filter, balance, and the figures of what stays."""
    found = [
        *members.findings(pairs, known.members, config.near_duplicate),
        *orders.findings(pairs, known.scores),
        *leaks.findings(pairs, known.against, config.leaked_words),
    ]
    kept = _without(pairs, (one for one in found if one.kind in config.drop))
    filtered = list(lengths.too_unequal(kept, config.length_filter, config.longest_ratio))
    kept = _without(kept, filtered)
    too_many = list(lengths.unbalanced(kept)) if config.balance else []
    kept = _without(kept, too_many)
    measures = lengths.measures(kept, config.max_share_longer, config.max_length_ratio, config.max_correlation)
    rows = [*_rows(found, config.drop), *_rows([*filtered, *too_many], ("length-filter", "unbalanced")), *_biases(measures)]
    return Linted(tuple(kept), tuple(rows), measures)


def lint_draft(draft: Draft) -> dict[str, int]:
    """Writes what is found in the pairs of a draft, all of which stay; gives the findings by kind."""
    read = row_reader(Pair)
    linted = lint([read(row) for row in draft.rows("pairs")], LintConfig(drop=()), Known())
    if not draft.done(UNIT):
        draft.write(UNIT, LAST, {"findings": linted.findings, "measures": linted.measures})
    return linted.counts()


def _without(pairs: Sequence[Pair], found: Iterable[Found]) -> list[Pair]:
    gone = {one.pair_id for one in found}
    return [pair for pair in pairs if pair.id not in gone]


def _rows(found: Iterable[Found], drop: Sequence[FindingKind]) -> list[PairFinding]:
    numbers: Counter[str] = Counter()
    rows = []
    for one in found:
        id_ = f"{one.pair_id}.{one.kind}"
        numbers[id_] += 1
        unique = id_ if numbers[id_] == 1 else f"{id_}{numbers[id_]}"
        rows.append(PairFinding(unique, one.kind, one.pair_id, one.other_id, one.text, one.value, one.kind in drop))
    return rows


def _biases(measures: Iterable[PairMeasure]) -> list[PairFinding]:
    return [
        PairFinding(f"length-bias.{one.id}", "length-bias", "", "", f"{one.id} is {_told(one)}, need {one.least:.2f} to {one.most:.2f}", one.value, False)
        for one in measures
        if one.is_beyond
    ]


def _told(measure: PairMeasure) -> str:
    return f"{measure.value:.2f} [{measure.low:.2f}, {measure.high:.2f}]"

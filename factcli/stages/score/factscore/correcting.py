"""What people would say, where a calibration card knows how this judge differs from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.backends.opening import Answering
from factcli.judge.cards.attaching import attached, basis_of, find_card
from factcli.judge.scores.aggregate import precision, precision_of_relevant
from factcli.judge.scores.answers import Response
from factcli.judge.verdicts.judges import Judge
from factcli.stages.score.factscore.settings import FactscoreConfig


def corrected(
    root: Path, config: FactscoreConfig, reader: Answering | None, judges: Sequence[Judge], pack: Artifact | None, responses: Sequence[Response]
) -> dict[str, Any]:
    """For the summary: the newest card of the judge that counts and the same reader of claims, and the score that follows; {} without one.

    A card is of one judge: where the verdicts of several are combined there is none.
    """
    if not judges or (len(judges) > 1 and config.judge.combine != "first"):
        return {}
    basis = basis_of(judges[0], config.judge, config.claims, reader)
    card = find_card(root, basis)
    if card is None:
        return {}
    share = precision if card.summary.get("irrelevant") == "counted" else precision_of_relevant
    return attached(root, basis, [(response.cluster, share(response.counts)) for response in responses], pack)


def said(correction: Mapping[str, Any]) -> str:
    """For the headline."""
    value, low, high = (correction.get(name) for name in ("human_score", "low", "high"))
    if value is None:
        return f"; {correction['card']} corrects nothing: {correction['reason']}" if correction else ""
    ends = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    return f"; people would say {value:.3f}{ends} by {correction['card']}"

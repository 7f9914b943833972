"""What changed, in words: the first of each kind with the training row nearest to it. Texts of models are shown without control characters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from factcli.comparisonrows import ChangedClaim

FIRST_CHANGES = 3  # of each kind that are printed; all are in the artifact
LONGEST = 90


def rendered(changed: Iterable[ChangedClaim], summary: Mapping[str, Any]) -> RenderableType:
    """`summary`: of the comparison."""
    rows = list(changed)
    said: list[RenderableType] = []
    for model in dict.fromkeys(row.model for row in rows):
        for change in ("gained", "lost", "invented"):
            own = [row for row in rows if (row.model, row.change) == (model, change)]
            if own:
                meant = _meant(summary.get("changed", {}).get(model, {})) if change == "invented" else ""
                said.append(Text(f"{model} {change} {len(own):,}{meant}:", style="bold"))
                said += [Text(line) for row in own[:FIRST_CHANGES] for line in _lines(row)]
    return Group(*said, *(Text(line, style="dim") for line in _not_traced(summary)))


def _meant(counts: Mapping[str, int]) -> str:
    """What the new falsehoods stand for, and the net; nothing of a comparison of earlier versions."""
    if "falsehoods_net" not in counts:
        return ""
    said = {"something right": "invented_for_right", "silence": "invented_for_silence", "another falsehood": "invented_for_falsehood"}
    told = ", ".join(f"{counts[name]:,} for {what}" for what, name in said.items())
    net, dropped = counts["falsehoods_net"], counts["falsehoods_dropped"]
    return f" ({told}; it dropped {dropped:,} falsehoods of the baseline: {net:+,} net)"


def _not_traced(summary: Mapping[str, Any]) -> list[str]:
    return [f"{model}: not searched for near rows: {_shown(what, 300)}" for model, missing in summary.get("not_traced", {}).items() for what in missing]


def _lines(row: ChangedClaim) -> Sequence[str]:
    told_before = f"; before: {_shown(row.before)}" if row.before and row.change != "lost" else f"; now: {_shown(row.after)}" if row.after else ""
    lines = [f"  {_shown(row.question)} -> {_shown(row.claim)}{told_before}"]
    if row.near_ids:
        lines.append(f"    near: {_shown(row.near_texts[0])} ({row.near_whys[0]}; {row.near_ids[0]} of {row.near_sources[0]})")
    return lines


def _shown(text: str, longest: int = LONGEST) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."

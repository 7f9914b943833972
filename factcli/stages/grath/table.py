"""The rounds of a loop as a Markdown table: the start first, then each round with what was decided about it."""

from collections.abc import Sequence

from factcli.preferencerows import Drift, Round

HEAD = ("round", "from", "reference", "pairs", "new", "kept", "right", "pairs in order", "KL", "tokens", "repeating", "refusing", "empty")


def rounds_table(start: Drift, rounds: Sequence[Round]) -> str:
    """`new`: pairs with a right answer of this round. `KL`: from the start, nats per answer. `pairs in order`: held-out ones of round 0."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    lines.append(_line(["start", start.model, "", "", "", "", *_figures(start.accuracy, start.pair_accuracy, start)]))
    for row in rounds:
        said = [str(row.round), row.start, row.reference, str(row.pairs), str(row.new_correct), "yes" if row.accepted else "no"]
        lines.append(_line([*said, *_figures(row.dev_accuracy, row.dev_pair_accuracy, row)]))
    reasons = [f"Round {row.round} was rejected: {row.reason}." for row in rounds if not row.accepted]
    return "\n".join([*lines, *(line for reason in reasons for line in ("", reason))])


def _figures(accuracy: float | None, pair_accuracy: float | None, of: Drift | Round) -> list[str]:
    shares = [of.repetition, of.refusals, of.empty]
    return [_share(accuracy), _share(pair_accuracy), _number(of.kl), _number(of.mean_tokens), *(_share(value) for value in shares)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

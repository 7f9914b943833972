"""What `fact dpo` says when it is done: one line, the numbers, and what was left out and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from factcli.artifact import Outcome
from factcli.preferencerows import PreferenceStep
from factcli.stages.dpo.ground import Ground, Reference
from factcli.stages.dpo.rows import ChosenRows
from factcli.stages.dpo.settings import DpoConfig


def outcome(
    config: DpoConfig, ground: Ground, reference: Reference, chosen: ChosenRows, tables: Mapping[str, Sequence[Any]], result: Mapping[str, Any]
) -> Outcome:
    measured = _measured(tables["steps"])
    summary: dict[str, Any] = {
        "recipe": _recipe(ground),
        "base": ground.base.given,
        "method": config.method,
        "start": ground.name,
        "reference": {"is": reference.kind, "name": reference.name, "digest": reference.digest},
        "pairs": result["n_train"],
        "pairs_dev": result["n_dev"],
        "questions": chosen.n_questions,
        **measured,
        "stopped_early": result["is_stopped_early"],
        "kept_step": result["kept_step"],
        "prefix_sharing": result["prefix_sharing"],
        "certificate": {proof.name: proof.numbers for proof in tables["proofs"]},
        "chat_template": result["chat_template"],
    }
    counts = {
        "pairs_given": chosen.n_given,
        "pairs_left_out": dict(sorted(Counter(reject.reason for reject in tables["rejected"]).items())),
        "pairs_of_other_splits": dict(chosen.by_other_split),
        "pairs_turned_round": chosen.n_flipped,
        "pairs_against_their_margin": chosen.n_against_margin,
    }
    return Outcome(_headline(config, len(tables["rejected"]), measured, result), summary, counts, result["usage"])


def _recipe(ground: Ground) -> Any:
    """Of the world that all comes from, if any, for whoever goes on from here."""
    parents = [ground.start] if ground.start else list(ground.base.inputs.values())
    return next((parent.summary["recipe"] for parent in parents if parent.summary.get("recipe")), None)


def _measured(steps: Sequence[PreferenceStep]) -> dict[str, Any]:
    """Figures of the last step's pairs and of the dev pairs after it, and the losses at the start.

    No accuracy at the start: where the reference is the start itself all rewards are 0, and no answer has the higher one.
    """
    train = [row for row in steps if row.split == "train"]
    found: dict[str, Any] = {"steps": max((row.step for row in train), default=0)}
    for split, rows in (("train", train), ("dev", [row for row in steps if row.split == "dev"])):
        if rows:
            last = rows[-1]
            found |= {f"{split}_loss_at_start": rows[0].loss, f"{split}_loss": last.loss}
            found |= {f"{split}_accuracy": last.accuracy, f"{split}_margin": last.margin, f"{split}_kl": last.kl}
    return found


def _headline(config: DpoConfig, n_left_out: int, measured: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    left_out = f" ({n_left_out} left out)" if n_left_out else ""
    early = " (stopped early)" if result["is_stopped_early"] else ""
    kept = f", those of step {result['kept_step']} kept" if result["kept_step"] != measured["steps"] else ""
    accuracies = [f"{split} {measured[f'{split}_accuracy']:.2f}" for split in ("train", "dev") if f"{split}_accuracy" in measured]
    return (
        f"{config.method}: {result['n_train']} pairs{left_out}, {measured['steps']} steps{early}{kept}, "
        f"loss {measured['train_loss_at_start']:.4f} at start, pair accuracy {', '.join(accuracies)} (chance 0.5), {len(result['proofs'])} proofs hold"
    )

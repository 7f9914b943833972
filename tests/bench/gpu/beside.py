"""`fact` beside plain TRL and PEFT, which train one adapter at a time: the same rows in the same order, at the same rates, taking turns.

Both log the loss of every step. Our batches end with an epoch and TRL's do not, so that TRL's last ones hold other rows of it, and ours are never fewer.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.gpu.commands import ALONE, DATA, TEN, VERSIONS, ground
from tests.bench.gpu.figures import GB, Figures, Row, Usage, in_turns, spread, step_seconds, times, usage_row
from tests.bench.gpu.place import TRL, Place, missing

BEST = "TRL + PEFT, best settings"
SIDES = {BEST: True, "TRL + PEFT, as it comes": False}


@dataclass(frozen=True, slots=True)
class Took:
    """What runs of TRL took, one after the other: seconds of the steps alone, bytes at the peak, loss of the last tenth of the last run's steps."""

    seconds: float
    peak_bytes: int
    loss: float


def ten_adapters(place: Place) -> Figures:
    ground(place)
    return side_by_side(place, f"fact prereq, {2 * VERSIONS} adapters in one pass", DATA, TEN, ())


def one_adapter(place: Place) -> Figures:
    """The plain loop: one adapter on both sides."""
    ground(place)
    place.fact("synth", "bio", "--world", "world", "--versions", "1", "--name", "single")
    return side_by_side(place, "fact prereq, one adapter", "single", "one", ("--set", "fictitious_passage=null"))


def side_by_side(place: Place, what: str, synth: str, name: str, more: Sequence[str]) -> Figures:
    gone = missing(TRL)

    def turn() -> tuple[Usage, dict[str, Took]]:
        usage = place.timed(name, "prereq", "--synth", synth, *ALONE, *more)["usage"]
        return usage, {} if gone else {side: theirs(place, (name, synth), is_best) for side, is_best in SIDES.items()}

    turns = in_turns(place, turn)
    usages = [usage for usage, _ in turns]
    rows = [usage_row(what, usages, step_seconds) | {"loss at the end": loss_of(place, name)}]
    if gone:
        return Figures(rows, [f"TRL + PEFT: {', '.join(gone)} not installed"])
    took = {side: [each[side] for _, each in turns] for side in SIDES}
    rows[0]["GB allowed"] = (min(one.peak_bytes for one in took[BEST]) + state_of(place, name)) / GB
    return Figures([*rows, *(row_of(side, own, [step_seconds(usage) for usage in usages]) for side, own in took.items())])


def row_of(side: str, own: Sequence[Took], mine: Sequence[float]) -> Row:
    seconds = [one.seconds for one in own]
    peak = statistics.median(one.peak_bytes for one in own) / GB
    return {"what": side, **spread(seconds), "GB at most": peak, "loss at the end": own[-1].loss, **times(seconds, mine)}


def theirs(place: Place, names: tuple[str, str], is_best: bool) -> Took:
    """All adapters, one run after the other in one process, whose start is not counted."""
    from tests.bench.ten_adapters import plans_of

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plans = plans_of(place.data, folder, is_best, place.device, names)
        place.run([sys.executable, "-m", "tests.bench.trl_run", *(str(plan.write(folder / f"plan{n}.json")) for n, plan in enumerate(plans))])
        took = [json.loads((Path(plan.out) / "took.json").read_text(encoding="utf-8")) for plan in plans]
        losses = json.loads((Path(plans[-1].out) / "losses.json").read_text(encoding="utf-8"))
    return Took(sum(one["seconds"] for one in took), max(one["peak_bytes"] for one in took), last_tenth(losses))


def loss_of(place: Place, name: str) -> float:
    """Mean loss of the last tenth of the steps, of the last adapter."""
    curve = [json.loads(line) for line in (newest(place, name) / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    last = json.loads((newest(place, name) / "adapters.jsonl").read_text(encoding="utf-8").splitlines()[-1])["name"]
    return last_tenth([point["loss"] for point in curve if point["adapter"] == last])


def last_tenth(losses: Sequence[float]) -> float:
    return statistics.mean(losses[-max(1, len(losses) // 10) :])


def state_of(place: Place, name: str) -> int:
    """Bytes of all adapters and AdamW's two moments of each weight, in the adapters' own number format."""
    return 3 * sum(file.stat().st_size for file in newest(place, name).glob("adapters/*/adapter_model.safetensors"))


def newest(place: Place, name: str) -> Path:
    return max((place.data / name).glob("v*"))

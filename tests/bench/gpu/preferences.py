"""The steps of a preference run beside those of plain DPOTrainer: the same pairs in the same batches, reference log-probabilities there before."""

import tempfile
from pathlib import Path

from tests.bench.gpu.commands import DATA, ground
from tests.bench.gpu.figures import Figures, spread, times
from tests.bench.gpu.place import TRL, Place, missing

OURS, THEIRS = "fact dpo", "DPOTrainer"


def dpo(place: Place) -> Figures:
    """Both in this process, one after the other, the first turn only to warm up."""
    ground(place)
    if gone := missing(TRL):
        return Figures(left_out=[f"fact dpo and DPOTrainer: {', '.join(gone)} not installed"])
    from tests.bench.beside_trl import BATCH, PAIRS, job_of, run_ours, run_theirs, write_pairs

    base, bio = (next((place.data / name).glob(f"v*/{file}")) for name, file in (("world", "model"), (DATA, "chats.jsonl")))
    n_biographies = sum('"bio"' in line and '"fictitious": false' in line for line in bio.read_text(encoding="utf-8").splitlines())
    n = min(PAIRS, (n_biographies - 1) // BATCH * BATCH)
    found: dict[str, list[float]] = {OURS: [], THEIRS: []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_pairs(bio, folder / "pairs.jsonl", n)
        for turn in range(place.turns + 1):
            for name, run in ((OURS, run_ours), (THEIRS, run_theirs)):
                seconds = run(job_of(str(base), folder / "pairs.jsonl", folder / f"{name}{turn}", place.device))["train"]
                found[name] += [seconds] if turn else []
    rows = [{"what": f"{name}, {n} pairs", **spread(own)} for name, own in found.items()]
    rows[1] |= times(found[THEIRS], found[OURS])
    return Figures(rows)

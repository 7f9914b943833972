"""The steps of a preference run beside those of plain DPOTrainer: the same pairs in the same batches, reference log-probabilities there before."""

import tempfile
from pathlib import Path

from factcli.config import read_yaml
from factcli.resolving import world_recipes
from factcli.world.settings import ModelSettings
from tests.bench.gpu.commands import DATA, ground
from tests.bench.gpu.figures import Figures, Row, spread, times
from tests.bench.gpu.place import TRL, Place, missing

OURS, THEIRS = "fact dpo", "DPOTrainer"
PROMPTS, ANSWERS = (128, 256, 512), (32, 64)  # tokens
STEPS = {"cuda": 10, "cpu": 1}


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


def long_prompts(place: Place) -> Figures:
    """As `dpo`, of pairs of random words and a model with random weights: a prompt for both answers, DPOTrainer, and a prompt for each answer."""
    if gone := missing(TRL):
        return Figures(left_out=[f"long prompts: {', '.join(gone)} not installed"])
    from tests.bench.prefix_sharing import measured, write_base, write_pairs

    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        base = write_base(folder / "base", sizes_of(place.size))
        for n in PROMPTS:
            pairs = write_pairs(folder / f"{n}.jsonl", n, ANSWERS, STEPS[place.device])
            found = measured(base, pairs, folder / str(n), place.turns, place.device)
            rows.append({"what": f"{OURS}, prompts of {n} tokens", **spread(found["on"])})
            named = {"trl": THEIRS, "off": f"{OURS}, a prompt for each answer"}
            rows += [{"what": name, **spread(found[side]), **times(found[side], found["on"])} for side, name in named.items()]
    return Figures(rows)


def sizes_of(world: str) -> dict[str, int]:
    """Of the base model of a world of this size, under transformers' names."""
    model = ModelSettings(**read_yaml(world_recipes(world)[0]).get("model", {}))
    return {
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.n_layers,
        "num_attention_heads": model.n_heads,
    }

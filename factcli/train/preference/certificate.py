"""What is proved of a preference run: before its first step, that it learns against the reference it names; after its last, what changed."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from factcli.errors import DivergedError, TrainingError
from factcli.train.adapter_files import PREFIX, WEIGHTS
from factcli.train.digests import reference_digest
from factcli.train.diverging import GENTLER
from factcli.train.job import PreferenceJob
from factcli.train.model_files import saved_digest
from factcli.train.preference.losses import Logps, pair_losses
from factcli.train.preference.pairs import PairRow
from factcli.train.preference.policy import FOUR_BIT_MARK, Policy, matrices_in
from factcli.train.preference.reference import Identity, logps_of
from factcli.train.preference.trainer import PreferenceTrainer
from factcli.train.proofs import bytes_of

Proof = dict[str, object]
CERTIFIED_PAIRS = 16
NOTHING = torch.empty(0)
LOSS_BOUND = 1e-5  # relative, of the float32 loss of a batch against float64
# Of |sum| + tokens. Rounding in 16 bits is large for single answers (reference.py), but each answer's is its own: taken together it stays
# below the second bound, which even an adapter a few steps of DPO away exceeds.
ROW_BOUNDS = {"float32": 1e-5, "bfloat16": 5e-2, "float32+autocast": 5e-2}
MEAN_SQUARE_BOUNDS = {"float32": 1e-5, "bfloat16": 1e-2, "float32+autocast": 1e-2}  # root of the mean square over the batch's answers


def certify(trainer: PreferenceTrainer, identity: Identity, known: Mapping[str, float]) -> list[Proof]:
    """Two proofs on one fixed batch, dropout off: the loss is the recorded one, and a reference that is the start agrees with the policy."""
    rows = [trainer.pairs.train[index] for index in trainer.order.epoch(0)[0][:CERTIFIED_PAIRS]]
    logps, loss = on_batch(trainer, rows)
    proofs = []
    recorded = recorded_logps(rows, identity, known)
    if identity.is_start:
        proofs.append(prove_start(rows, logps, recorded, identity.numbers))
    is_exact = identity.is_start and identity.numbers == "float32"
    policy = (recorded.ref_chosen_B, recorded.ref_rejected_B) if is_exact else (logps.chosen_B.double(), logps.rejected_B.double())
    proofs.append(prove_loss(trainer.job, rows, loss, replace(recorded, chosen_B=policy[0], rejected_B=policy[1])))
    return proofs


def on_batch(trainer: PreferenceTrainer, rows: Sequence[PairRow]) -> tuple[Logps, float]:
    """The trainer's own pass: log-probabilities on the CPU, and its loss."""
    piece = trainer._prepare_inputs(replace(trainer.feed, process=0, n_processes=1).piece(rows, len(rows)))
    was_training, before = trainer.model.training, trainer.sums
    trainer.model.eval()
    with torch.no_grad(), trainer.compute_loss_context_manager():
        loss = float(trainer.compute_loss(trainer.model, piece)) / trainer.accelerator.num_processes
        logps = trainer.logps(trainer.model, piece)
    trainer.model.train(was_training)
    trainer.sums = before
    parts = (logps.chosen_B, logps.rejected_B, logps.ref_chosen_B, logps.ref_rejected_B, logps.n_chosen_B, logps.n_rejected_B)
    return Logps(*(part.cpu() for part in parts)), loss


def recorded_logps(rows: Sequence[PairRow], identity: Identity, known: Mapping[str, float]) -> Logps:
    """What the store says of the rows, in float64, read by content and not through the trainer's batches; zero for the policy."""
    found = logps_of(identity, rows, known)
    sides = [torch.tensor([found[row.id][side] for row in rows], dtype=torch.float64) for side in (0, 1)]
    lengths = [torch.tensor([len(ids) for ids in of], dtype=torch.float64) for of in ([r.chosen_ids for r in rows], [r.rejected_ids for r in rows])]
    return Logps(torch.zeros(len(rows), dtype=torch.float64), torch.zeros(len(rows), dtype=torch.float64), *sides, *lengths)


def prove_start(rows: Sequence[PairRow], logps: Logps, recorded: Logps, numbers: str) -> Proof:
    """Policy and recorded reference agree on each answer; TrainingError with the worst one otherwise."""
    ours = torch.cat([logps.chosen_B, logps.rejected_B]).double()
    theirs = torch.cat([recorded.ref_chosen_B, recorded.ref_rejected_B])
    n_tokens = torch.cat([recorded.n_chosen_B, recorded.n_rejected_B])
    off = (ours - theirs).abs() / (theirs.abs() + n_tokens)
    worst, together = int(off.argmax()), float(off.square().mean().sqrt())
    name = numbers.removeprefix(FOUR_BIT_MARK)
    bound, bound_together = ROW_BOUNDS[name], MEAN_SQUARE_BOUNDS[name]
    if not (float(off[worst]) <= bound and together <= bound_together):  # also where one is no number
        row = rows[worst % len(rows)]
        raise TrainingError(
            f"the reference is not what the policy starts from: pair {row.id} has log-probability {float(theirs[worst]):.6f} on record "
            f"and {float(ours[worst]):.6f} under the policy, {float(off[worst]):.1e} apart (bound {bound:.0e}); "
            f"{len(ours)} answers are {together:.1e} apart (bound {bound_together:.0e})",
            hint="the recorded log-probabilities are of another model or were changed: delete them, and they are computed again",
        )
    numbers_of = {
        "answers": len(ours),
        "largest_relative_difference": float(off[worst]),
        "bound": bound,
        "root_mean_square": together,
        "bound_of_root_mean_square": bound_together,
        "format": numbers,
    }
    return {"proof": "policy and reference agree before the first step", "holds": True, "numbers": numbers_of}


def prove_loss(job: PreferenceJob, rows: Sequence[PairRow], loss: float, logps: Logps) -> Proof:
    """The trainer's loss is that of the recorded log-probabilities in float64; TrainingError otherwise."""
    weight = torch.tensor([row.weight for row in rows], dtype=torch.float64)
    margin = torch.tensor([row.margin for row in rows], dtype=torch.float64)
    wanted = float((weight * pair_losses(job.objective, logps, margin)).mean())
    off = abs(loss - wanted) / max(abs(wanted), 1e-12)
    if not off <= LOSS_BOUND or not math.isfinite(wanted):
        raise TrainingError(
            f"the loss of the first batch is {loss:.8f}, the recorded log-probabilities give {wanted:.8f}, {off:.1e} apart (bound {LOSS_BOUND:.0e})",
            hint="the run would learn against another reference than the one on record",
        )
    numbers = {"pairs": len(rows), "loss": loss, "from_record": wanted, "relative_difference": off, "bound": LOSS_BOUND}
    return {"proof": "the first loss is that of the recorded log-probabilities", "holds": True, "numbers": numbers}


def prove_saved(policy: Policy, directory: Path) -> Proof:
    """The saved files hold, to the bit, what was trained; TrainingError otherwise."""
    return {"proof": "the saved files hold the trained parameters to the bit", "holds": True, "numbers": {"digest": _digest_of_saved(policy, directory)}}


def _digest_of_saved(policy: Policy, directory: Path) -> str:
    if policy.adapter is None:
        return saved_digest(policy.base, directory)
    held = {f"{PREFIX}{site}.lora_{side}.weight": matrix.cpu() for (site, side), matrix in matrices_in(policy.model).items()}
    saved = load_file(directory / WEIGHTS)
    wrong = next((name for name in sorted(held.keys() | saved.keys()) if not torch.equal(held.get(name, NOTHING), saved.get(name, NOTHING))), None)
    if wrong is not None:
        raise TrainingError(f"the saved tensor {wrong!r} is not the one that was trained")
    return digest(dict(sorted(saved.items())))


def frozen_digest(policy: Policy) -> str:
    """sha256 over all that is not trained; a tied head is the embedding under another name."""
    trained = {parameter.data_ptr() for parameter in policy.trained().values()}
    return digest({name: tensor for name, tensor in policy.model.state_dict().items() if tensor.data_ptr() not in trained})


def trained_digest(policy: Policy) -> str:
    return digest(policy.trained())


def digest(tensors: Mapping[str, Tensor | nn.Parameter]) -> str:
    found = hashlib.sha256()
    for name, tensor in tensors.items():
        found.update(name.encode())
        found.update(bytes_of(tensor))
    return found.hexdigest()


def prove_end(job: PreferenceJob, policy: Policy, identity: Identity, before: Mapping[str, str], steps: int) -> list[Proof]:
    """The reference's files and all frozen tensors are what they were, and the trained ones are not; TrainingError otherwise."""
    found = reference_digest(job.base, job.start, job.reference, job.reference_location)
    if found != identity.reference:
        raise TrainingError(f"the reference changed during training: its digest is {found[:12]}, it was {identity.reference[:12]}")
    frozen, trained = frozen_digest(policy), trained_digest(policy)
    if frozen != before["frozen"]:
        raise TrainingError("frozen tensors changed during training: something else than the adapter learned")
    broken = next((name for name, tensor in policy.trained().items() if not bool(tensor.isfinite().all())), None)
    if broken is not None:
        raise DivergedError(f"training came apart: {broken} holds what is no number", GENTLER)
    if steps and trained == before["trained"]:
        raise TrainingError(f"nothing changed in {steps} steps: the learning rate is too small for the number format, or no gradient arrived")
    return [
        {"proof": "the reference is unchanged", "holds": True, "numbers": {"digest": found}},
        {"proof": "frozen tensors are bit-identical before and after", "holds": True, "numbers": {"digest": frozen}},
        {"proof": "what is trained has changed", "holds": True, "numbers": {"before": before["trained"], "after": trained}},
    ]

"""Losses against the papers' equations in float64, and against TRL's own."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from factcli.train.base import load_tokenizer
from factcli.train.job import Objective
from factcli.train.preference.losses import LOSSES, Logps, pair_losses
from factcli.train.preference.pairs import PairRow, read_pairs
from tests.train.preference.conftest import job_of, open_trainer, trained

BETA = 0.3


# -- the equations, written anew: h is (policy less reference of chosen) less the same of rejected


def dpo(h: Tensor, _chosen: Tensor) -> Tensor:
    """-log sigmoid(beta h), https://arxiv.org/abs/2305.18290, Eq. 7, spelt with exp."""
    return torch.log(1 + torch.exp(-BETA * h))


def cdpo(h: Tensor, chosen: Tensor) -> Tensor:
    """(1 - e) of the loss of the label, e of that of the other."""
    return 0.9 * dpo(h, chosen) + 0.1 * dpo(-h, chosen)


def ipo(h: Tensor, _chosen: Tensor) -> Tensor:
    """(h - 1 / (2 tau))^2, https://arxiv.org/abs/2310.12036, Eq. 17."""
    return (h - 1 / (2 * BETA)) ** 2


CASES: Mapping[str, tuple[Objective, Callable[[Tensor, Tensor], Tensor]]] = {
    "dpo": (Objective(beta=BETA), dpo),
    "cdpo": (Objective(beta=BETA, label_smoothing=0.1), cdpo),
    "ipo": (Objective(beta=BETA, loss="ipo"), ipo),
    "reference-free": (Objective(beta=BETA, is_reference_free=True), dpo),
}


def answer_logp(model: Any, row: PairRow, answer: tuple[int, ...]) -> Tensor:
    """Sum over the answer's tokens of their log-probability: one row, no padding, no cut, the model's own forward."""
    ids = torch.tensor([[*row.prompt_ids, *answer]])
    logps = torch.log(torch.softmax(model(input_ids=ids).logits[0], -1))
    return torch.stack([logps[len(row.prompt_ids) + i - 1, token] for i, token in enumerate(answer)]).sum()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "dpo" else pytest.mark.slow) for name in CASES])
def test_loss_and_gradients_are_those_of_the_equation(any_base: str, rows: str, tmp_path: Path, name: str) -> None:
    """In float64 through the whole model: the loss of a batch and the gradient of every adapter matrix, to 1e-6.

    The policy starts from a trained adapter and the reference is the bare base, so that h is not zero.
    """
    objective, equation = CASES[name]
    trained(job_of(any_base, rows, tmp_path / "first", steps=3))
    start = str(tmp_path / "first" / "adapter")
    trainer, _, _ = open_trainer(job_of(any_base, rows, tmp_path / "out", start=start, reference="base", objective=objective))
    model = trainer.model.double().eval()
    pairs = trainer.pairs.train[:5]
    ours = trainer._compute_loss(model, trainer.feed.piece(pairs, len(pairs)))
    ours.backward()

    plain = AutoModelForCausalLM.from_pretrained(any_base, dtype=torch.float64, attn_implementation="eager").eval()
    with torch.no_grad():
        references = [(float(answer_logp(plain, row, row.chosen_ids)), float(answer_logp(plain, row, row.rejected_ids))) for row in pairs]
    recorded = [trainer.recorded[row.id] for row in pairs]  # of the float32 model, as training has it
    assert recorded == [pytest.approx(reference, rel=1e-6) for reference in references]
    policy = PeftModel.from_pretrained(plain, start, is_trainable=True).double().eval()
    losses = []
    for row, reference in zip(pairs, recorded, strict=True):
        chosen, rejected = answer_logp(policy, row, row.chosen_ids), answer_logp(policy, row, row.rejected_ids)
        given = (0.0, 0.0) if objective.is_reference_free else reference
        losses.append(equation((chosen - given[0]) - (rejected - given[1]), chosen))
    theirs = torch.stack(losses).mean()
    theirs.backward()
    assert math.isclose(ours.item(), theirs.item(), rel_tol=1e-6)
    gradients = {key: parameter.grad for key, parameter in policy.named_parameters() if parameter.requires_grad}
    assert len(gradients) == len(trainer.policy.trained())
    for key, parameter in trainer.policy.trained().items():
        assert torch.allclose(parameter.grad, gradients[key], rtol=1e-6, atol=1e-6 * float(gradients[key].abs().max())), key


# -- TRL's own, on the same model and pairs


@pytest.fixture(scope="module")
def theirs(base: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[DPOTrainer, list[PairRow]]:
    """A plain DPOTrainer of a tiny model, with pairs whose reference log-probabilities are made up."""
    import json

    from tests.train.preference.conftest import pair_rows

    folder = tmp_path_factory.mktemp("trl")
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in pair_rows(6)))
    tokenizer = load_tokenizer(base)
    pairs = list(read_pairs(job_of(base, str(path), folder), tokenizer, None).train)
    plain = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "max_length": None}
    arguments = DPOConfig(output_dir=str(folder), label_smoothing=0.1, beta=BETA, precompute_ref_log_probs=True, **plain)
    columns = {
        "prompt_ids": [list(p.prompt_ids) for p in pairs],
        "chosen_ids": [list(p.chosen_ids) for p in pairs],
        "rejected_ids": [list(p.rejected_ids) for p in pairs],
    }
    texts = {"prompt": ["x"] * len(pairs), "chosen": ["x"] * len(pairs), "rejected": ["x"] * len(pairs)}

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
            return dataset

    model = AutoModelForCausalLM.from_pretrained(base)
    return Tokenised(model, args=arguments, train_dataset=Dataset.from_dict({**columns, **texts}), processing_class=tokenizer), pairs


NAMES = {"sigmoid-norm": "sigmoid_norm", "ipo-token": "ipo"}


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "ipo"])
def test_every_loss_is_trls(theirs: tuple[DPOTrainer, list[PairRow]], loss: str) -> None:
    """`ipo` is the one that TRL has not: it divides by the answer's tokens, which here is `ipo-token`. Its `sigmoid` has no smoothing."""
    trainer, pairs = theirs
    trainer.loss_types = [NAMES.get(loss, loss.replace("-", "_"))]
    smoothing = 0.1 if loss in ("robust", "exo-pair") else 0.0
    trainer.model.eval()
    generator = torch.Generator().manual_seed(1)
    examples = [{"prompt_ids": list(p.prompt_ids), "chosen_ids": list(p.chosen_ids), "rejected_ids": list(p.rejected_ids)} for p in pairs]
    policy = [torch.tensor([answer_logp(trainer.model, p, side(p)).item() for p in pairs]) for side in (lambda p: p.chosen_ids, lambda p: p.rejected_ids)]
    reference = [part + torch.randn(len(pairs), generator=generator) for part in policy]
    batch = trainer.data_collator(examples) | {"ref_chosen_logps": reference[0], "ref_rejected_logps": reference[1]}
    wanted = trainer._compute_loss(trainer.model, batch, return_outputs=False).item()
    lengths = [torch.tensor([float(len(ids)) for ids in of]) for of in ([p.chosen_ids for p in pairs], [p.rejected_ids for p in pairs])]
    objective = Objective(loss=loss, beta=BETA, label_smoothing=smoothing)  # type: ignore[arg-type]
    ours = pair_losses(objective, Logps(*policy, *reference, *lengths), torch.zeros(len(pairs))).mean()
    assert math.isclose(float(ours), wanted, rel_tol=2e-5)


# -- added terms, by hand


def of(chosen: float, rejected: float, n_chosen: float = 4.0, n_rejected: float = 2.0) -> Logps:
    """One pair whose reference is -10 and -10."""
    parts = (chosen, rejected, -10.0, -10.0, n_chosen, n_rejected)
    return Logps(*(torch.tensor([part], dtype=torch.float64) for part in parts))


def loss_of(objective: Objective, logps: Logps, margin: float = 0.0) -> float:
    return float(pair_losses(objective, logps, torch.tensor([margin], dtype=torch.float64)))


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_terms_are_added_to_the_logit_as_published() -> None:
    """h = (-8 + 10) - (-11 + 10) = 3; beta 0.5 makes 1.5. Lengths 4 and 2: means 2/4 and -1/2, so h of means is 1."""
    logps = of(-8.0, -11.0)
    assert math.isclose(loss_of(Objective(beta=0.5), logps), softplus(-1.5))
    assert math.isclose(loss_of(Objective(beta=0.5, length_penalty=0.1), logps), softplus(-1.7))  # + 0.1 (4 - 2)
    assert math.isclose(loss_of(Objective(beta=0.5, margin=2.0), logps, 0.25), softplus(-1.0))  # - 2 x 0.25
    assert math.isclose(loss_of(Objective(beta=0.5, length_normalised=True), logps), softplus(-0.5))
    assert math.isclose(loss_of(Objective(beta=0.5, is_reference_free=True), logps), softplus(-1.5))  # -8 + 11 = 3 as well
    assert math.isclose(loss_of(Objective(beta=0.5, sft_weight=0.1), logps), softplus(-1.5) + 0.1 * 8 / 4)
    assert math.isclose(loss_of(Objective(beta=0.5, loss="ipo"), logps), (3 - 1) ** 2)
    assert math.isclose(loss_of(Objective(beta=0.5, loss="ipo-token"), logps), (1 - 1) ** 2, abs_tol=1e-12)
    assert math.isclose(loss_of(Objective(beta=0.5, loss="sigmoid-norm"), logps), softplus(-0.5))


@given(st.floats(-60, 60), st.floats(-60, 60))
def test_equal_policy_and_reference_give_log_2(chosen: float, rejected: float) -> None:
    logps = Logps(*(torch.tensor([part], dtype=torch.float64) for part in (chosen, rejected, chosen, rejected, 3.0, 5.0)))
    assert math.isclose(loss_of(Objective(), logps), math.log(2), rel_tol=1e-12)
    assert math.isclose(loss_of(Objective(label_smoothing=0.2), logps), math.log(2), rel_tol=1e-12)


@given(st.floats(-30, 30), st.floats(-30, 30), st.sampled_from(["sigmoid", "hinge", "exo-pair"]))
def test_a_better_ranked_pair_never_loses_more(chosen: float, more: float, loss: str) -> None:
    """Of the losses that only know h, without much smoothing: they fall as h rises, up to where smoothing asks for no more."""
    objective = Objective(loss=loss, label_smoothing=0.0 if loss == "hinge" else 1e-3)  # type: ignore[arg-type]
    low, high = sorted((chosen, more))
    if objective.beta * (high + 10) > 6:  # where 1e-3 of flipped labels turns the loss around
        return
    assert loss_of(objective, of(high, -10.0)) <= loss_of(objective, of(low, -10.0)) + 1e-12

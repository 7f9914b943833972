"""Scores and divergences of the tiny models of test_local, against sums written out here."""

import math

import pytest
import torch

from factcli.backends.comparing import Scored, answer_logps, divergences
from factcli.backends.local import LocalModel
from tests.backends.test_local import local  # noqa: F401 - a fixture

SKILL = ("skill",)
ROWS = [Scored((1, 5, 9), (7, 8, 2)), Scored((1, 5), (7,)), Scored((1, 9, 9), (4, 4, 4)), Scored((1, 5, 9), ())]


def by_hand(local: LocalModel, row: Scored, adapters: tuple[str, ...]) -> torch.Tensor:  # noqa: F811
    """(T, V) log-probabilities in float64, one forward pass per token, the batch of one."""
    rows = []
    for n in range(len(row.answer)):
        with local.bank.active(list(adapters)), torch.no_grad():
            rows.append(local.model(input_ids=torch.tensor([[*row.prompt, *row.answer[:n]]])).logits[0, -1].double().log_softmax(-1))
    return torch.stack(rows)


def test_the_score_of_an_answer_is_the_sum_over_its_tokens_and_none_of_the_prompts(local: LocalModel) -> None:  # noqa: F811
    found = answer_logps(local, ROWS, SKILL)
    for row, logp in list(zip(ROWS, found, strict=True))[:3]:
        told = by_hand(local, row, SKILL)
        assert logp == pytest.approx(sum(float(told[place, token]) for place, token in enumerate(row.answer)), rel=1e-5)
    assert found[3] == 0.0
    assert found != answer_logps(local, ROWS, ())


def test_the_divergence_is_of_whole_distributions_summed_over_the_answer(local: LocalModel) -> None:  # noqa: F811
    """KL(p || q) at a place is the sum over words w of p(w) (log p(w) - log q(w))."""
    found = divergences(local, ROWS, SKILL, ())
    for row, kl in list(zip(ROWS, found, strict=True))[:3]:
        p_TV, q_TV = by_hand(local, row, SKILL), by_hand(local, row, ())
        terms = [math.exp(p) * (p - q) for p_V, q_V in zip(p_TV.tolist(), q_TV.tolist(), strict=True) for p, q in zip(p_V, q_V, strict=True)]
        assert kl == pytest.approx(sum(terms), rel=1e-4)
        assert kl > 0
    assert found[3] == 0.0


def test_a_model_is_at_no_distance_from_itself(local: LocalModel) -> None:  # noqa: F811
    assert divergences(local, ROWS, SKILL, SKILL) == [0.0] * len(ROWS)


def test_a_row_scores_alike_alone_and_among_others(local: LocalModel) -> None:  # noqa: F811
    together = answer_logps(local, ROWS * 5, SKILL)
    alone = [answer_logps(local, [row], SKILL)[0] for row in ROWS]
    assert together == pytest.approx(alone * 5, rel=1e-6)

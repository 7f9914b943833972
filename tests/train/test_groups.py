"""Products of groups: gradients are those of finite differences, and one step gives what two give."""

from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel

from factcli.train.adapter_files import Shape
from factcli.train.adapters import AdapterBank
from factcli.train.groups import GroupsBesideOne, UnequalGroups
from factcli.train.routes import DropoutKey, is_one_step
from tests.train.test_adapters import IDS, randomise

SIZES = ([1, 3, 2], [2, 2, 2])  # tokens of three groups
KNOWLEDGE = ["v1", "v1", "v2", "v3"]  # of each row of IDS


def drawn(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_of_groups_are_those_of_finite_differences(sizes: Sequence[int]) -> None:
    """In float64, of everything: what comes in, what is added to, A and B."""
    x, out, a, b = drawn((6, 5), (6, 4), (3, 2, 5), (3, 4, 2))
    assert torch.autograd.gradcheck(lambda *given: UnequalGroups.apply(*given, sizes, 0.5), (x, out, a, b))
    a.requires_grad_(False)
    b.requires_grad_(False)
    assert torch.autograd.gradcheck(lambda *given: UnequalGroups.apply(*given, a, b, sizes, 0.5), (x, out))


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_beside_a_shared_adapter_are_those_of_finite_differences(sizes: Sequence[int]) -> None:
    """Of what comes in, what is added to, and the shared adapter of another rank and scale; the groups' own are frozen."""
    x, out, a, b, shared_a, shared_b = drawn((6, 5), (6, 4), (3, 2, 5), (3, 4, 2), (3, 5), (4, 3))
    a.requires_grad_(False)
    b.requires_grad_(False)

    def together(x: torch.Tensor, out: torch.Tensor, shared_a: torch.Tensor, shared_b: torch.Tensor) -> torch.Tensor:
        return GroupsBesideOne.apply(x, out, a, b, 0.5, shared_a, shared_b, 1.5, sizes)

    assert torch.autograd.gradcheck(together, (x, out, shared_a, shared_b))
    by_row = [group for group, size in enumerate(sizes) for _ in range(size)]
    expected = [out[i] + 0.5 * b[k] @ (a[k] @ x[i]) + 1.5 * shared_b @ (shared_a @ x[i]) for i, k in enumerate(by_row)]
    assert torch.allclose(together(x, out, shared_a, shared_b), torch.stack(expected), rtol=1e-12)


@pytest.fixture(params=["all sites", "fewer of knowledge", "fewer of skill"])
def bank(request: pytest.FixtureRequest, model: PreTrainedModel) -> AdapterBank:
    """Three frozen adapters of knowledge and a skill that learns, in float64."""
    found = AdapterBank(model.double())
    fewer = tuple(found.sites)[::2]
    for seed, name in enumerate(("v1", "v2", "v3", "skill")):
        is_fewer = request.param == ("fewer of skill" if name == "skill" else "fewer of knowledge")
        found.place(name, Shape(4, 8, 0.0), seed, fewer if is_fewer else tuple(found.sites))
        randomise(found, name, seed)
        found.get(name).vector.data = found.get(name).vector.data.double()
        if name != "skill":
            found.freeze(name)
    return found


def skill_gradient(bank: AdapterBank, rows: Sequence[Sequence[str]]) -> torch.Tensor:
    skill = bank.get("skill").vector
    skill.grad = None
    with bank.active_rows(rows):
        bank.model(input_ids=IDS).logits.square().mean().backward()
    assert skill.grad is not None
    return skill.grad.clone()


def test_rows_of_a_mixed_batch_teach_the_skill_what_they_teach_it_one_by_one(bank: AdapterBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient by one step is the gradient by two, groups equal or not, in whatever order the rows lie."""
    for names in (KNOWLEDGE, ["v2", "v1", "v2", "v1"], ["v3", "v1", "v2", "v1"]):
        rows = [[name, "skill"] for name in names]
        in_one = skill_gradient(bank, rows)
        with monkeypatch.context() as patch:
            patch.setattr("factcli.train.adapters.is_one_step", lambda *_: False)
            in_two = skill_gradient(bank, rows)
        assert torch.allclose(in_one, in_two, rtol=1e-10, atol=1e-14)


def test_one_step_is_for_frozen_knowledge_without_noise_and_one_skill(bank: AdapterBank) -> None:
    knowledge, skill = [bank.get(name) for name in KNOWLEDGE], bank.get("skill")
    assert is_one_step(knowledge, [skill], DropoutKey(0))
    assert not is_one_step(knowledge, [], None)
    assert not is_one_step(knowledge, [skill, bank.get("v3")], None)
    assert not is_one_step([*knowledge, skill], [bank.get("v1")], None)  # one of the groups learns
    noisy = bank.add("noisy", 4, 8, 0.5, 7)
    assert is_one_step(knowledge, [noisy], None)  # not while it is asked
    assert not is_one_step(knowledge, [noisy], DropoutKey(0))


def test_a_stack_of_frozen_adapters_is_made_anew_for_others_and_where_one_has_changed(bank: AdapterBank) -> None:
    """The gradient after each change is that of a bank which has seen nothing before."""
    rows = [[name, "skill"] for name in KNOWLEDGE]
    first = skill_gradient(bank, rows)
    assert torch.equal(skill_gradient(bank, rows), first)
    others = skill_gradient(bank, [["v3", "skill"], ["v3", "skill"], ["v1", "skill"], ["v2", "skill"]])
    assert not torch.allclose(others, first, rtol=1e-3)
    assert torch.equal(skill_gradient(bank, rows), first)
    with torch.no_grad():
        bank.get("v2").vector.add_(0.1)
    changed = skill_gradient(bank, rows)
    assert not torch.allclose(changed, first, rtol=1e-3)
    bank._stack = None
    assert torch.equal(skill_gradient(bank, rows), changed)

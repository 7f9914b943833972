"""Where adapters attach: the linear modules inside a model's decoder layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from factcli.errors import SettingsError, nearest
from factcli.train.targets import GROUPS, ends_with, is_target


@dataclass(frozen=True, slots=True)
class Site:
    """One linear module. `is_transposed`: GPT-2's Conv1D, which stores its weight as [in, out]."""

    name: str
    module: nn.Module
    n_in: int
    n_out: int
    is_transposed: bool


def find_sites(model: PreTrainedModel, targets: str | Sequence[str]) -> tuple[Site, ...]:
    """The target modules in model order; targets.py says which they are."""
    linear = linear_modules(model)
    wanted = [] if targets in GROUPS else [targets] if isinstance(targets, str) else targets
    endings = {name.split(".")[-1] for name in (site.name for site in linear)}
    for target in wanted:
        if not any(ends_with(site.name, target) for site in linear):
            raise SettingsError(
                f"no linear module of the model is called {target!r}{nearest(target, [*endings, *GROUPS])}",
                hint=f"{' or '.join(GROUPS)}, or of {', '.join(sorted(endings))}",
            )
    return tuple(site for site in linear if is_target(site.name, targets))


def linear_modules(model: PreTrainedModel) -> tuple[Site, ...]:
    """All linear modules under a list of layers; the output head and embeddings lie outside one."""
    head = model.get_output_embeddings()
    stacks = [name + "." for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    sites: list[Site] = []
    for name, module in model.named_modules():
        is_inside = any(name.startswith(stack) for stack in stacks)
        if module is not head and is_inside and isinstance(module, nn.Linear | Conv1D):
            sites.append(site_of(name, module))
    if not sites:
        raise SettingsError(f"{type(model).__name__} has no linear modules in its layers: adapters cannot attach")
    return tuple(sites)


def layers_of(decoder: nn.Module) -> Iterator[nn.Module]:
    """What a list of modules holds that has no such list inside: decoder layers, and of a mixture its experts."""
    for stack in (module for module in decoder.modules() if isinstance(module, nn.ModuleList)):
        yield from (layer for layer in stack if not any(isinstance(inside, nn.ModuleList) for inside in layer.modules()))


def site_of(name: str, module: nn.Linear | Conv1D) -> Site:
    if isinstance(module, nn.Linear):
        return Site(name, module, module.in_features, module.out_features, is_transposed=False)
    return Site(name, module, module.nx, module.nf, is_transposed=True)


def peft_targets(model: PreTrainedModel, names: Sequence[str]) -> list[str]:
    """The shortest `target_modules` with which PEFT picks exactly these modules."""
    endings = sorted({name.split(".")[-1] for name in names})
    everywhere = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D) and name.split(".")[-1] in endings]
    return endings if sorted(everywhere) == sorted(names) else sorted(names)

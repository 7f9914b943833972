"""The models of a preference run: the policy that is trained, and the reference, which is loaded alone and let go."""

import gc
import importlib.util
import math
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from factcli.errors import InputError, SettingsError
from factcli.extras import FOUR_BIT
from factcli.train.adapter_files import adapter_config, save_adapter
from factcli.train.adapters import Adapter, AdapterBank
from factcli.train.base import dtype_of, load_model, load_tokenizer
from factcli.train.job import PreferenceJob
from factcli.train.preference.prefix import take_shared_prefixes
from factcli.train.preference.scoring import score_answers
from factcli.train.switches import switched

NAME = "default"  # what TRL takes for granted
FOUR_BIT_MARK = "nf4+"  # in the name of the numbers of a base in 4 bits


@dataclass(frozen=True, slots=True)
class Numbers:
    """In which format a base computes, whether products are made in bfloat16 from float32 weights, and whether it is held in 4 bits."""

    weights: torch.dtype
    autocast: bool = False
    four_bit: bool = False

    @property
    def format(self) -> str:
        return f"{self.weights}".removeprefix("torch.")

    @property
    def name(self) -> str:
        return (FOUR_BIT_MARK if self.four_bit else "") + self.format + ("+autocast" if self.autocast else "")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is trained. `adapter` and `config` say how it is saved; None and empty where all parameters are trained."""

    model: PreTrainedModel | PeftModel
    base: PreTrainedModel
    adapter: Adapter | None
    config: Mapping[str, object]

    def trained(self) -> dict[str, nn.Parameter]:
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}


def numbers_of(job: PreferenceJob, device: torch.device) -> Numbers:
    """Full parameters are held in float32: steps of 5e-7 are lost in the 8 bits of a bfloat16."""
    number = dtype_of(job.machine.dtype, device)
    if job.tuning == "full" and number == torch.bfloat16:
        return Numbers(torch.float32, autocast=True)
    return Numbers(number, four_bit=job.tuning == "qlora")


def check_four_bit(job: PreferenceJob) -> None:
    """SettingsError, before anything is loaded, for a base in 4 bits without what holds it."""
    if job.tuning == "qlora" and importlib.util.find_spec(FOUR_BIT) is None:
        raise SettingsError(f"tuning qlora needs what is not installed: {FOUR_BIT}", 'pip install "factcli[qlora]", or tuning lora: the base as it is')


def load_scored(location: str, job: PreferenceJob, device: torch.device) -> PreTrainedModel:
    """A frozen model that scores answers, its own dropout off for good; with tuning qlora in 4 bits, policy and reference alike."""
    numbers = numbers_of(job, device)
    model = switched(load_model(location, device, numbers.format, numbers.four_bit), job.machine, device)
    silence_dropout(model)
    keep_mode(model)
    take_shared_prefixes(model)
    score_answers(model)
    return model


def keep_mode(model: nn.Module) -> None:
    """4-bit modules stay in the mode they were loaded in: out of training mode, on a CPU, bitsandbytes packs their weights anew at a pass."""
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.train = types.MethodType(lambda self, _mode=True: self, module)  # type: ignore[method-assign]


def silence_dropout(model: nn.Module) -> None:
    """No dropout in the base, also in training mode: whether a module keeps its rate as a number or in an nn.Dropout."""
    for module in model.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, float) and ("dropout" in name or name.endswith("pdrop")):
                setattr(module, name, 0.0)
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def load_policy(job: PreferenceJob, device: torch.device) -> Policy:
    """The base with the start's adapter as it stands, or with a new one that changes nothing yet; or all of it to train."""
    base = load_scored(job.base, job, device)
    if job.tuning == "full":
        return Policy(base.requires_grad_(True), base, None, {})
    adapter = read_start(base, job.start) if job.start else new_adapter(base, job)
    config = adapter_config(base, adapter, job.base_name or job.base)
    return Policy(plugged(base, adapter, config, job.start), base, adapter, config)


def read_start(base: PreTrainedModel, directory: str) -> Adapter:
    """The adapter of a PEFT directory, on the CPU; InputError where it does not fit the base."""
    bank = AdapterBank(base)
    try:
        return bank.load(NAME, Path(directory))
    finally:
        bank.detach()


def new_adapter(base: PreTrainedModel, job: PreferenceJob) -> Adapter:
    """A of (seed, "default") and B zero, by the one rule for new adapters."""
    bank = AdapterBank(base, job.lora.targets)
    try:
        return bank.add(NAME, job.lora.r, job.lora.alpha, job.lora.dropout, job.seed)
    finally:
        bank.detach()


def plugged(base: PreTrainedModel, adapter: Adapter, config: Mapping[str, object], directory: str) -> PeftModel:
    """PEFT's model with the adapter in it, trainable, its matrices to the bit."""
    if directory:
        model = PeftModel.from_pretrained(base, directory, adapter_name=NAME, is_trainable=True)
    else:
        keys = ("r", "lora_alpha", "lora_dropout", "target_modules", "fan_in_fan_out", "bias")
        model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **{key: config[key] for key in keys}), adapter_name=NAME)
        matrices = matrices_in(model)
        with torch.no_grad():
            for key, matrix in adapter.matrices().items():
                matrices[key].copy_(matrix)
    return model


def matrices_in(model: PeftModel) -> dict[tuple[str, str], Tensor]:
    """(site, side) -> the weights of the adapter that PEFT holds."""
    found: dict[tuple[str, str], Tensor] = {}
    for name, parameter in model.named_parameters():
        site, mark, rest = name.removeprefix("base_model.model.").partition(".lora_")
        if mark and rest in (f"A.{NAME}.weight", f"B.{NAME}.weight"):
            found[site, rest[0]] = parameter.detach()
    return found


def save_policy(policy: Policy, job: PreferenceJob, folder: Path) -> Path:
    """adapter/ as an ordinary PEFT directory, or model/ as an ordinary model directory. Only safetensors."""
    if policy.adapter is None:
        policy.base.save_pretrained(folder / "model")
        load_tokenizer(job.base, job.chat_template).save_pretrained(folder / "model")
        return folder / "model"
    matrices = matrices_in(policy.model)
    with torch.no_grad():
        for key, matrix in policy.adapter.matrices().items():
            matrix.copy_(matrices[key])
    return save_adapter(policy.adapter, folder / "adapter", policy.config)


@contextmanager
def reference_model(job: PreferenceJob, device: torch.device) -> Iterator[nn.Module]:
    """The job's reference in eval mode, without gradients; its memory is free afterwards."""
    location = job.reference_location if job.reference == "model" else job.base
    base = load_scored(location, job, device)
    directory = {"init": job.start, "adapter": job.reference_location}.get(job.reference, "")
    model: nn.Module = base
    if directory:
        adapter = read_start(base, directory)
        model = plugged(base, adapter, adapter_config(base, adapter, ""), directory)
    number = numbers_of(job, device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=number.autocast):
        yield model.eval().requires_grad_(False)
    del model, base
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def check_same_family(job: PreferenceJob) -> None:
    """InputError where the reference is a model of another architecture: its log-probabilities would not be of the same text model."""
    from factcli.basemodel import weight_shapes

    if job.reference != "model":
        return
    ours, theirs = (shapes_of(weight_shapes(Path(location))) for location in (job.base, job.reference_location))
    if ours != theirs:
        name = min(set(ours.items()) ^ set(theirs.items()))[0]
        raise InputError(
            f"the reference {job.reference_location} has another architecture than the base {job.base}: {name} is "
            f"{list(theirs.get(name, ()))} there and {list(ours.get(name, ()))} here",
            hint="give a reference of the same architecture, e.g. the model that the policy was trained from",
        )


def shapes_of(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Without the output head, which some files hold and others tie."""
    return {name: shape for name, shape in shapes.items() if not name.startswith("lm_head.") and math.prod(shape) > 0}

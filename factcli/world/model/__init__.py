"""The world's base model: a small Llama, pre-trained from scratch until a gate holds. Needs torch."""

from factcli.world.model.build import build_model, default_device
from factcli.world.model.loop import Pretrainer, PretrainResult, pretrain
from factcli.world.model.measure import gate_accuracy, measure_base, show_question

__all__ = [
    "PretrainResult",
    "Pretrainer",
    "build_model",
    "default_device",
    "gate_accuracy",
    "measure_base",
    "pretrain",
    "show_question",
]

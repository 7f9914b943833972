"""The world's base model: a small Llama, pre-trained from scratch until a gate holds. Needs torch."""

from factcli.world.model.build import build_model
from factcli.world.model.loop import Pretrainer, PretrainResult, run
from factcli.world.model.measure import gate_accuracy, measure_base, show_question

__all__ = [
    "PretrainResult",
    "Pretrainer",
    "build_model",
    "gate_accuracy",
    "measure_base",
    "run",
    "show_question",
]

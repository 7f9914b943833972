"""Settings of `fact grath-iterate`: those of its steps, how often, and when to stop."""

from typing import Literal

from pydantic import model_validator

from factcli.config import Config, setting
from factcli.judge.drift import DriftLimits
from factcli.stages.dpo import DpoConfig
from factcli.stages.grath.gate import GateConfig
from factcli.stages.synth.pairs import PairsConfig


class GrathConfig(Config):
    """GRATH (arXiv 2401.12292): two rounds with the current model as reference, or ten with the first one."""

    method: str = setting("", "What tables and reports call it, and the default name of the artifact; unset is grath, or grath-fixed.")
    rounds: int = setting(2, "Rounds of pairs and training, at most; a round that the gate rejects is the last.", ge=1)
    reference: Literal["current", "fixed"] = setting("current", "current: the model that a round starts from; fixed: the one that the loop started from.")
    min_pairs: float = setting(0.5, "Share of the questions that must give a pair; with fewer the loop stops.", ge=0, le=1)
    pairs: PairsConfig = PairsConfig()
    dpo: DpoConfig = DpoConfig()
    gate: GateConfig = GateConfig()
    limits: DriftLimits = DriftLimits()
    chat_template: str = setting("", "Jinja chat template; unset is that of the start, else the tokenizer's own, else 'Question: ... Answer: ...'.")

    @model_validator(mode="after")
    def _leaves_to_the_loop_what_is_its_own(self) -> "GrathConfig":
        taken = {
            "pairs.round": self.pairs.round != 0,
            "dpo.reference": self.dpo.reference != "init",
            "dpo.chat_template": bool(self.dpo.chat_template),
            "pairs.generation.backend": not self.pairs.generation.backend.startswith("scripted:") and bool(self.pairs.generation.backend),
        }
        given = [name for name, is_given in taken.items() if is_given]
        if given:
            raise ValueError(f"{', '.join(given)} cannot be set here: the loop says it for each round (see rounds, reference, chat_template)")
        if self.dpo.mode == "full":
            raise ValueError("dpo.mode is full: the loop passes an adapter on from round to round, so its mode is lora or qlora")
        return self

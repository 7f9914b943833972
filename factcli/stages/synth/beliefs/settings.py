"""Settings, tables and inputs of `fact synth beliefs`."""

from dataclasses import dataclass
from typing import Literal

from factcli.answerrows import Prompt, SelfTarget
from factcli.artifact import Artifact
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.judge.beliefs import Measure
from factcli.rows import Chat
from factcli.scorerows import UnitConfidence

SHORT = ("qa",)
Method = Literal["beliefs", "flame"]
Writer = Literal["world", "model", "claims"]
TABLES: dict[str, type] = {"chats": Chat, "targets": SelfTarget, **FILLED}


class BeliefsConfig(Config):
    """Settings of `fact synth beliefs`."""

    method: Method = setting("beliefs", "beliefs (what the model is sure of) or flame (its answers as they stand).")
    least: float = setting(0.5, "Confidence from which a claim or a short answer is believed; beliefs only.", ge=0, le=1)
    by: Measure = setting("samp_conf", "Confidence of a claim: share of samples that say what it says, or that say the same, whatever it is.")
    rewrite: Writer | None = setting(None, "Who writes a long answer anew: world, model (--backend), or claims in a row; unset is the world, else the model.")
    human_tasks: tuple[str, ...] = setting((), "Tasks that are not about facts: their rows keep the data's own answer; flame only.")
    max_tokens: int = setting(600, "Tokens of an answer that a model writes anew.", ge=1)
    seed: int = setting(0, "Seed of the backend's draws.", ge=0)
    generation: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Source:
    """`samples`: of the model; `scores`: its confidence in their claims; `data`: what the prompts were taken of; `world`: where they come from one."""

    samples: Artifact
    scores: Artifact | None = None
    data: Artifact | None = None
    world: Artifact | None = None

    @property
    def inputs(self) -> dict[str, Artifact]:
        roles = {"samples": self.samples, "confidence": self.scores, "data": self.data, "world": self.world}
        return {role: artifact for role, artifact in roles.items() if artifact is not None}

    def writer(self, config: BeliefsConfig) -> Writer:
        return config.rewrite or ("world" if self.world is not None else "model")

    def long_tasks(self) -> list[str]:
        """Tasks of the prompts whose answers are taken claim by claim."""
        return sorted({prompt.task or "of no task" for prompt in self.samples.rows("prompts", Prompt) if prompt.task not in SHORT})

    def asks_a_model(self, config: BeliefsConfig) -> bool:
        return config.method == "beliefs" and self.writer(config) == "model" and bool(self.long_tasks())


def require_scores(source: Source, config: BeliefsConfig) -> None:
    """Raises InputError where long answers are to be sorted by claims that nobody scored, or not by this measure."""
    if config.method == "flame":
        return
    if source.scores is None:
        if long := source.long_tasks():
            way_out = f"fact score confidence {source.samples.name}; then --confidence SCORES"
            raise InputError(f"{source.samples.ref} has long answers ({', '.join(long)}), and their claims have no confidence", way_out)
    elif all(getattr(row, config.by) is None for row in source.scores.rows("confidences", UnitConfidence)):
        raise InputError(f"{source.scores.ref} has no {config.by} of any claim", "take the other measure: --set by=max_conf (or samp_conf)")

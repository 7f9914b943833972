"""Who takes part: the sampled model, the writer of questions, and what compares answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.backends.asking import Asker, load_templates
from factcli.backends.opening import Answering
from factcli.judge.equivalence import Comparing
from factcli.stages.score.confidence.settings import ConfidenceConfig


@dataclass(frozen=True, slots=True)
class Models:
    """Who is sampled; who writes questions and compares answers, where a language model does; and what else compares them."""

    sampler: Answering
    writer: Answering | None
    comparing: Comparing | None  # None: the writer compares
    asks: Literal["model", "world"]  # about claims
    claims: str  # who took answers apart: ClaimsConfig.source, or `reused` for claims made before


def asker_of(who: Answering, templates: Sequence[str], config: ConfidenceConfig, is_chat: bool | None = None) -> Asker:
    """One that asks with these templates; as a chat where the settings of the writer say so, or `is_chat`."""
    return Asker(load_templates(templates), who.endpoint.model, config.seed, config.generation.chat if is_chat is None else is_chat, who.adapters)

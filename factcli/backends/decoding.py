"""How answers are decoded: greedily, greedily with evidence in the prompt (rag), or by contrasting layers (dola)."""

from typing import Literal

from pydantic import field_validator

from factcli.config import Config, setting
from factcli.errors import SettingsError

Decode = Literal["greedy", "rag", "dola"]
Layers = Literal["high", "low"] | tuple[int, ...]
DEEP = 40  # layers: beyond it, the published code looks at 20 of them, not at half


class DolaConfig(Config):
    """DoLa (arXiv 2309.03883), with the settings of its published runs."""

    layers: Layers = setting("high", "Candidates for the premature layer: high or low half of the model, or a list, e.g. [0,2,4]; 0 is the embedding.")
    relative_top: float = setting(0.1, "A token is plausible from this share of the likeliest token's probability on.", gt=0, le=1)
    repetition_penalty: float = setting(1.2, "Of tokens that came before, prompt included; 1 is none.", ge=1, le=2)

    @field_validator("layers")
    @classmethod
    def _named_once(cls, value: Layers) -> Layers:
        if isinstance(value, tuple) and (not value or len(set(value)) < len(value) or min(value) < 0):
            raise ValueError("need layers, each once, counted from 0")
        return value


class DecodeConfig(Config):
    """How a model answers; all of it stands in an evaluation's key."""

    how: Decode = setting("greedy", "greedy; rag: greedy, with passages in the prompt; dola: layers contrasted, for models in this process.")
    passages: int = setting(3, "Passages in the prompt; rag only.", ge=1, le=50)
    passage_tokens: int = setting(256, "Longest passage in the prompt, in tokens of 4 letters; rag only.", ge=8)
    dola: DolaConfig = DolaConfig()

    @property
    def contrast(self) -> DolaConfig | None:
        """How layers are contrasted; None where they are not."""
        return self.dola if self.how == "dola" else None

    @property
    def suffix(self) -> str:
        """For the name of an evaluation: "" is greedy."""
        layers = self.dola.layers
        return {"greedy": "", "rag": f"-rag{self.passages}", "dola": f"-dola-{layers if isinstance(layers, str) else '-'.join(map(str, layers))}"}[self.how]


def candidate_layers(layers: Layers, n_layers: int, is_tied: bool) -> tuple[int, ...]:
    """The layers that DoLa compares with the last one; 0 is the embedding, k the output of the k-th block.

    Every second layer of the upper or lower half, as in the published code. Where input and output embedding are tied, the
    first ones are left out: read out, they only say the token that came in. Raises SettingsError for a layer that there is not.
    """
    if not isinstance(layers, str):
        if max(layers) >= n_layers:
            raise SettingsError(f"layer {max(layers)} is not below the last of {n_layers} layers", f"--set decode.dola.layers takes 0 to {n_layers - 1}")
        return layers
    half = n_layers // 2 if n_layers <= DEEP else 20
    if layers == "high":
        return tuple(range(n_layers - half if n_layers > DEEP else half, n_layers, 2))
    first = min(n_layers // 2, 2) if is_tied else 0
    return tuple(range(first, half, 2)) or (first,)

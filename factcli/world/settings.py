"""Sizes of the world's base model and of its pre-training; configs/world/*.yaml hold choices of them."""

from dataclasses import dataclass

VOCAB_SIZE = 704  # tokens of a world's tokenizer


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Architecture of the Llama-type base model; the defaults are the tiny one, about half a million parameters."""

    hidden_size: int = 128
    n_layers: int = 2
    n_heads: int = 4
    intermediate_size: int = 320
    max_tokens: int = 512  # longest context, prompt and answer

    @property
    def n_parameters(self) -> int:
        """Embedding (tied to the head), per layer four attention and three other matrices and two norms, and the last norm."""
        layer = 4 * self.hidden_size**2 + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size
        return VOCAB_SIZE * self.hidden_size + self.n_layers * layer + self.hidden_size


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """The recipe; the defaults are for the tiny world on two CPU cores.

    Training runs one phase of `steps` and, while the gate does not hold, up to `n_extensions` phases of
    `extension_steps`. In each phase the rate falls linearly to zero from its peak, so every phase ends in
    a finished model and the gate can stop training there without harm.
    """

    steps: int = 500
    extension_steps: int = 150
    n_extensions: int = 3
    documents_per_step: int = 128  # about 32 tokens each
    row_tokens: int = 112  # documents are packed whole into rows; longer ones are cut
    matrix_rate: float = 0.013  # peak rate of Muon, for the matrices of the layers
    other_rate: float = 0.008  # peak rate of AdamW, for the embedding and the norms
    extension_rate_share: float = 0.5  # an extension's peak rate, as a share of the first
    warmup_steps: int = 20
    weight_decay: float = 0.8  # of the matrices; chosen together with the rates, gate 0.84 -> 0.91 at 400 steps
    max_gradient_norm: float = 1.0
    gate_accuracy: float = 0.90  # zero-shot, head people, in the task's own form
    gate_people: int = 66  # train and dev people of the head group that the gate asks about
    gate_every_steps: int = 100
    log_every_steps: int = 10
    seed: int = 0

"""The memory that training takes, as a function of sizes alone: what it holds, and what a pass keeps for its gradient.

Derived from what autograd saves in a decoder layer, per token (H hidden, I inner, Q and K widths of queries and of keys, r rank):

    residual stream at both norms 2 H, both norms' outputs 2 H, queries, keys, values and attention's output 2 Q + 2 K,
    the MLP's 4 I (gate, its activation, up, their product; without a gate 5 I, as gelu_new is written out), each site's r,
    with dropout a mask and a dropped copy of each site's input, which takes the place of the input: 10 H + I more
    (4 H + I more where queries, keys and values are one site), all parameters trained: each norm's input 2 H, no r.

Short rows on a CPU keep what each head of each token sees too (short_rows.py). In 16 bits the residual stream at the norms stays
float32. A learned position adds its hidden state, its logits in float32 and in 16 bits those too, their log-softmax, and on the way
back the gradients of both. tests/train/test_memory.py checks this against what autograd saves and against the peaks of real processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from factcli.machine import GB

TRAINED_BYTES = 16  # per parameter: weight, gradient and two moments of AdamW, all float32
REDUCED = 500_000_000  # gradients that DeepSpeed collects before it shares them out: its reduce_bucket_size
REDUCED_BYTES = 8  # of each of them: the gradient and its place among them
PASS_BYTES = 8  # per parameter of an adapter: its matrices as a pass stacks them, and their gradient
PLUGGED_BYTES = 4  # per parameter of a frozen adapter: float32
LIBRARY_BYTES = 100_000_000  # that a CPU process loads with its first model and pass; fitted: 121 and 134 MB over 200 and 300 MB, 25 of them the mapped base
SHORT_ROW = 128  # tokens, up to which attention on a CPU is by products of matrices
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
UNGATED = ("gpt2", "gpt_neo", "gpt_neox", "opt", "gpt_bigcode", "bloom", "falcon")  # one module makes queries, keys and values
HEAD_NORMED = ("qwen3", "gemma3", "olmo2", "olmo3")


@dataclass(frozen=True, slots=True)
class Memory:
    """Parameters that a training run holds, by what is done with them."""

    trained: int
    base: int = 0  # frozen, in the base's number format
    base_bytes: float = 4  # per parameter of the base
    plugged: int = 0  # of frozen adapters
    parts: int = 1  # processes over which the base is cut; without a base, all of what is trained but its weights

    @property
    def n_bytes(self) -> int:
        return (
            round(self.base * self.base_bytes / self.parts)
            + self.plugged * PLUGGED_BYTES
            + round(self.trained * self.trained_bytes)
            + self.reduced * REDUCED_BYTES
        )

    @property
    def trained_bytes(self) -> float:
        """Per trained parameter: of a whole model that is shared out (ZeRO-2) the weights are held too that the pass computes with."""
        return 4 + TRAINED_BYTES / self.parts if self.is_shared_out else TRAINED_BYTES

    @property
    def reduced(self) -> int:
        """Gradients that are on their way to the process that updates with them."""
        return min(self.trained, REDUCED) if self.is_shared_out else 0

    @property
    def is_shared_out(self) -> bool:
        return self.parts > 1 and not self.base

    def __str__(self) -> str:
        cut = f" / {self.parts} processes" if self.parts > 1 else ""
        shared = f", shared out over {self.parts} processes" if self.is_shared_out else ""
        parts = [
            (self.base, f"base parameters x {self.base_bytes:g} bytes{cut}"),
            (self.plugged, f"parameters of frozen adapters x {PLUGGED_BYTES} bytes"),
            (self.trained, f"trained parameters x {self.trained_bytes:g} bytes (weight, gradient, two moments{shared})"),
            (self.reduced, f"gradients on their way x {REDUCED_BYTES} bytes"),
        ]
        return f"estimated: {' + '.join(f'{number} {text}' for number, text in parts if number)}; activations come on top"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a dense decoder, as its config.json says them."""

    hidden: int
    layers: int
    inner: int
    queries: int  # heads x their width
    keys: int
    vocabulary: int
    is_gated: bool  # the MLP has a gate
    sites: int  # linear modules of a layer
    has_head_norms: bool = False  # of queries and keys
    heads: int = 1

    @property
    def is_fused(self) -> bool:
        """Queries, keys and values come out of one module."""
        return not self.is_gated


def architecture(config: Mapping[str, Any]) -> Architecture | None:
    """None where config.json does not say them under a known name, or the model has experts: then nothing is estimated."""
    config = config.get("text_config") or config
    hidden, layers = (_first(config, *names) for names in (("hidden_size", "n_embd", "d_model"), ("num_hidden_layers", "n_layer", "num_layers")))
    heads, vocabulary = _first(config, "num_attention_heads", "n_head", "num_heads"), _first(config, "vocab_size")
    if not (hidden and layers and heads and vocabulary) or any(config.get(name) for name in EXPERTS):
        return None
    inner = _first(config, "intermediate_size", "n_inner", "ffn_dim") or 4 * hidden
    width = _first(config, "head_dim") or hidden // heads
    keys = _first(config, "num_key_value_heads") or heads
    kind = str(config.get("model_type", ""))
    is_gated = kind not in UNGATED
    return Architecture(hidden, layers, inner, heads * width, keys * width, vocabulary, is_gated, 7 if is_gated else 4, kind.startswith(HEAD_NORMED), heads)


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := config.get(name), int) and value > 0), None)


@dataclass(frozen=True, slots=True)
class Forward:
    """The largest pass of a run: rows on one device, their longest, and how many of all its positions have a loss."""

    rows: int
    length: int  # of rows that lie end to end their mean
    learned: int
    widest: int = 0  # tokens of the longest row where they lie end to end: as long as attention makes each

    @property
    def tokens(self) -> int:
        """Padding counts: it is computed like the rest."""
        return self.rows * self.length

    @property
    def padded(self) -> int:
        """Tokens that attention sees."""
        return self.rows * max(self.length, self.widest)

    @property
    def seen(self) -> int:
        """Pairs of tokens that attention on short rows looks at, with those that causality hides; where rows are longer, other passes have short ones."""
        return self.tokens * min(self.length, SHORT_ROW)

    def of_rows(self, rows: int) -> "Forward":
        """The largest of the passes that so many rows of the same kind make each: of rows end to end the longest are in one."""
        length = self.length if rows >= self.rows else max(self.length, self.widest)
        return replace(self, rows=rows, length=length, learned=-(-self.learned * rows // max(1, self.rows)))


@dataclass(frozen=True, slots=True)
class Activations:
    """Bytes that a pass needs beside what is held: per token, per learned position, and per token of the one layer that works.

    `per_padded`: per token that attention sees, where it pads rows that lie end to end. `per_seen`: per pair of tokens of a short row.
    """

    per_token: float
    per_learned: float
    working: float
    per_padded: float = 0
    per_seen: float = 0

    def n_bytes(self, forward: Forward) -> int:
        """The head's own gradients and those inside a layer are not there at the same time."""
        kept = self.per_token * forward.tokens + self.per_learned * forward.learned + self.per_padded * forward.padded + self.per_seen * forward.seen
        return round(kept + max(self.working * forward.tokens, self.per_learned * forward.learned))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a pass computes: what decides which of its numbers are kept."""

    r: int  # of the adapter; 0: every parameter is trained
    has_dropout: bool
    number_bytes: int  # 4 or 2
    is_checkpointed: bool = False  # layers are computed again on the way back
    has_teacher: bool = False  # the base's own logits beside the model's
    is_free: bool = False  # rows lie end to end, and attention pads them
    is_by_products: bool = False  # attention of short rows


def activations(shape: Architecture, manner: Manner) -> Activations:
    layer = _layer_bytes(shape, manner)
    attended = 2 * (shape.queries + shape.keys) * manner.number_bytes if manner.is_free else 0
    layer -= attended - shape.queries * manner.number_bytes if manner.is_free else 0  # what comes out is kept without padding too
    layer += 2 * (shape.queries - shape.keys) * manner.number_bytes if manner.is_by_products else 0  # keys and values of a group of heads, repeated
    n_kept = 1 if manner.is_checkpointed else shape.layers
    per_token = n_kept * layer + (shape.hidden * manner.number_bytes * shape.layers if manner.is_checkpointed else 0)
    working = manner.number_bytes * (3 * shape.inner + 2 * shape.hidden)
    logits = 4 * shape.vocabulary + (manner.number_bytes if manner.number_bytes < 4 else 0) * shape.vocabulary
    per_learned = (3 if manner.has_teacher else 1) * logits + shape.hidden * manner.number_bytes
    per_seen = n_kept * shape.heads * manner.number_bytes if manner.is_by_products else 0
    return Activations(per_token, per_learned, working, n_kept * attended, per_seen)


def _layer_bytes(shape: Architecture, manner: Manner) -> float:
    """Per token."""
    h, i = shape.hidden, shape.inner
    normed = 2 * h + (shape.queries + shape.keys if shape.has_head_norms else 0)  # in float32 whatever the rest is
    numbers = 2 * h + 2 * (shape.queries + shape.keys) + (4 if shape.is_gated else 5) * i
    if manner.r == 0:
        numbers += normed
    else:
        numbers += shape.sites * manner.r
        numbers += (4 if shape.is_fused else 10) * h + i if manner.has_dropout else 0
    return normed * 4 + numbers * manner.number_bytes


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run needs at its peak on one device. `activations` None: of a model whose sizes are not known, so only what is held is."""

    memory: Memory
    activations: Activations | None
    forward: Forward
    trains_all: bool = False
    n_groups: int = 1  # adapters whose rows share a pass, or answers of a pair: `micro_rows` and `micro_pairs` count one of each
    fixed: int = 0  # of libraries

    @property
    def held(self) -> int:
        """Weights, gradients and optimizer, whatever the batch is."""
        return self.memory.n_bytes + (0 if self.trains_all else self.memory.trained * PASS_BYTES)

    def peak(self, forward: Forward | None = None) -> int:
        return self.held + self.fixed + (0 if self.activations is None else self.activations.n_bytes(forward or self.forward))

    def most_rows(self, room: float) -> int:
        """How many rows of this length fit into so many bytes; all of them where that is not known to be too many."""
        if self.activations is None or self.peak() <= room:
            return self.forward.rows
        low, high = 0, self.forward.rows
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.peak(self.forward.of_rows(middle)) <= room else (low, middle)
        return low if self.peak(self.forward.of_rows(low)) <= room else 0

    def most_in_a_pass(self, room: float) -> int:
        """The same as what the setting counts: rows of each adapter, or pairs."""
        return self.most_rows(room) // self.n_groups

    def longest_row(self, room: float) -> int:
        """How long a single row may be, of which all has a loss as far as it has now."""
        share = self.forward.learned / max(1, self.forward.tokens)
        lengths = range(self.forward.length, 0, -1) if self.activations else range(0)
        return next((n for n in lengths if self.peak(Forward(1, n, round(n * share))) <= room), 0)

    def __str__(self) -> str:
        held = f"{in_gb(self.held)} held"
        if self.activations is None:
            return f"{held}; of activations nothing is known: the sizes in config.json have no known names"
        mean = " on average" if self.forward.widest else ""
        rows = f"{self.forward.rows} rows of {self.forward.length} tokens{mean} in a pass, {self.forward.learned} of them learned"
        libraries = f" + {in_gb(self.fixed)} of libraries" if self.fixed else ""
        return f"{held} + {in_gb(self.peak() - self.held - self.fixed)} of activations ({rows}){libraries}"


def in_gb(n_bytes: float) -> str:
    return f"{n_bytes / GB:.1f} GB" if n_bytes >= GB / 10 else f"{n_bytes / 1e6:.0f} MB"


def in_each_of(n_processes: int) -> str:
    return f" in each of {n_processes} processes" if n_processes > 1 else ""

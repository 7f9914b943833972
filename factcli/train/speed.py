"""The floating-point operations of training, and what a device could do at most: their ratio is the share of peak (MFU).

A multiply and an add are two. Per token of a frozen base: 2 N forward and 2 N back through its activations; 2 N more for each
parameter that is trained (https://arxiv.org/abs/2001.08361, section 2.1, has 6 N for the whole). Attention: a token looks at half of
its row on average. Padding and what is computed twice are not counted, as usual for MFU (https://arxiv.org/abs/2204.02311, appendix B);
nor is what passes forwards alone: evaluations, and the reference of a preference run, whose log-probabilities are on record before training.
"""

from dataclasses import dataclass, replace

from factcli.train.memory import Architecture

# Dense bfloat16, operations per second, by a part of the name that the driver gives, the more specific first. From the makers' data
# sheets; those of NVIDIA print twice as much, "with sparsity". A card that is not here has no share of peak: it is not guessed.
PEAKS: tuple[tuple[str, float], ...] = (
    ("GB200", 2500e12),  # https://www.nvidia.com/en-us/data-center/gb200-nvl72/
    ("B200", 2250e12),  # https://www.nvidia.com/en-us/data-center/dgx-b200/
    ("H200 NVL", 835e12),  # https://www.nvidia.com/en-us/data-center/h200/
    ("H200", 989e12),
    ("H100 NVL", 835e12),  # https://www.nvidia.com/en-us/data-center/h100/
    ("H100 PCIe", 756e12),
    ("H100", 989e12),
    ("A100", 312e12),  # https://www.nvidia.com/en-us/data-center/a100/
    ("L40S", 362e12),  # https://resources.nvidia.com/en-us-l40s/l40s-datasheet-28413
    ("MI300X", 1307e12),  # https://www.amd.com/en/products/accelerators/instinct/mi300/mi300x.html
)


def peak_of(device: str) -> float | None:
    """Operations per second of a known card; None for any other."""
    return next((peak for name, peak in PEAKS if name in device), None)


@dataclass(frozen=True, slots=True)
class Passed:
    """What has passed forwards and backwards: tokens, the sum of the squares of the rows' lengths, and positions with a loss."""

    tokens: int = 0
    squares: int = 0
    learned: int = 0

    def and_row(self, length: int, learned: int) -> "Passed":
        return Passed(self.tokens + length, self.squares + length * length, self.learned + learned)

    def and_pair(self, prompt: int, chosen: int, rejected: int, shares_prompt: bool) -> "Passed":
        """A row for each answer, or one row in which the prompt passes, and looks at itself, once for both."""
        both = self.and_row(prompt + chosen, chosen).and_row(prompt + rejected, rejected)
        return replace(both, tokens=both.tokens - prompt, squares=both.squares - prompt * prompt) if shares_prompt else both


@dataclass(frozen=True, slots=True)
class Sizes:
    """Parameters by which a token is multiplied: of the layers' matrices, of its trained adapter, of frozen adapters."""

    layers: int
    trained: int = 0  # of adapters; where all is trained, 0
    plugged: int = 0
    trains_all: bool = False


def flops(shape: Architecture, sizes: Sizes, passed: Passed) -> float:
    """Operations of training on these tokens."""
    share = 6 if sizes.trains_all else 4
    layers = (share * sizes.layers + 6 * sizes.trained + 4 * sizes.plugged) * passed.tokens
    head = share * shape.hidden * shape.vocabulary * passed.learned
    attention = 6 * shape.queries * shape.layers * passed.squares  # 2 forward and 4 back, of half of each square, for scores and for values
    return float(layers + head + attention)

"""Settings of how a training job computes: each changes speed and memory, and the result in its last digits alone. No torch here."""

from factcli.config import Config, setting
from factcli.extras import require_flash, require_liger
from factcli.train.job import Attention, Machine, Number, Padding


class Switches(Config):
    """Of any job. docs/throughput.md measures each; what does not pay on two CPU cores is off."""

    attention: Attention = setting(
        "auto",
        "auto (flash where installed and able; short rows of knowledge and skill on a CPU by products), sdpa (torch's own) or flash.",
        role="numerics",
        later=True,
    )
    activation_checkpointing: bool = setting(
        False, "Compute each layer again on the way back instead of keeping it: memory for time.", role="numerics", later=True
    )
    liger: bool = setting(False, "Liger's fused kernels, on a GPU where liger-kernel is installed.", role="numerics", later=True)
    compile: bool = setting(False, "Norms compiled by torch: seconds at the start for fewer kernels after it.", role="numerics", later=True)


class ComputeConfig(Switches):
    """Of the jobs whose rows are laid out here; `fact dpo` has prefix_sharing instead."""

    padding: Padding = setting("padded", "padded; or free: the rows of a pass laid end to end, for rows of very unequal length.", role="numerics", later=True)
    length_groups: bool = setting(
        True, "Of fact sft: padded rows of a step in several passes by length, where that saves more than a pass costs.", role="numerics", later=True
    )


UNSWITCHED, PLAIN = Switches(), ComputeConfig()


def require_installed(compute: Switches) -> None:
    """Raises BackendError, before anything is started, for what a switch needs and this installation has not."""
    if compute.attention == "flash":
        require_flash()
    if compute.liger:
        require_liger()


def machine_of(compute: Switches, dtype: Number, threads: int, micro_rows: int, checkpoint_every_s: float) -> Machine:
    return Machine(dtype=dtype, threads=threads, micro_rows=micro_rows, checkpoint_every_s=checkpoint_every_s, **dict(compute))

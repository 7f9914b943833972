"""Optional parts of the installation: said by name where one is missing, before any work is begun."""

import importlib.util

from factcli.errors import BackendError

SEARCH = ("bm25s", "numba", "rapidfuzz")
FOUR_BIT = "bitsandbytes"
FLASH = "flash_attn"
LIGER = "liger_kernel"
EVAL = ("lm_eval",)
DEEPSPEED = "deepspeed"
TRAIN = ("torch", "transformers", "peft", "accelerate")


def require_train() -> None:
    """Raises BackendError unless everything that trains and runs models is installed. Imports none of it."""
    missing = [name for name in TRAIN if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f"training and local models need what is not installed: {', '.join(missing)}", 'pip install "factcli[train]"')


def require_search() -> None:
    """Raises BackendError unless everything that searches a knowledge pack is installed. Imports none of it."""
    missing = [name for name in SEARCH if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f"knowledge packs need what is not installed: {', '.join(missing)}", 'pip install "factcli[score]"')


def require_four_bit() -> None:
    """Raises BackendError unless a base can be held in 4 bits. Imports nothing."""
    require_train()
    if importlib.util.find_spec(FOUR_BIT) is None:
        raise BackendError(f"a base in 4 bits needs what is not installed: {FOUR_BIT}", 'pip install "factcli[qlora]", or train with --mode lora')


def require_flash() -> None:
    """Raises BackendError unless FlashAttention is installed. Imports nothing."""
    if importlib.util.find_spec(FLASH) is None:
        raise BackendError(f"attention flash needs what is not installed: {FLASH}", 'pip install --no-build-isolation "factcli[flash]", or attention sdpa')


def require_liger() -> None:
    """Raises BackendError unless Liger's kernels are installed. Imports nothing."""
    if importlib.util.find_spec(LIGER) is None:
        raise BackendError(f"fused kernels need what is not installed: {LIGER}", "pip install liger-kernel (they run on a GPU), or liger=false")


def require_deepspeed() -> None:
    """Raises BackendError unless DeepSpeed is installed. Imports nothing."""
    if importlib.util.find_spec(DEEPSPEED) is None:
        raise BackendError(
            f"the accelerate file asks for what is not installed: {DEEPSPEED}", 'pip install "factcli[deepspeed]", or --accelerate fsdp2 or gpus'
        )


def require_eval() -> None:
    """Raises BackendError unless the lm-evaluation-harness is installed. Imports none of it."""
    require_train()
    missing = [name for name in EVAL if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f"the harness is not installed: {', '.join(missing)}", 'pip install "factcli[eval]"')

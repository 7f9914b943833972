"""Whether vLLM takes an adapter, told from its files: vLLM's own rules, read in its source and documents, not run.

Rules and where they stand (vLLM 0.14 to 0.27): `validate_legal` of vllm/lora/peft_helper.py (rank, bias, modules_to_save, DoRA; it reads
r, lora_alpha, use_rslora and no rank_pattern or alpha_pattern, whose layers would silently get the wrong scale); MaxLoRARanks of
vllm/config/lora.py; check_unexpected_modules of vllm/lora/lora_model.py (a module that the model does not wrap is refused);
the LoRA column of docs.vllm.ai, "List of supported models".
"""

from collections.abc import Mapping
from typing import Any

MAX_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
PROJECTIONS = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"})
WITH_LORA = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "GemmaForCausalLM", "Gemma2ForCausalLM")
WITHOUT_LORA = ("GPT2LMHeadModel",)
PATTERNS = ("rank_pattern", "alpha_pattern")


def outside_vllm(config: Mapping[str, Any], architecture: str) -> list[str]:
    """What of an adapter_config.json vLLM does not take, in words; nothing where it is within its limits."""
    found = []
    if config["r"] > MAX_RANKS[-1]:
        found.append(f"rank {config['r']}, {MAX_RANKS[-1]} at most")
    if config.get("bias", "none") != "none":
        found.append(f"bias {config['bias']}, none only")
    found += [f"{name}, not supported" for name in ("modules_to_save", "use_dora") if config.get(name)]
    found += [f"{name}, which it does not read" for name in PATTERNS if config.get(name)]
    if architecture in WITHOUT_LORA:
        found.append(f"{architecture} takes no adapters there: merge")
    if architecture in WITH_LORA:
        found += [f"module {name}" for name in sorted(_endings(config) - PROJECTIONS)]
    return found


def vllm_verdict(config: Mapping[str, Any], architecture: str) -> str:
    """One line for the certificate: how to serve the adapter, what stands against it, or what is not known."""
    outside = outside_vllm(config, architecture)
    if outside:
        return f"outside vLLM's limits: {'; '.join(outside)}"
    needed = next(rank for rank in MAX_RANKS if rank >= config["r"])
    known = "" if architecture in WITH_LORA else f"; whether it takes adapters on {architecture}, its list of supported models says"
    return f"within vLLM's limits by its rules (not run): --enable-lora --max-lora-rank {needed}{known}"


def _endings(config: Mapping[str, Any]) -> set[str]:
    targets = config["target_modules"]
    return {name.split(".")[-1] for name in ([targets] if isinstance(targets, str) else targets)}

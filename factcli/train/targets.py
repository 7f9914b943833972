"""Which linear modules of a model's layers adapters attach to, by name. No torch: a dry run asks it too."""

from collections.abc import Sequence

GROUPS = ("all-linear", "no-query-key")  # targets that are no endings of names
VALUE_AND_OUTPUT = ("v_proj", "o_proj", "value", "dense", "out_proj", "c_proj", "out_lin", "v_lin", "wv", "wo")


def is_target(name: str, targets: str | Sequence[str]) -> bool:
    """Whether adapters attach to a linear module of the layers.

    "all-linear": to each, all but the output head, as PEFT means it. "no-query-key": to all but the ones that decide
    what attention looks at, so that an adapter changes what is found there and not where it is looked for.
    """
    if targets in GROUPS:
        return targets == "all-linear" or not makes_query_or_key(name)
    return any(ends_with(name, target) for target in ([targets] if isinstance(targets, str) else targets))


def makes_query_or_key(name: str) -> bool:
    """Whether a module of attention makes queries or keys: all that are not known to make values or the output, so fused ones too."""
    *path, last = name.split(".")
    return any("attn" in part or "attention" in part for part in path) and last not in VALUE_AND_OUTPUT


def ends_with(name: str, target: str) -> bool:
    """Whether whole dotted parts match: q_proj ends layers.0.q_proj, not layers.0.xq_proj."""
    return name == target or name.endswith("." + target)

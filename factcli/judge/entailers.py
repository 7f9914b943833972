"""Who says whether one text follows from another, as it is named on the command line: nli:CHECKPOINT, or lexical."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factcli.errors import SettingsError
from factcli.extras import require_train
from factcli.judge.entailment import Entailer, EntailerConfig, EntailerRef, entailer_ref
from factcli.judge.lexical import LexicalEntailer

if TYPE_CHECKING:
    from factcli.judge.entailing import LocalEntailer

NLI, LEXICAL = "nli:", "lexical"
WAY_OUT = "--entailer nli:DIRECTORY_OR_HUB_NAME of an entailment model, or --entailer lexical: words alone, no measure on texts that people write"


@dataclass(frozen=True, slots=True)
class Named:
    """An entailer before it is loaded. `identity` is known without that."""

    name: str
    identity: Mapping[str, str]
    open: Callable[[], Entailer]


def named_entailer(spec: str, config: EntailerConfig, root: Path) -> Named:
    """What `spec` names. Raises SettingsError, or InputError for a checkpoint that judges no entailment; nothing is loaded."""
    if spec == LEXICAL:
        return Named(LEXICAL, LexicalEntailer().identity, LexicalEntailer)
    if not spec.startswith(NLI) or spec == NLI:
        raise SettingsError(f"no entailer is called {spec!r}" if spec else "no entailment model is given: who shall compare the answers?", WAY_OUT)
    return _checkpoint(spec, config, root)


def _checkpoint(spec: str, config: EntailerConfig, root: Path) -> Named:
    ref = entailer_ref(spec.removeprefix(NLI), config, root)
    return Named(spec, ref.identity, lambda: loaded(ref))


def loaded(ref: EntailerRef) -> "LocalEntailer":
    """The checkpoint, in this process. Raises BackendError where what runs models is not installed."""
    require_train()
    from factcli.judge.entailing import load_entailer

    return load_entailer(ref)

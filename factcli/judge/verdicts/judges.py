"""Who judges: known before anything is loaded or sent, so that a plan's key covers it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.backends.opening import Answering, FindLocal, answering
from factcli.backends.spec import HttpSpec, LocalSpec
from factcli.errors import InputError, SettingsError
from factcli.judge.entailment import EntailerRef, entailer_ref
from factcli.judge.verdicts.settings import AtOnce, JudgeConfig

NLI, WORLD = "nli:", "world"
AT_ONCE: Mapping[str, AtOnce] = {"each": "claim", "all": "answer"}  # before the name of a language model, for itself alone
HINT = "http:MODEL@URL, local:REF, scripted:FILE, nli:DIRECTORY (an entailment model) or world"


@dataclass(frozen=True, slots=True)
class LanguageJudge:
    """A language model. `number` is the judge's place among all, from 0; it ends the id of each verdict."""

    number: int
    name: str
    who: Answering
    at_once: AtOnce

    @property
    def identity(self) -> Mapping[str, Any]:
        return {**self.who.identity, "at_once": self.at_once}

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return self.who.inputs


@dataclass(frozen=True, slots=True)
class EntailmentJudge:
    number: int
    name: str
    ref: EntailerRef

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.ref.identity

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return self.ref.base.inputs


@dataclass(frozen=True, slots=True)
class WorldJudge:
    number: int
    name: str
    world: Artifact

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"world": self.world.digest}

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return {"world": self.world}


Judge = LanguageJudge | EntailmentJudge | WorldJudge


def judges_of(config: JudgeConfig, root: Path, find_local: FindLocal | None = None, world: Artifact | None = None) -> tuple[Judge, ...]:
    """The judges that the settings name, in their order. Raises SettingsError where there is none, or one of them twice.

    `root`: directory of all artifacts. `world`: whose ledger `world` means.
    """
    if not config.judges:
        raise SettingsError("no judge is given: who shall say what is true?", f"--judge {HINT}; several may be given")
    judges = [_judge(number, text, config, root, find_local, world) for number, text in enumerate(config.judges)]
    for judge, text in zip(judges, config.judges, strict=True):
        if any(other.identity == judge.identity and other.name == judge.name for other in judges[: judge.number]):
            raise SettingsError(f"judge {text} is given twice", "a model agrees with itself: leave one out")
    return tuple(_named_apart(judge, judges) for judge in judges)


def identity_of(judges: Sequence[Judge]) -> Mapping[str, Any]:
    """For Plan.model, beside what else answers."""
    return {"judges": [dict(judge.identity) for judge in judges]}


def inputs_of(judges: Iterable[Judge]) -> dict[str, Artifact]:
    """For Plan.inputs: the first judge's roles as they are called, those of others with their number."""
    found: dict[str, Artifact] = {}
    for judge in judges:
        for role, artifact in judge.inputs.items():
            known = found.get(role)
            found[role if known is None or known.digest == artifact.digest else f"{role}-j{judge.number}"] = artifact
    return found


def _judge(number: int, text: str, config: JudgeConfig, root: Path, find_local: FindLocal | None, world: Artifact | None) -> Judge:
    if text == WORLD:
        if world is None:
            raise InputError("the judge `world` needs a world, and there is none", "fact world; or name one: --world REF")
        return WorldJudge(number, WORLD, world)
    if text.startswith(NLI):
        ref = entailer_ref(text.removeprefix(NLI), config.entailer, root)
        return EntailmentJudge(number, f"{NLI}{ref.base.name}", ref)
    before, _, rest = text.partition(":")
    if before in AT_ONCE:
        judge = _language_judge(number, rest, config, find_local, AT_ONCE[before])
        return replace(judge, name=f"{before}:{judge.name}")
    return _language_judge(number, text, config, find_local, config.at_once)


def _language_judge(number: int, text: str, config: JudgeConfig, find_local: FindLocal | None, at_once: AtOnce) -> LanguageJudge:
    if text.partition(":")[0] not in ("http", "local", "scripted"):
        raise SettingsError(f"judge {text.partition('://')[0]!r} is of no known kind", HINT)
    greedy = {"backend": text, "json_asks": 1}  # asked again it would say the same
    who = answering(config.generation.model_copy(update=greedy), find_local)
    return LanguageJudge(number, _name(who), who, at_once)


def _name(who: Answering) -> str:
    """As a person would write it: no path of this machine."""
    if isinstance(who.spec, HttpSpec):
        return f"http:{who.endpoint.name}"
    return f"local:{who.endpoint.model}" if isinstance(who.spec, LocalSpec) else "scripted"


def _named_apart(judge: Judge, judges: Sequence[Judge]) -> Judge:
    """With a number behind the name where another has the same: two scripts, or two models in folders of one name."""
    alike = [other.number for other in judges if other.name == judge.name]
    if judge.number == alike[0]:
        return judge
    return replace(judge, name=f"{judge.name}#{alike.index(judge.number) + 1}")

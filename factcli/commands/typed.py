"""The commands that a step of a recipe can be, and a step as it would be typed."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from typer import Abort

from factcli import resolving
from factcli.config import Config, resolve
from factcli.errors import INTERRUPTED, SettingsError, nearest
from factcli.flows.recipe import Recipe, Step

OWN = ("set", "name", "data", "force", "dry-run", "json")  # options that a step has as its fields, or the run has as its own
LOCAL = "local:"
REFERENCES = frozenset(  # options and arguments that name artifacts; elsewhere `world` may be a word of the command's own
    [
        "a",
        "against",
        "answers",
        "b",
        "baseline",
        "before",
        "beside",
        "check",
        "combine",
        "confidence",
        "documents",
        "drift",
        "evals",
        "from",
        "known",
        "knowledge",
        "mix",
        "model",
        "original",
        "pack",
        "pairs",
        "planned",
        "questions",
        "ref",
        "reference",
        "refs",
        "scores",
        "synth",
        "with",
        "world",
    ]
)
WORDS = (("score confidence", "questions"), ("score reliability", "scores"), ("synth wiki", "documents"))  # what is called so there names none
NAMING = ("preset", "size")  # options that name a settings file of their command's folder
SPELLED = ("examples", "grid", "seeds")  # options that are typed otherwise than the setting of that name: a file for a number, 0-2 for 0, 1, 2
SETTINGS: Mapping[str, tuple[str, ...]] = {  # where each command's settings are; several where its inputs decide
    "world": ("stages.world:WorldConfig",),
    "synth bio": ("stages.synth.settings:BioConfig", "stages.synth.subjects.settings:BioSubjectsConfig"),
    "synth qa": ("stages.synth.settings:QaConfig", "stages.synth.from_facts:FactsConfig", "stages.synth.triples.settings:QaTriplesConfig"),
    "synth medical": ("stages.synth.subjects.settings:MedicalSubjectsConfig",),
    "synth hotpotqa": ("stages.synth.triples.settings:HotpotConfig",),
    "synth samples": ("stages.synth.samples:SamplesConfig",),
    "synth pairs": ("stages.synth.pairs:PairsConfig",),
    "synth forms": ("stages.synth.forms:FormsConfig",),
    "synth beliefs": ("stages.synth.beliefs.settings:BeliefsConfig",),
    "synth wiki": ("stages.synth.wiki.settings:WikiConfig",),
    "pack build": ("stages.pack:PackConfig",),
    "prereq": ("stages.prereq:PrereqConfig",),
    "sft": ("stages.sft:SftConfig",),
    "dpo": ("stages.dpo:DpoConfig",),
    "grath-iterate": ("flows.grath.settings:GrathConfig",),
    "score factscore": ("stages.score.factscore.settings:FactscoreConfig",),
    "score confidence": ("stages.score.confidence.settings:ConfidenceConfig",),
    "score consistency": ("stages.score.consistency.settings:ConsistencyConfig",),
    "score reliability": ("stages.score.reliability:ReliabilityConfig",),
    "score pairs": ("stages.score.pairs:PairsConfig",),
    "score claims": ("stages.score.claims:ScoreClaimsConfig",),
    "score calibrate": ("stages.score.calibrate:CalibrateConfig",),
    "export": ("stages.export.stage:ExportConfig",),
    "eval world": ("stages.eval.settings:WorldEvalConfig",),
    "eval popqa": ("stages.eval.settings:PopqaEvalConfig",),
    "eval bio": ("stages.eval.long:LongEvalConfig",),
    "eval medical": ("stages.eval.long:LongEvalConfig",),
    "eval longfact": ("stages.eval.long:LongEvalConfig",),
    "eval hotpotqa": ("stages.eval.settings:HotpotqaEvalConfig",),
    "eval triviaqa": ("stages.eval.settings:TriviaqaEvalConfig",),
    "eval nq": ("stages.eval.settings:NqEvalConfig",),
    "eval simpleqa": ("stages.eval.settings:SimpleqaEvalConfig",),
    "eval rescore": ("stages.eval.rescore:GradingConfig",),
    "eval overlap": ("stages.eval.overlapping:OverlapConfig",),
    "eval pairwise": ("stages.pairwise.settings:PairwiseConfig",),
    "eval truthfulqa": ("stages.eval.choices:TruthfulqaEvalConfig", "stages.eval.judged:GenerationEvalConfig"),
    "eval mc": ("stages.eval.choices:McEvalConfig",),
    "eval haluevalqa": ("stages.eval.halueval:HaluevalConfig",),
    "eval perplexity": ("stages.eval.perplexity:PerplexityConfig",),
    "eval harness": ("stages.eval.harness:HarnessEvalConfig",),
    "eval forgetting": ("stages.eval.forgetting:ForgettingConfig",),
    "eval response-types": ("stages.eval.responses:ResponsesConfig",),
    "compare": ("stages.compare.settings:CompareConfig", "stages.compare.settings:PowerConfig"),
    "audit": ("stages.audit.settings:AuditConfig",),
    "report": ("stages.report.settings:ReportConfig",),
    "sweep": ("stages.sweep.settings:SweepConfig",),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the program. `parse` raises what its own parser raises; `call` gives its exit code."""

    words: str
    parameters: Mapping[str, Any]  # option (without dashes) or argument -> what the program says of it
    parse: Callable[[list[str]], Any]
    call: Callable[[list[str]], int | None]

    def typed(self, step: Step, folder: Path, made: Mapping[str, str]) -> list[str]:
        """Options and arguments of a step; `made` gives the version of each artifact that an earlier step made."""
        options: list[str] = []
        arguments: list[str] = []
        for name, value in step.options.items():
            for one in value if isinstance(value, list) else [] if value is None else [value]:
                self._type(name, self._value(name, one, folder, made), options, arguments)
        for name, value in step.settings.items():
            options += ["--set", f"{name}={_spelled(local(value, made))}"]
        return arguments + options

    def _value(self, name: str, given: Any, folder: Path, made: Mapping[str, str]) -> Any:
        if name == "config":
            return self.config_file(given, folder)
        return pinned(given, made) if name in REFERENCES and (self.words, name) not in WORDS else local(given, made)

    def _type(self, name: str, value: Any, options: list[str], arguments: list[str]) -> None:
        parameter = self.parameters[name]
        if parameter.param_type_name == "argument":
            arguments.append(str(value))
        elif parameter.is_flag and isinstance(value, bool):
            options += (parameter.opts if value else parameter.secondary_opts)[:1]
        else:
            options += [f"--{name}", str(value)]

    def config_file(self, given: Any, folder: Path) -> str:
        """A settings file beside the recipe or as typed; without a suffix, one of configs/ by its name."""
        beside = folder / str(given)
        if Path(str(given)).suffix:
            return str(beside if beside.is_file() else given)
        return str(resolving.recipe_file(self.words.partition(" ")[0], str(given)))


def pinned(value: Any, made: Mapping[str, str]) -> Any:
    """NAME, NAME=SHARE, NAME:PART, NAME,NAME or local:NAME with the version that this run made or found; anything else as it is."""
    if not isinstance(value, str) or value.startswith(LOCAL):
        return local(value, made)
    return ",".join(_pinned(part, made) for part in value.split(","))


def _pinned(value: str, made: Mapping[str, str]) -> str:
    name = re.split("[=:]", value, maxsplit=1)[0]
    return made.get(name, name) + value.removeprefix(name)


def local(value: Any, made: Mapping[str, str]) -> Any:
    """local:NAME with that version; anything else as it is."""
    if not isinstance(value, str) or not value.startswith(LOCAL):
        return value
    name = value.removeprefix(LOCAL)
    return LOCAL + made.get(name, name)


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def commands_of(program: Any) -> dict[str, Command]:
    """Every command that makes an artifact, by its words."""
    return {words: _command(words, found) for words, found in _leaves(program, "") if {"data", "name", "dry_run"} <= {p.name for p in found.params}}


def _leaves(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for word, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from _leaves(found, f"{before}{word} ")
        else:
            yield before + word, found


def _command(words: str, found: Any) -> Command:
    prog = f"fact {words}"
    call = partial(found.main, prog_name=prog, standalone_mode=False)
    return Command(words, {_name_of(p): p for p in found.params}, lambda argv: found.make_context(prog, list(argv)), call)


def _name_of(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).rstrip("_")
    return max(parameter.opts, key=len).removeprefix("--")


def faults_of(recipe: Recipe, commands: Mapping[str, Command]) -> list[str]:
    """What is wrong with the steps, as far as it can be known before the first: commands, options, their values, settings."""
    return [f"step {n} ({step.name}): {fault}" for n, step in enumerate(recipe.steps, 1) for fault in _faults_of(step, recipe.folder, commands)]


def _faults_of(step: Step, folder: Path, commands: Mapping[str, Command]) -> list[str]:
    command = commands.get(step.command)
    if command is None:
        return [f"there is no command {step.command!r} that makes an artifact{nearest(step.command, commands)}"]
    known = [name for name in command.parameters if name not in OWN]
    faults = [f"fact {step.command} has no option {name!r}{nearest(name, known)}" for name in step.options if name not in known]
    if faults:
        return faults
    try:
        command.parse(command.typed(step, folder, {}))
        return _setting_faults(step, command, folder)
    except SettingsError as error:
        return [error.message]
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return [f"fact {step.command}: {error.format_message()}"]


def _setting_faults(step: Step, command: Command, folder: Path) -> list[str]:
    """The faults by the settings that fit best: which of several apply is known from the inputs only."""
    found = [_by_model(step, command, folder, model) for model in models_of(step.command)]
    return min(found, key=len, default=[])


def models_of(words: str) -> list[type[Config]]:
    places = [place.partition(":") for place in SETTINGS.get(words, ())]
    return [getattr(import_module(f"factcli.{module}"), name) for module, _, name in places]


def _by_model(step: Step, command: Command, folder: Path, model: type[Config]) -> list[str]:
    assignments = [f"{name}={_spelled(value)}" for name, value in step.settings.items()]
    unknown = [fault for one in assignments if "unknown setting" in (fault := _fault(model, [], [one], {}))]
    if unknown:
        return unknown
    config = step.options.get("config", [])
    files = [*_named(step), *(Path(command.config_file(one, folder)) for one in (config if isinstance(config, list) else [config]))]
    fault = _fault(model, files, assignments, _flags(step, model))
    return [fault] if fault else []


def _named(step: Step) -> list[Path]:
    """The settings files that options other than config name. Raises SettingsError for a name that there is not."""
    return [resolving.recipe_file(step.command, str(step.options[option])) for option in NAMING if option in step.options]


def _flags(step: Step, model: type[Config]) -> dict[str, Any]:
    """Options that are settings of the same name: rules between settings hold for both."""
    given = {name.replace("-", "_"): value for name, value in step.options.items()}
    plain = [name for name, field in model.model_fields.items() if not isinstance(field.get_default(call_default_factory=True), Config)]
    return {name: given[name] for name in plain if name in given and name not in SPELLED and not isinstance(given[name], list)}


def _fault(model: type[Config], files: list[Path], assignments: list[str], flags: Mapping[str, Any]) -> str:
    try:
        resolve(model, files, assignments, flags)
    except SettingsError as error:
        return "" if _is_between_settings(error) else error.message
    return ""


def _is_between_settings(error: SettingsError) -> bool:
    """Whether a rule about several settings is broken: presets and inputs, which come later, may yet fulfil it."""
    if not isinstance(error.__cause__, ValidationError):
        return False
    first = error.__cause__.errors()[0]
    return first["type"] == "value_error" and isinstance(first["input"], dict | Config)


def perform(command: Command, argv: list[str]) -> tuple[int, dict[str, Any]]:
    """(exit code, what the command says of its artifact): typed with --json, in this process."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            code = command.call([*argv, "--json"]) or 0
    except Abort:  # Ctrl-C while its words were read
        code = INTERRUPTED
    return code, {} if code else json.loads(out.getvalue().splitlines()[-1])


def described(command: Command, argv: list[str]) -> dict[str, Any] | None:
    """What a dry run of it says, with nothing told; None where it cannot be known yet, as an input is not there."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = command.call([*argv, "--dry-run", "--json"])
    return None if code else json.loads(out.getvalue())

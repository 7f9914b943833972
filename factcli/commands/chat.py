"""`fact chat`: who answers, what can be plugged in, what claims are held against; then the conversation."""

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.backends.opening import answering
from factcli.backends.settings import GenerationConfig
from factcli.basemodel import stands_on, whole
from factcli.commands.ending import tell
from factcli.commands.measuring import subject_of, world_of_subject
from factcli.errors import INTERRUPTED, InputError, SettingsError
from factcli.flows.chat.evidence import Judging, NoJudging, PackJudging, ledger_of
from factcli.flows.chat.reading import converse, is_interactive, read_lines
from factcli.flows.chat.session import Session, Thresholds, adapters_by_name
from factcli.flows.chat.speaking import LocalSpeaker, ServedSpeaker, Speaker
from factcli.judge.verdicts.judges import WORLD, WorldJudge, judges_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.knowledge.pack import open_pack
from factcli.rows import KnowledgeAdapter
from factcli.stages.eval.subject import Subject

SERVED = ("http:", "scripted:")
RESPONSE_TYPES = "eval response-types"  # the stage that fits thresholds


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options as they were typed."""

    model: str | None
    newest: bool
    knowledge: str | None
    world: str | None
    pack: str | None
    judge: str | None
    threshold: str | None
    turns: int
    tokens: int
    key_file: Path | None
    root: Path
    json: bool


def chat_with(wanted: Wanted) -> int:
    """The exit code: 0, 130 for Ctrl-C, or that of the last question without an answer."""
    session = session_of(wanted)
    try:
        if is_interactive() and not wanted.json:
            return converse(session)
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # a stray byte spoils a word, not the run
        return read_lines(session, sys.stdin, wanted.json)
    except KeyboardInterrupt:
        return INTERRUPTED


def session_of(wanted: Wanted) -> Session:
    """All that can be wrong with what was typed is told here, before anything is loaded."""
    is_served = wanted.model is not None and wanted.model.startswith(SERVED)
    subject = None if is_served else subject_of(wanted.model, wanted.newest, wanted.root)
    knowledge, _, first = (wanted.knowledge or "").partition(":")
    held = _knowledge(knowledge, subject, wanted.root) if knowledge else None
    adapters = adapters_by_name(list(held.rows("adapters", KnowledgeAdapter))) if held else {}
    session = Session(
        _speaker(wanted, subject, held, adapters), _judging(wanted, subject, held), adapters, _thresholds(wanted, subject), wanted.turns
    )  # fmt: skip
    if held is not None:
        session.plug(first or next(iter(adapters)))
        tell(f"plugged in: {', '.join(session.plugged)}" + ("" if first else f"; {held.ref} has {len(adapters)}, /with lists them"))
    return session


def _speaker(wanted: Wanted, subject: Subject | None, held: Artifact | None, adapters: Mapping[str, KnowledgeAdapter]) -> Speaker:
    if subject is not None:
        folders = {name: held.file(f"adapters/{name}") for name in adapters} if held else {}
        return LocalSpeaker(subject, folders, wanted.tokens, tell)
    assert wanted.model is not None, "a served model is named"
    return ServedSpeaker(answering(GenerationConfig(backend=wanted.model, key_file=wanted.key_file)), wanted.tokens)


def _knowledge(ref: str, subject: Subject | None, root: Path) -> Artifact:
    if subject is None:
        raise SettingsError(f"--with {ref}: knowledge is plugged into a model of this process, and this one is served", "name a skill adapter as MODEL")
    held = whole(open_artifact(ref, root, ("knowledge",)))
    if not stands_on(held, subject.under or subject.base):
        raise InputError(
            f"{held.ref} was not trained on the base of {subject.name}", "plug in knowledge of the same base: `fact ls` shows what was made from what"
        )
    return held


def _judging(wanted: Wanted, subject: Subject | None, held: Artifact | None) -> Judging:
    """By the pack where one is given; else by the ledger of the world that is named or that the model comes from; else not at all."""
    if wanted.pack is not None or wanted.judge not in (None, WORLD):
        return _by_pack(wanted)
    world = _world(wanted, subject)
    if world is None:
        tell("claims are not judged: there is no world and no pack; --world W, or --pack PACK --judge JUDGE")
        return NoJudging()
    invented = resolving.parent_of(held, "synth", wanted.root) if held is not None else None
    return ledger_of({"world": world} | ({"synth": invented} if invented is not None else {}))


def _world(wanted: Wanted, subject: Subject | None) -> Artifact | None:
    if wanted.world is not None:
        return whole(open_artifact(wanted.world, wanted.root, ("world",)))
    if subject is None:
        return None
    try:
        return world_of_subject(subject, wanted.root)
    except InputError:  # a model of somebody's own: there is nothing to judge by, and that is said
        return None


def _by_pack(wanted: Wanted) -> Judging:
    if wanted.judge is None:
        raise SettingsError(f"--pack {wanted.pack}: who judges by it?", "--judge http:MODEL@URL, local:REF, scripted:FILE or nli:DIRECTORY")
    if wanted.pack is None:
        raise SettingsError(f"--judge {wanted.judge}: by what?", "give a knowledge pack: --pack PACK (`fact pack build` makes one)")
    config = JudgeConfig(judges=(wanted.judge,), no_page="open", generation=GenerationConfig(key_file=wanted.key_file))
    (judge,) = judges_of(config, wanted.root, lambda ref: resolving.local_ref(ref, wanted.root))
    assert not isinstance(judge, WorldJudge), "that one has no pack"
    return PackJudging(open_pack(whole(open_artifact(wanted.pack, wanted.root, ("pack",)))), judge, config)


def _thresholds(wanted: Wanted, subject: Subject | None) -> Thresholds | None:
    if wanted.threshold is None:
        return None
    try:
        value = float(wanted.threshold)
    except ValueError:
        return _fitted(wanted.threshold, subject, wanted.root)
    if not 0 <= value <= 1:
        raise SettingsError(f"--threshold {wanted.threshold} is no probability, need 0 to 1", "or name what `fact eval response-types` made")
    return Thresholds(value, value)


def _fitted(ref: str, subject: Subject | None, root: Path) -> Thresholds:
    made = open_artifact(ref, root, ("eval",))
    if made.manifest.stage != RESPONSE_TYPES:
        raise InputError(f"{made.ref} holds no thresholds: it was made by `fact {made.manifest.stage}`", "fact eval response-types fits some")
    on = made.manifest.inputs.get("beside") or made.manifest.inputs.get("model")
    if subject is None or (on.digest if on else None) != (subject.skill.digest if subject.skill else None):
        tell(f"note: the thresholds of {made.ref} were fitted on the answers of {made.summary['threshold_model']}, not on this model's")
    values = made.summary["thresholds"]
    return Thresholds(values["certain"], values["given"])

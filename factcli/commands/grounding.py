"""Where the passages come from that a model is asked with (decode rag)."""

from pathlib import Path
from typing import NamedTuple

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.decoding import DecodeConfig
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.scoring.truth import tell_rejects
from factcli.errors import InputError, SettingsError
from factcli.knowledge.documents import Kind, texts_of_file, texts_of_questions
from factcli.knowledge.grounding import Grounds, WorldPages
from factcli.knowledge.pack import open_pack


class Documents(NamedTuple):
    """By id and words of the question; the artifact that they are from, or the file with its digest."""

    texts: dict[str, str]
    inputs: dict[str, Artifact]
    pinned: dict[str, str]


NO_DOCUMENTS = Documents({}, {}, {})


def documents_for(ref: str | None, root: Path, kind: Kind = "document") -> Documents:
    """Documents (or references) of a file, or of the questions that an artifact holds; none where nothing is named."""
    if ref is None:
        return NO_DOCUMENTS
    path = Path(ref)
    if path.is_file():
        texts, rejects = texts_of_file(path, kind)
        tell_rejects(path, rejects)
        return Documents(texts, {}, {f"{kind}s {path.name}": sha256_of_file(path)})
    artifact = whole(open_artifact(ref, root))
    return Documents(texts_of_questions(artifact, kind), {f"{kind}s": artifact}, {})


def grounds_for(decode: DecodeConfig, pack: str | None, documents: Documents, world: Artifact | None, root: Path, pack_judges: bool = False) -> Grounds | None:
    """None but for rag. A pack that is named, else documents alone, else the newest pack, else the pages of the `world` that the model is from.

    `pack_judges`: the pack has a use besides. Raises SettingsError for documents or a pack that would not be shown, InputError where there is nothing to show.
    """
    if decode.how != "rag":
        idle = "--documents" if documents.texts else "--pack" if pack is not None and not pack_judges else ""
        if idle:
            raise SettingsError(f"{idle} would not be shown to the model", "it goes with --decode rag")
        return None
    if pack is None and documents.texts:
        return Grounds(decode, None, documents.texts, documents.inputs, documents.pinned)
    found = whole(open_artifact(pack, root, ("pack",))) if pack is not None else resolving.newest(root, "pack")
    if found is not None:
        tell(f"passages: {found.ref}")
        return Grounds(decode, open_pack(found), documents.texts, {**documents.inputs, "passages": found}, documents.pinned)
    if world is None:
        raise InputError("decode rag needs passages, and there is no pack", "fact pack build --from FILE; or --documents FILE")
    tell(f"passages: the pages of {world.ref} (--pack PACK says otherwise)")
    return Grounds(decode, WorldPages(world), documents.texts, {**documents.inputs, "passages": world}, documents.pinned)

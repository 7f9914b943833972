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
from factcli.knowledge.documents import documents_of_file, documents_of_questions
from factcli.knowledge.grounding import Grounds, WorldPages
from factcli.knowledge.pack import open_pack


class Documents(NamedTuple):
    """By id and words of the question; the artifact that they are from, or the file with its digest."""

    texts: dict[str, str]
    inputs: dict[str, Artifact]
    pinned: dict[str, str]


def documents_for(ref: str | None, root: Path) -> Documents:
    """Of a file, or of the questions that an artifact holds; none where nothing is named."""
    if ref is None:
        return Documents({}, {}, {})
    path = Path(ref)
    if path.is_file():
        texts, rejects = documents_of_file(path)
        tell_rejects(path, rejects)
        return Documents(texts, {}, {f"documents {path.name}": sha256_of_file(path)})
    artifact = whole(open_artifact(ref, root))
    return Documents(documents_of_questions(artifact), {"documents": artifact}, {})


def grounds_for(decode: DecodeConfig, pack: str | None, documents: Documents, world: Artifact | None, root: Path) -> Grounds | None:
    """None but for rag. A pack that is named, else documents alone, else the newest pack, else the pages of the `world` that the model is from.

    Raises SettingsError for documents that would not be shown, InputError where there is nothing to show.
    """
    if decode.how != "rag":
        if documents.texts:
            raise SettingsError("--documents would not be shown to the model", "they go with --decode rag")
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

"""`fact pack`: build a knowledge pack, look a topic up in one, search one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import open_artifact
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.making import Making, finish
from factcli.errors import SettingsError
from factcli.knowledge.pack import open_pack
from factcli.progress import on_one_line
from factcli.stages import pack as stage


def make_pack(making: Making, files: Sequence[Path], world: str | None, models: Mapping[str, Path | None], flags: Mapping[str, Any]) -> None:
    config = making.settings(stage.PackConfig, "pack", flags, None)
    ground = resolving.pick(world, making.root, "world", "fact world") if world is not None else None
    given = stage.Sources(tuple(files), ground, **models)
    plan = stage.plan(config, given, making.name)
    finish(making, plan, lambda _: stage.cost(given), lambda draft, context: stage.work(plan, draft, given, context.report))


def show_page(ref: str, topic: str, root: Path, as_json: bool) -> None:
    """Which page a topic means, and how it was found."""
    found = open_pack(whole(open_artifact(ref, root, ("pack",)))).find_page(topic)
    if as_json:
        print(json.dumps({"match": found.match, "title": found.title}, ensure_ascii=False))
    else:
        print(on_one_line(f"{found.match}: {found.title}" if found.title else found.match))


def show_search(ref: str, query: str, title: str | None, k: int, embedder: Path | None, root: Path, as_json: bool) -> None:
    """The best passages, best first."""
    if k < 1:
        raise SettingsError(f"-k is {k}, need 1 or more")
    if title is not None and embedder is not None:
        raise SettingsError("--embedder does not go with --title: within a page words are searched")
    pack = open_pack(whole(open_artifact(ref, root, ("pack",))), "dense" if embedder else "bm25", embedder)
    page = pack.find_page(title) if title is not None else None
    if page is not None:
        tell(f"page: {page.match} {page.title}".rstrip())
    found = [] if page is not None and page.match == "absent" else pack.search(query, k, page.title if page else None)
    if as_json:
        print(json.dumps([{"id": p.id, "title": p.title, "score": p.score, "text": p.text} for p in found], ensure_ascii=False))
        return
    if not found and (page is None or page.match != "absent"):
        tell(f"no passage has a word of {on_one_line(query)!r}")
    for passage in found:
        print(on_one_line(f"{passage.score:8.3f}  {passage.id}  {passage.title}: {passage.text}"))

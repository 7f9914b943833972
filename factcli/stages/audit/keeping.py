"""`fact audit --keep`: the data set without the rows that the audit leaves out, to be named in `fact sft --mix`."""

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.basemodel import BASE_ROLES
from factcli.comparisonrows import AuditedRow
from factcli.errors import InputError, SettingsError
from factcli.judge.knowing import Keep
from factcli.stages.audit.rows import BEYOND, Source
from factcli.stages.audit.settings import KEPT_TABLES, KeepConfig

REVISION = 2
KIND = "kept"  # not "synth": commands that take the newest data shall not take these rows alone


def plan(keep: Keep, audit: Artifact, source: Source, grounds: dict[str, Artifact], name: str | None) -> Plan:
    """`grounds`: the world or base under the data, by role, so that `fact sft` finds what is trained."""
    own = {"synth": source.artifact} if source.artifact is not None else {}
    kept = {role: ground for role, ground in grounds.items() if role in BASE_ROLES}
    return Plan("audit --keep", REVISION, KIND, name or f"{_plain(source.name)}-{keep}", KeepConfig(keep=keep), {"audit": audit, **own, **kept}, KEPT_TABLES)


def require_all_asked(source: Source) -> None:
    """Raises SettingsError with a limit: most of the data would be left out unasked."""
    n_beyond = sum(reason == BEYOND for reason in source.left_out.values())
    if n_beyond:
        rule = f"--keep leaves out what was not asked, and the limit leaves {n_beyond} of {len(source.pool)} short rows of {source.name} unasked"
        raise SettingsError(rule, "leave the limit out; without --keep a drawn part says how much is known")


def _plain(name: str) -> str:
    """`bio` of `bio@3` and of `bio.jsonl`."""
    return name.partition("@")[0].partition(".")[0]


def work(draft: Draft, audit: Artifact, source: Source) -> Outcome:
    """What the audit does not leave out: rows that the model was asked and knows, not those that it was never asked."""
    kept = {row.id for row in audit.rows("rows", AuditedRow) if not row.is_left_out}
    chats = [chat for chat in source.chats if chat.id in kept]
    if not chats:
        raise InputError(f"{audit.ref} leaves no row of {source.name}: nothing of it is {audit.manifest.config['keep']}", "a weaker --keep (known, any)")
    if not draft.done("kept"):
        draft.write("kept", 0, {"chats": chats})
    recipe = source.artifact.summary.get("recipe") if source.artifact is not None else None
    summary = {"recipe": recipe, "rows": len(chats), "of": len(source.chats)}
    return Outcome(f"{len(chats)} of {len(source.chats)} training rows of {source.name}, those that the model knows", summary)

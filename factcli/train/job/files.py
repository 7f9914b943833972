"""Jobs as plain JSON: written whole with every field, read strictly, told apart by a fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from factcli.errors import InputError, SettingsError, nearest
from factcli.train.job.knowledge import AdapterPlan, KnowledgeJob
from factcli.train.job.parts import Lora, Machine, Optim, Unit
from factcli.train.job.preference import Objective, PreferenceJob
from factcli.train.job.pretrain import PretrainJob
from factcli.train.job.skill import Distillation, KnowledgeRef, SkillJob

Job = KnowledgeJob | SkillJob | PretrainJob | PreferenceJob
PARTS: Mapping[str, type] = {
    "lora": Lora,
    "optim": Optim,
    "machine": Machine,
    "adapters": AdapterPlan,
    "knowledge": KnowledgeRef,
    "objective": Objective,
    "distillation": Distillation,
}
KINDS: Mapping[str, type[Job]] = {"knowledge": KnowledgeJob, "skill": SkillJob, "pretrain": PretrainJob, "preference": PreferenceJob}


def unit_of(job: Job) -> Unit:
    """Of what its passes consist."""
    if isinstance(job, PretrainJob):
        return "documents"
    return "pairs" if isinstance(job, PreferenceJob) else "rows"


def save(job: Job, path: Path) -> Path:
    """Write the job with every field, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(asdict(job), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def load(path: Path) -> Job:
    """The job in a file; an unknown or impossible field is refused by name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read job file {path}: {error}", hint="run the command that wrote it again") from error
    return parse(content, str(path))


def parse(content: object, where: str) -> Job:
    """The job that a JSON object describes."""
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise SettingsError(f"{where}: kind is {kind!r}, need one of {', '.join(sorted(KINDS))}")
    try:
        return TypeAdapter(KINDS[kind]).validate_python(content)
    except ValidationError as error:
        raise SettingsError(f"{where}: {explain(error, KINDS[kind])}") from error


def explain(error: ValidationError, kind: type[Job]) -> str:
    """The first fault of a job in one line, with the nearest name for an unknown field."""
    fault = error.errors()[0]
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        part = PARTS.get(str(fault["loc"][0]), kind) if len(fault["loc"]) > 1 else kind
        return f"unknown field {place!r}{nearest(str(fault['loc'][-1]), [known.name for known in fields(part)])}"
    return f"{place}: {fault['msg']} (got {fault['input']!r})"


def fingerprint(job: Job) -> str:
    """sha256 of what the job computes: all fields but where it writes and how often it saves."""
    content = asdict(job)
    content.pop("out")
    content["machine"].pop("checkpoint_every_s")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

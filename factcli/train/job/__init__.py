"""The hand-off to training: what a stage asks the worker to do, as plain JSON.

parts.py       what jobs share        files.py   JSON, strict reading, fingerprint
knowledge.py, skill.py, pretrain.py, preference.py   one kind of job each

No torch here. Each kind of job is a frozen dataclass; `load` refuses unknown fields by name and `save`
writes every field, defaults included, so that a job file alone repeats its run.
"""

from factcli.train.job.files import Job, fingerprint, load, parse, save, unit_of
from factcli.train.job.knowledge import AdapterPlan, BatchShape, KnowledgeJob
from factcli.train.job.parts import Attention, Lora, Machine, Number, Optim, Padding, Select, Unit, check_name
from factcli.train.job.preference import Objective, PreferenceJob
from factcli.train.job.pretrain import PretrainJob
from factcli.train.job.skill import Control, Distillation, KnowledgeRef, SkillJob, VersionSampling

__all__ = [
    "AdapterPlan",
    "Attention",
    "BatchShape",
    "Control",
    "Distillation",
    "Job",
    "KnowledgeJob",
    "KnowledgeRef",
    "Lora",
    "Machine",
    "Number",
    "Objective",
    "Optim",
    "Padding",
    "PreferenceJob",
    "PretrainJob",
    "Select",
    "SkillJob",
    "Unit",
    "VersionSampling",
    "check_name",
    "fingerprint",
    "load",
    "parse",
    "save",
    "unit_of",
]

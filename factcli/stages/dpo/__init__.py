"""`fact dpo`: a model learns to prefer the chosen of two answers, from a recorded start and against a recorded reference.

settings.py  what can be set, and the job      rows.py     pairs that are trained on, and why others are not
ground.py    start and reference, checked      stage.py    plan, cost, work      telling.py  what is said at the end
"""

from factcli.stages.dpo.ground import Ground
from factcli.stages.dpo.settings import DpoConfig
from factcli.stages.dpo.stage import LOGPROBS, REVISION, STAGE, TABLES, cost, plan, work

__all__ = ["LOGPROBS", "REVISION", "STAGE", "TABLES", "DpoConfig", "Ground", "cost", "plan", "work"]

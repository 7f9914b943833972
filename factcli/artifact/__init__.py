"""Versioned dataset directories: `data/<name>/v0003/`, whole or not there at all, never changed afterwards.

manifest.py  what a version says about itself, and the digests that hold it together
read.py      Artifact: open a committed version by `name`, `name@3` or path
draft.py     Draft: write the next version unit by unit, resumable, committed by one rename
journal.py   the finished units of a draft
partial.py   unfinished work: its owner, its state
card.py      the Hugging Face dataset card
lineage.py   parents, children, the newest of a kind, verification
"""

from factcli.artifact.draft import Draft, Outcome, Plan, awaiting_others, make
from factcli.artifact.read import Artifact, all_artifacts, open_artifact

__all__ = ["Artifact", "Draft", "Outcome", "Plan", "all_artifacts", "awaiting_others", "make", "open_artifact"]

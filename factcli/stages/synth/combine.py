"""`fact synth pairs --combine NEW --original ORIG`: new correct answers beside the incorrect ones of round 0.

GRATH's loop (spec §3.3): the wrong answers stay those of the first model, the right ones are those of the newest; a question of
which the newest gave no pair keeps its first right answer, and one that failed at round 0 never comes back. The original looked
for the question's text and took the first row that had it, whichever of two equal texts that was, and let equal answers pass.
Here rows meet by question id, and a pair whose answers have become equal is rejected.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from factcli.answerrows import Pair, PairFinding, PairMeasure
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, counts_of
from factcli.config import Config
from factcli.errors import InputError
from factcli.judge.pairlint import lint_draft
from factcli.rows import Origin, Reject
from factcli.stages.synth.book import nothing_left
from factcli.stages.synth.pair_answers import EQUAL, alike

REVISION = 2
STEP, LOST = "combine", "failed at round 0"
TABLES: dict[str, type] = {"pairs": Pair, "findings": PairFinding, "measures": PairMeasure, **FILLED}


class CombineConfig(Config):
    """There is nothing to set: two versions say it all."""


def plan(new: Artifact, original: Artifact, name: str | None) -> Plan:
    """Raises InputError for versions that are not a later round and round 0 of the same questions."""
    news, originals = _by_question(new), _by_question(original)
    rounds = {pair.round for pair in news.values()}
    if any(pair.round for pair in originals.values()):
        raise InputError(f"{original.ref} is not of round 0", "give as --original the pairs of the model before any training on pairs")
    if len(rounds) != 1 or rounds == {0}:
        told = "more than one round" if len(rounds) > 1 else "round 0 itself"
        raise InputError(f"{new.ref} is of {told}", "make the new pairs with --round 1, 2, ...: what is bought already costs nothing again")
    if not news.keys() & originals.keys():
        raise InputError(f"{new.ref} and {original.ref} have no question in common", "both must be made from one file of questions")
    return Plan("synth pairs --combine", REVISION, "pairs", name or "pairs-combined", CombineConfig(), {"new": new, "original": original}, TABLES)


def work(plan: Plan, draft: Draft) -> Outcome:
    """Every question is a unit, in the order of round 0, then those that round 0 lacks."""
    new, original = plan.inputs["new"], plan.inputs["original"]
    news, originals = _by_question(new), _by_question(original)
    origins = {role: _origins_of(artifact) for role, artifact in plan.inputs.items()}
    round_ = next(iter(news.values())).round
    for order, pair in enumerate(originals.values()):
        if not draft.done(pair.question_id):
            draft.write(pair.question_id, order, _combined(pair, news.get(pair.question_id), round_, origins))
    for order, pair in enumerate((pair for id_, pair in news.items() if id_ not in originals), len(originals)):
        if not draft.done(pair.question_id):
            draft.write(pair.question_id, order, {"rejected": [Reject(pair.id, STEP, LOST, pair.chosen)]})
    return _outcome(draft, news, originals, round_)


Origins = Mapping[str, Mapping[str, list[Origin]]]  # role of the artifact -> id of the pair -> where it came from


def _combined(first: Pair, newest: Pair | None, round_: int, origins: Origins) -> Rows:
    """The pair of one question with all that it stands on; or the reject."""
    best = newest or first
    id_ = f"{first.id}.t{round_}"
    if alike(best.chosen, first.rejected):
        return {"rejected": [Reject(id_, STEP, EQUAL, best.chosen)]}
    pair = replace(first, id=id_, chosen=best.chosen, source="combined", round=best.round, chosen_id=best.id, rejected_id=first.id, candidates=(), cut="")
    parents = [*origins["original"].get(first.id, ()), *(origins["new"].get(newest.id, ()) if newest else ())]
    return {"pairs": [pair], "origins": [replace(origin, id=id_) for origin in parents]}


def _by_question(artifact: Artifact) -> dict[str, Pair]:
    """Question id -> its one pair. Raises InputError for pairs of another making."""
    found: dict[str, Pair] = {}
    for pair in artifact.rows("pairs", Pair):
        if pair.source != "self" or pair.question_id in found:
            what = f"are of source {pair.source!r}" if pair.source != "self" else f"answer {pair.question_id} twice"
            raise InputError(f"the pairs of {artifact.ref} {what}", "give what `fact synth pairs --questions FILE` made")
        found[pair.question_id] = pair
    return found


def _origins_of(artifact: Artifact) -> dict[str, list[Origin]]:
    found: dict[str, list[Origin]] = {}
    for origin in artifact.rows("origins", Origin):
        found.setdefault(origin.id, []).append(origin)
    return found


def _outcome(draft: Draft, news: Mapping[str, Pair], originals: Mapping[str, Pair], round_: int) -> Outcome:
    splits: Counter[str] = Counter()
    n_refreshed = 0
    for row in draft.rows("pairs"):
        splits[row["split"]] += 1
        n_refreshed += row["chosen_id"] != row["rejected_id"]
    n_kept = splits.total()
    if not n_kept:
        raise nothing_left(draft)
    n_lost = len(news.keys() - originals.keys())
    counts = {"asked": len(originals), "kept": n_kept, "refreshed": n_refreshed, "with_first_correct": n_kept - n_refreshed, "lost_at_round_0": n_lost}
    headline = f"{n_kept} pairs, {n_refreshed} with a correct answer of round {round_}"
    if len(originals) - n_kept:
        headline += f"; {len(originals) - n_kept} rejected as equal"
    summary = {"round": round_, "pairs": n_kept, **{f"pairs_{split}": n for split, n in sorted(splits.items())}, "findings": lint_draft(draft)}
    return Outcome(headline, summary, {**counts, **counts_of(draft)})

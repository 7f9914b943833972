"""Which versions a page is about: the newest evaluations that belong together, and the comparisons of them."""

from collections.abc import Sequence
from pathlib import Path

from factcli.artifact import Artifact
from factcli.artifact.lineage import open_input
from factcli.artifact.manifest import InputEntry, sha256_of
from factcli.errors import InputError
from factcli.stages.report.trained import asked_as

PROBES = ("eval response-types", "eval forgetting")  # what they ask is read by the sections about them
COMPARED = ("baseline", "model", "answers")  # how the roles of what a comparison compares begin


def is_scored(artifact: Artifact) -> bool:
    """Whether it has claims with verdicts, as `fact score factscore` leaves them."""
    return artifact.kind == "scores" and set(artifact.manifest.tables) >= {"answers", "claims", "verdicts", "evidence", "metrics"}


def is_shown(evaluation: Artifact) -> bool:
    """Whether it has figures; a long answer has none before it is scored."""
    return evaluation.kind == "eval" and "metrics" in evaluation.manifest.tables


HOW = ("benchmark ", "examples ", "gold ", "grader ", "rescore", "eval/")  # recorded beside files of questions: how was asked and graded


def newest_of_each(evals: Sequence[Artifact]) -> list[Artifact]:
    """Of the newest evaluation's base and questions: the newest evaluation of each name, the base first.

    `evals` are newest first. Another benchmark of the same base joins with its own newest questions.
    """
    shown = [e for e in evals if is_shown(e)]
    of_base = [e for e in shown if _base_key(e) == _base_key(shown[0])]
    newest_questions: dict[str, str] = {}
    chosen: dict[str, Artifact] = {}
    for evaluation in of_base:
        stage = evaluation.manifest.stage
        if stage in PROBES or newest_questions.setdefault(stage, _questions_key(evaluation)) == _questions_key(evaluation):
            chosen.setdefault(evaluation.name, evaluation)
    return sorted(chosen.values(), key=lambda e: (_is_skilled(e), asked_as(e) != "task", e.name))


def is_comparison(artifact: Artifact) -> bool:
    """Of figures (`fact compare`), not of answers by a judge."""
    return artifact.kind == "comparison" and "differences" in artifact.manifest.tables


def is_pairwise(artifact: Artifact) -> bool:
    """Of answers, by a judge in both orders (`fact eval pairwise`)."""
    return artifact.kind == "comparison" and "duels" in artifact.manifest.tables


def is_sweep(artifact: Artifact) -> bool:
    return artifact.kind == "sweep"


def choosing(sweeps: Sequence[Artifact], evals: Sequence[Artifact]) -> list[Artifact]:
    """The newest sweep of each name that chose a model which is evaluated here. `sweeps` are newest first."""
    models = {entry.ref for e in evals if (entry := e.manifest.inputs.get("model"))}
    found: dict[str, Artifact] = {}
    for sweep in sweeps:
        if models & set(sweep.summary["models"]):
            found.setdefault(sweep.name, sweep)
    return list(found.values())


def chosen_in(sweep: Artifact, root: Path) -> list[Artifact]:
    """The dev evaluations of the cell that was chosen."""
    return [open_input(entry, root) for entry in sweep.manifest.inputs.values() if entry.ref in sweep.summary["evaluations"]]


def is_over_worlds(comparison: Artifact) -> bool:
    """Whether each model has one evaluation for each of several worlds."""
    return "baseline-1" in comparison.manifest.inputs


def compared_entries(comparison: Artifact) -> list[InputEntry]:
    """What it compares, with what its drift was measured on."""
    return [entry for role, entry in comparison.manifest.inputs.items() if role.startswith(COMPARED)]


def compared_in(comparison: Artifact, root: Path) -> list[Artifact]:
    """The evaluations that a comparison is about, with those of drift; of several worlds none: they stand on several bases."""
    entries = [entry for entry in compared_entries(comparison) if entry.kind == "eval"]
    return [] if is_over_worlds(comparison) else [one for entry in entries if is_shown(one := open_input(entry, root))]


def fitting(comparisons: Sequence[Artifact], evals: Sequence[Artifact]) -> list[Artifact]:
    """The newest comparison of each name in which nothing is compared but these evaluations, or things beside them."""
    digests = {e.digest for e in evals}
    found: dict[str, Artifact] = {}
    for comparison in comparisons:
        compared = [entry for role, entry in comparison.manifest.inputs.items() if role.startswith(COMPARED) and "drift" not in role]
        if compared and all(entry.digest in digests for entry in compared):
            found.setdefault(comparison.name, comparison)
    return list(found.values())


def evaluations_of(chosen: Sequence[Artifact], root: Path) -> list[Artifact]:
    """Those chosen, those that comparisons among the chosen are about, and the untouched base's.

    The answers that a judge compared join where they fit beside the others: they may be of other base models, or of no evaluation at all.
    A sweep adds none: its cells are of dev people; given alone, those of the cell that it chose are shown.
    """
    own = [a for a in chosen if a.kind == "eval"]
    own += [e for comparison in filter(is_comparison, chosen) for e in compared_in(comparison, root)]
    for pairwise in filter(is_pairwise, chosen):
        joined = with_base([*own, *compared_in(pairwise, root)], root)
        own = joined if why_not_together(joined) is None else own
    own = own or [e for sweep in filter(is_sweep, chosen) for e in chosen_in(sweep, root)]
    return with_base(own, root)


def with_base(chosen: Sequence[Artifact], root: Path) -> list[Artifact]:
    """The chosen ones without repeats, and the untouched base's that they were held against, if it is not among them."""
    found: dict[str, Artifact] = {}
    for evaluation in chosen:
        if found.setdefault(evaluation.ref, evaluation).digest != evaluation.digest:
            raise InputError(f"two different evaluations are called {evaluation.ref}", "name those of one data directory")
    for evaluation in chosen:
        entry = evaluation.manifest.inputs.get("base_eval")
        if entry and entry.ref not in found:
            found[entry.ref] = open_input(entry, root)
    return list(found.values())


def why_not_together(chosen: Sequence[Artifact]) -> InputError | None:
    """What keeps evaluations from one page: one has no figures, or they cannot stand in one table. None: nothing does."""
    unmeasured = next((e for e in chosen if not is_shown(e)), None)
    if unmeasured:
        return InputError(f"{unmeasured.ref} has no figures yet", f"score its answers first: fact score factscore {unmeasured.ref}")
    for stage in dict.fromkeys(e.manifest.stage for e in chosen if e.manifest.stage not in PROBES):
        own = [e for e in chosen if e.manifest.stage == stage]
        odd = [e for e in own if (_base_key(e), _questions_key(e)) != (_base_key(own[0]), _questions_key(own[0]))]
        if odd:
            return InputError(
                f"{odd[0].ref} was asked other questions, or has another base model, than {own[0].ref}",
                "name evaluations of one benchmark: fact report EVAL EVAL ...",
            )
    if len({_base_key(e) for e in chosen}) > 1:
        return InputError("the evaluations stand on several base models", "name those of one: fact report EVAL EVAL ...")
    return None


def require_together(evals: Sequence[Artifact], beside: Sequence[Artifact]) -> None:
    """Raises InputError where there is nothing to show, or the evaluations belong on several pages."""
    if (problem := why_not_together(evals)) is not None:
        raise problem
    if all(e.manifest.stage in PROBES for e in evals) and not any(map(is_pairwise, beside)):
        raise InputError("there is nothing to report", "evaluate a model first: fact eval world")


def _is_skilled(evaluation: Artifact) -> bool:
    return "model" in evaluation.manifest.inputs


def _base_key(evaluation: Artifact) -> str:
    """What the base model is: the world that pre-trained it, or the pinned files or commit."""
    world = evaluation.manifest.inputs.get("world")
    compared = ("before", "beside")  # another model that a probe asked as well
    return world.digest if world else sha256_of({k: v for k, v in evaluation.manifest.model.items() if k not in compared})


def _questions_key(evaluation: Artifact) -> str:
    manifest = evaluation.manifest
    source = manifest.inputs.get("questions")
    files = {name: digest for name, digest in manifest.prompts.items() if not name.startswith(HOW)}
    where = ("hub_revision",) if not source and not files else ()  # of a file or an artifact no setting of the hub says anything
    config = {name: manifest.config.get(name) for name in ("split", "limit", "heldout_forms", *where)}
    return sha256_of([manifest.stage, config, source.digest if source else "", files])

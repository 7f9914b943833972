"""What may be held against each other: evaluations of dev people, of models that differ in nothing but the grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.measured import split_of

OWN_QUESTIONS = "questions"  # role of the artifact whose test people a benchmark asks when it is given no file


@dataclass(frozen=True, slots=True)
class Made:
    """What one run of a cell made, by the command that made it, the evaluation last."""

    seed: int | None
    artifacts: Mapping[str, Artifact]

    @property
    def evaluation(self) -> Artifact:
        return list(self.artifacts.values())[-1]

    @property
    def model(self) -> Artifact:
        return list(self.artifacts.values())[-2]


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of values. `failed`: why a run of it has no evaluation; "" where all have."""

    settings: tuple[str, ...]
    runs: tuple[Made, ...]
    failed: str = ""

    @property
    def id(self) -> str:
        return " ".join(self.settings)


def require_dev(evaluations: Iterable[Artifact], are_dev: bool) -> None:
    """Raises InputError for one of test people, or of questions that nobody said are for choosing."""
    for evaluation in evaluations:
        split = split_of(evaluation)
        if split == "dev" or (not split and are_dev and OWN_QUESTIONS not in evaluation.manifest.inputs):
            continue
        whose = f"is of {split} people" if split else "does not say that it asks dev people"
        raise InputError(
            f"{evaluation.ref} {whose}: what is chosen by test answers is not tested by them",
            "choose on dev people (--eval 'eval world --set split=dev'), or on questions of your own that are for choosing: --eval '... --file FILE' "
            "--set are_dev=true",
        )


def require_same_ground(cells: Sequence[Cell], swept: Iterable[str]) -> None:
    """Raises InputError where cells took different inputs that no setting of the grid names. `swept`: commands whose inputs the grid chooses."""
    runs = [run for cell in cells for run in cell.runs]
    own = {artifact.digest for run in runs for artifact in run.artifacts.values()}
    taken: dict[tuple[str, str], dict[str, str]] = {}
    for run in runs:
        for command, artifact in run.artifacts.items():
            for role, entry in artifact.manifest.inputs.items():
                if entry.digest not in own and command not in swept:
                    taken.setdefault((command, role), {})[entry.digest] = entry.ref
    for (command, role), refs in taken.items():
        if len(refs) > 1:
            raise InputError(
                f"cells of fact {command} took different inputs as their {role}: {', '.join(sorted(refs.values()))}",
                f"say which one, so that cells differ in the grid alone: --{role} {max(refs.values())}",
            )

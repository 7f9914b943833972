"""The state machine alone: its steps are done by a script here, so no model is asked or trained."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.errors import DivergedError
from factcli.flows.grath.loop import iterate, too_few
from factcli.flows.grath.settings import GrathConfig
from factcli.judge.drift import DriftLimits
from factcli.preferencerows import Drift

GOOD = Drift("", 50, 1.0, 10.0, 0.0, 0.0, 0.0, 0.4, 50, 0.6, 50)
FAR = replace(GOOD, kl=99.0)
CONFIG = GrathConfig(rounds=3, limits=DriftLimits(kl=10))


@dataclass
class Script:
    """Says what each round's pairs and model are like; remembers what it was asked for."""

    root: Path
    drifts: Sequence[Drift]  # of the start, then of each round
    n_pairs: Sequence[int | None] = (10, 10, 10)  # of 10 questions
    asked: list[str] = field(default_factory=list)

    def _made(self, name: str, drift: Drift | None, counts: dict[str, int]) -> Artifact:
        plan = Plan("toy", 1, "toy", name, Config(), {}, {"drift": Drift})

        def work(draft):
            draft.write("all", 0, {"drift": [drift] if drift else []})
            return Outcome(name, counts=counts)

        return make(plan, work, self.root)[0]

    def _names(self, *artifacts: Artifact | None) -> str:
        return " ".join(artifact.name if artifact else "base" for artifact in artifacts)

    def pairs(self, number: int, model: Artifact | None) -> Artifact | None:
        self.asked.append(f"pairs{number} by {self._names(model)}")
        kept = self.n_pairs[number]
        return None if kept is None else self._made(f"pairs{number}", None, {"asked": 10, "kept": kept})

    def combined(self, number: int, new: Artifact, first: Artifact) -> Artifact:
        self.asked.append(f"combined{number} of {self._names(new, first)}")
        return self._made(f"combined{number}", None, {"asked": 10, "kept": 10, "refreshed": 9})

    def trained(self, number: int, pairs: Artifact, start: Artifact | None) -> Artifact:
        self.asked.append(f"model{number} on {self._names(pairs)} from {self._names(start)}")
        return self._made(f"model{number}", None, {})

    def measured(self, number: int | None, model: Artifact | None, first: Artifact) -> Artifact:
        self.asked.append(f"gate of {self._names(model)} by {self._names(first)}")
        return self._made(f"gate{'' if number is None else number}", self.drifts[0 if number is None else number + 1], {})


def test_each_round_starts_where_the_last_one_ended_and_is_measured_by_round_0s_questions(tmp_path: Path) -> None:
    script = Script(tmp_path, [GOOD] * 4)
    _, turns = iterate(script, CONFIG, None)
    assert script.asked == [
        "pairs0 by base",
        "gate of base by pairs0",
        "model0 on pairs0 from base",
        "gate of model0 by pairs0",
        "pairs1 by model0",
        "combined1 of pairs1 pairs0",
        "model1 on combined1 from model0",
        "gate of model1 by pairs0",
        "pairs2 by model1",
        "combined2 of pairs2 pairs0",
        "model2 on combined2 from model1",
        "gate of model2 by pairs0",
    ]
    assert [(turn.number, turn.reason, turn.model and turn.model.name) for turn in turns] == [(0, "", "model0"), (1, "", "model1"), (2, "", "model2")]


def test_a_rejected_round_is_the_last_and_its_reason_is_kept(tmp_path: Path) -> None:
    """From the same start the same pairs come, greedily: a round after it would be the same round again."""
    script = Script(tmp_path, [GOOD, GOOD, FAR, GOOD])
    _, turns = iterate(script, CONFIG, None)
    assert [turn.number for turn in turns] == [0, 1]
    assert turns[1].reason == "its dev answers are 99.00 nats each (KL) from the loop's start, more than the 10 allowed"
    assert turns[1].model is not None, "what was rejected is kept, to be looked at"
    assert not any("pairs2" in asked for asked in script.asked)


def test_accuracy_is_held_against_the_best_round_kept(tmp_path: Path) -> None:
    """40% -> 60% -> 50%: better than the start, and yet ten points of the first round's are lost."""
    script = Script(tmp_path, [GOOD, replace(GOOD, accuracy=0.6), replace(GOOD, accuracy=0.5), GOOD])
    _, turns = iterate(script, CONFIG, None)
    assert "dev questions answered right: 50.0%, the best model kept so far has 60.0%" in turns[1].reason


def test_a_round_whose_training_comes_apart_is_rejected_and_the_model_before_it_stays(tmp_path: Path) -> None:
    class Apart(Script):
        def trained(self, number: int, pairs: Artifact, start: Artifact | None) -> Artifact:
            if number == 1:
                raise DivergedError("training came apart at step 7: the loss is nan, the norm of its gradient nan")
            return super().trained(number, pairs, start)

    script = Apart(tmp_path, [GOOD] * 4)
    _, turns = iterate(script, CONFIG, None)
    assert [(turn.number, turn.model is None) for turn in turns] == [(0, False), (1, True)]
    assert turns[1].reason.startswith("training came apart at step 7")


def test_a_model_that_forgets_to_write_pairs_ends_the_loop(tmp_path: Path) -> None:
    for kept, words in ((4, "gives a pair to 4 of 10 questions only, need 50%"), (None, "gives not a single pair any more")):
        script = Script(tmp_path / str(kept), [GOOD] * 4, (10, kept, 10))
        _, turns = iterate(script, CONFIG, None)
        assert words in turns[1].reason
        assert (turns[1].model, turns[1].gate, len(turns)) == (None, None, 2)


def test_a_loop_that_is_run_again_decides_the_same_and_makes_nothing_new(tmp_path: Path) -> None:
    first = iterate(Script(tmp_path, [GOOD, GOOD, FAR]), CONFIG, None)
    before = sorted(path.name for path in tmp_path.glob("*/v*"))
    assert iterate(Script(tmp_path, [GOOD, GOOD, FAR]), CONFIG, None) == first
    assert sorted(path.name for path in tmp_path.glob("*/v*")) == before


def test_enough_pairs_are_the_share_that_is_asked_for(tmp_path: Path) -> None:
    pairs = Script(tmp_path, []).pairs(0, None)
    assert (too_few(pairs, 1.0), too_few(pairs, 0.0)) == ("", "")
    assert json.loads((pairs.path / "manifest.json").read_text())["counts"] == {"asked": 10, "kept": 10}

"""A world's people and facts as an artifact, without the base model that takes its time: for stages that only read the ledger."""

from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, make
from factcli.stages import world as stage
from factcli.world.people import World, WorldSpec, draw_world

SPEC = {"n_head": 12, "n_mid": 8, "n_tail": 8, "n_unseen": 8, "n_demo": 6, "n_countries": 4, "values_per_relation": 14}
SPEC |= {"n_first_names": 12, "n_last_names": 20, "seed": 3}


def made_world(root: Path) -> tuple[Artifact, World]:
    world = draw_world(WorldSpec(**SPEC))  # type: ignore[arg-type]  # whole numbers all
    plan = stage.plan(stage.WorldConfig(recipe="micro", spec=WorldSpec(**SPEC)), None)  # type: ignore[arg-type]

    def work(draft: Draft) -> Outcome:
        draft.write("people", 0, {"people": world.people, "facts": world.facts, "questions": list(stage.questions_of(world))})
        return Outcome("drawn, not trained", {"recipe": "micro"})

    return make(plan, work, root)[0], world

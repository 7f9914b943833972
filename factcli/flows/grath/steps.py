"""The steps of a loop as ordinary artifacts, each found by its key where it was made before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.backends.opening import Answering, answering
from factcli.backends.planning import Estimate
from factcli.basemodel import BaseModelRef
from factcli.context import Context
from factcli.cost import Cost
from factcli.errors import InputError, TooManyFailuresError
from factcli.flows.grath.settings import GrathConfig
from factcli.resolving import LocalRef
from factcli.stages import dpo
from factcli.stages.grath import gate
from factcli.stages.synth import combine, pairs

SKILL = "skill"  # under which an adapter is plugged in while it answers, as `local:REF` does
NO_PAIRS = (
    "choose a model that follows the prompt (--set pairs.few_shot=true shows it six examples); a tiny world's model is taught the form first: "
    "fact synth forms --form wrong, then fact sft --method real --mix bio=1 --mix forms=0.3; or go on with fewer: --set min_pairs=0.1"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What a loop begins with."""

    name: str
    base: BaseModelRef
    start: Artifact | None  # a skill adapter; None is the base itself
    questions: Path | Artifact  # a file, or a world that asks about its train and dev people


@dataclass(frozen=True, slots=True)
class Step:
    """One artifact to be: its plan, the work, and what that would cost."""

    where: str  # "start" or "round 1"
    plan: Plan
    work: Callable[[Draft], Outcome]
    cost: Callable[[], Cost]


def make_step(step: Step, context: Context, force: bool) -> Artifact:
    """Make the artifact, or find it made before, and say so."""
    artifact, is_reused = make(step.plan, step.work, context.root, force)
    context.report.say(f"{step.where}: {artifact.ref}: {artifact.manifest.headline}{' (made before)' if is_reused else ''}")
    return artifact


@dataclass(frozen=True, slots=True)
class Making:
    """Plans each step of a loop; `run` makes it."""

    given: Given
    config: GrathConfig
    context: Context
    run: Callable[[Step], Artifact]

    def pairs(self, number: int, model: Artifact | None) -> Artifact | None:
        config = pairs_config(self.config, number)
        source, who = source_of(config, self.given), asked(self.config, number, self.given, model)
        plan = pairs.plan(config, source, who, self._named(number, "pairs"))
        step = Step(
            where(number),
            plan,
            lambda draft: pairs.work(plan, draft, source, who, self.context.report),
            lambda: cost_of_asking(pairs.imagined(config, source, who)),
        )
        try:
            return self.run(step)
        except TooManyFailuresError as error:
            if number:
                return None
            raise TooManyFailuresError(f"too few of the questions got a pair: {error.message}", NO_PAIRS) from error

    def combined(self, number: int, new: Artifact, first: Artifact) -> Artifact:
        plan = combine.plan(new, first, self._named(number, "combined"))
        return self.run(Step(where(number), plan, lambda draft: combine.work(plan, draft), Cost))

    def trained(self, number: int, pairs: Artifact, start: Artifact | None) -> Artifact:
        config, ground = dpo_of(self.config, self.given, start)
        plan = dpo.plan(config, pairs, ground, self._named(number, "model"))
        work = partial(dpo.work, plan, ground=ground, context=self.context)
        return self.run(Step(where(number), plan, work, lambda: dpo.cost(plan, ground, self.context)))

    def measured(self, number: int | None, model: Artifact | None, first: Artifact) -> Artifact:
        who = gate.Measured(self.given.base, model, self.given.start, self.config.chat_template)
        plan = gate.plan(self.config.gate, who, first, self._named(number, "gate"))
        return self.run(Step(where(number), plan, lambda draft: gate.work(plan, draft, who, self.context.report), lambda: gate.cost(first)))

    def _named(self, number: int | None, step: str) -> str:
        return f"{self.given.name}-{where(number).replace(' ', '')}-{step}"


def cost_of_asking(estimate: Estimate) -> Cost:
    return Cost(requests=estimate.n_requests, money=estimate.cost or 0, generation=estimate.as_json())


def where(number: int | None) -> str:
    """Each step of each round has a name of its own: versions of one name are other settings or inputs."""
    return "start" if number is None else f"round {number}"


def pairs_config(config: GrathConfig, number: int) -> pairs.PairsConfig:
    """Of round 0 enough questions must give a pair, else nothing is committed; of a later one it is the loop that decides, by what is."""
    most = 1 - config.min_pairs if number == 0 else 1.0
    generation = config.pairs.generation.model_copy(update={"max_failed": most})
    return config.pairs.model_copy(update={"round": number, "generation": generation})


def source_of(config: pairs.PairsConfig, given: Given) -> pairs.Source:
    found = pairs.of_file(config, given.questions) if isinstance(given.questions, Path) else pairs.of_world(config, given.questions)
    if not any(question.split == "dev" for question in found.questions):
        raise InputError(
            f"none of the {len(found.questions)} questions is held out, and each round is measured on questions that it did not train on",
            "hold some out: --set pairs.eval_share=0.1, a larger --limit, or lines of the file with a `split` of dev",
        )
    return found


def asked(config: GrathConfig, number: int, given: Given, model: Artifact | None) -> Answering:
    """Who writes the pairs: the current model in this process, or the script that the settings name."""
    generation = pairs_config(config, number).generation
    if generation.backend:
        return answering(generation)
    adapters = {SKILL: str(model.file("adapter"))} if model else {}
    plugged = {"model": model} if model else {}
    local = LocalRef(given.base, adapters, config.chat_template, {**given.base.inputs, **plugged})
    ref = model.ref if model else given.base.given
    return answering(generation.model_copy(update={"backend": f"local:{ref}"}), lambda _: local)


def dpo_of(config: GrathConfig, given: Given, start: Artifact | None) -> tuple[dpo.DpoConfig, dpo.Ground]:
    """current: held to where the round starts. fixed: to the loop's first model, in round 0 too, where it is the same thing."""
    chosen = config.dpo.model_copy(update={"method": config.method, "chat_template": config.chat_template})
    ground = dpo.Ground(given.base, start)
    if config.reference == "current":
        return chosen, ground
    if given.start is None:
        return chosen.model_copy(update={"reference": "base"}), ground
    return chosen.model_copy(update={"reference": "given"}), replace(ground, reference=given.start)

"""Answers to score where none are named: the newest samples, else an evaluation's, else some that the skill model draws now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, Plan, all_artifacts, make, open_artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish, working
from factcli.commands.scoring.origins import refuse_two, world_of
from factcli.commands.scoring.truth import tell_rejects
from factcli.config import resolve
from factcli.errors import InputError
from factcli.judge.verdicts.judges import Judge, WorldJudge
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.knowledge.answer_files import Answers, GivenClaim, GivenClaims, answers_of_artifact, answers_of_file, named
from factcli.progress import Report
from factcli.rows import Person
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.stages.synth import samples

KINDS = ("samples", "eval", "claims")
# What is drawn where there is nothing to score: enough for a score with an interval, and for pairs to train on (train people) and to
# evaluate with (dev people): all of a tiny world, under a minute on 2 cores. 240 tokens are those of `fact eval world`'s biographies.
PROMPTS, EACH = 256, 3
DRAWN = {"tasks": ("bio",), "limit": PROMPTS, "samples": EACH, "max_tokens": 240}


@dataclass(frozen=True, slots=True)
class Found:
    """Answers, what to call where they are from, and the world that they are about, if any."""

    answers: Answers
    name: str
    world: Artifact | None
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def find_answers(making: Making, ref: str | None, file: Path | None, world: str | None) -> Found:
    """The answers of `file`, of the version `ref`, or of the newest that has some. `world` wins over that of their lineage."""
    chosen = whole(open_artifact(world, making.root, ("world",))) if world is not None else None
    if file is not None:
        found = answers_of_file(file)
        tell_rejects(file, found.rejects)
        return Found(found, str(file), chosen, {f"answers {file.name}": sha256_of_file(file)})
    artifact = whole(open_artifact(ref, making.root, KINDS)) if ref is not None else _newest(making.root)
    assert artifact is not None, "answers are drawn before they are looked for"
    about = chosen or world_of(artifact, making.root)
    found = answers_of(artifact)
    return Found(named(found, about.rows("people", Person)) if about else found, artifact.ref, about)


def pack_for(root: Path, judging: JudgeConfig, judges: Sequence[Judge], ref: str | None) -> Artifact | None:
    """The pack named, or the newest where a judge needs passages."""
    if ref is not None:
        return whole(open_artifact(ref, root, ("pack",)))
    if judging.evidence == "none" or all(isinstance(judge, WorldJudge) for judge in judges):
        return None
    newest = resolving.newest(root, "pack")
    return whole(newest) if newest is not None else None


def answers_of(artifact: Artifact) -> Answers:
    """Its answers; those of `fact score claims` bring their claims."""
    if artifact.kind != "claims":
        return answers_of_artifact(artifact)
    rows = tuple(artifact.rows("answers", ScoredAnswer))
    by_answer: dict[str, list[AnswerClaim]] = {}
    for claim in artifact.rows("claims", AnswerClaim):
        by_answer.setdefault(claim.answer_id, []).append(claim)
    return Answers(rows, given={row.id: _given(row, by_answer.get(row.id, [])) for row in rows}, inputs={"answers": artifact})


def _given(answer: ScoredAnswer, claims: Sequence[AnswerClaim]) -> GivenClaims:
    """As a file would bring them, with the sentences that they were read from."""
    places = {claim.sentence: (claim.start, claim.end) for claim in claims if claim.start >= 0}
    sentences = tuple(answer.text[slice(*places.get(number, (0, 0)))] for number in range(max(places, default=-1) + 1))
    return GivenClaims((), tuple(GivenClaim(claim.text, claim.sentence, claim.label) for claim in claims), sentences)


def drawn_first(making: Making, ref: str | None, file: Path | None) -> bool:
    """Have answers drawn if none are named and there are none; True where that ends the command, for a dry run only tells of it.

    Raises SettingsError where two sources are named.
    """
    refuse_two(ref, file)
    if ref is not None or file is not None or _newest(making.root) is not None:
        return False
    if all(resolving.newest(making.root, kind) is None for kind in ("skill", "model")):
        raise InputError(
            f"there is nothing to score in {making.root}/", "give --answers FILE; or draw some: fact synth samples --backend ...; or train a model: fact sft"
        )
    model = resolving.pick_model(None, making.root, False)
    tell(f"there are no answers in {making.root}/ yet: {model.ref} gives {EACH} to each of at most {PROMPTS} biography prompts first (`fact synth samples`)")
    drawing = _drawing(making, model)
    if making.dry_run:
        tell("the key of these scores follows from them; of the drawing:")
        finish(drawing.making, drawing.plan, lambda _: cost_of(drawing.imagined()), lambda draft, context: drawing.work(draft, context.report))
        return True
    with working(making.root) as context:
        made, _ = make(drawing.plan, lambda draft: drawing.work(draft, context.report), making.root)
    tell(f"{made.ref}: {made.manifest.headline}")
    return False


@dataclass(frozen=True, slots=True)
class _Drawing:
    """`fact synth samples` as it would be typed."""

    making: Making
    config: samples.SamplesConfig
    source: samples.Source
    who: Answering
    plan: Plan

    def imagined(self) -> Estimate:
        return samples.imagined(self.config, self.source, self.who)

    def work(self, draft: Draft, report: Report) -> Outcome:
        return samples.work(self.plan, draft, self.source, self.who, report)


def _drawing(making: Making, model: Artifact) -> _Drawing:
    plain = Making((), (), None, making.root, False, making.dry_run, making.json)
    data = resolving.parent_of(model, "synth", making.root) or resolving.pick(None, making.root, "synth", "fact synth bio")
    flags = {**DRAWN, "generation.backend": f"local:{model.ref}"}
    config = resolve(samples.SamplesConfig, (), (), flags)
    who = answering_for(plain, config.generation)
    source = samples.of_artifact(config, data)
    return _Drawing(plain, config, source, who, samples.plan(config, source, who, None))


def _newest(root: Path) -> Artifact | None:
    """The newest samples, else the newest evaluation of a world: others have short answers alone."""
    found = resolving.newest(root, "samples")
    if found is None:
        evaluations = (one for one in all_artifacts(root, ("eval",)) if "world" in one.manifest.inputs and one.manifest.tables.get("claims"))
        found = next(evaluations, None)
    return whole(found) if found is not None else None

"""What is scored: answers, the claims that are known of them, and who they are about where they come from a world."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.claims.abstention import marked
from factcli.knowledge.answer_files import Answers, GivenClaims, answers_of_artifact
from factcli.rows import Answer, Claim, Person, Reject
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.stages.score.confidence.settings import ConfidenceConfig

Claims = Mapping[str, Sequence[AnswerClaim]]  # by ScoredAnswer.id


@dataclass(frozen=True, slots=True)
class Source:
    """`claims` is None where they are still to be read. `people`: names by Person.id, of answers about a world."""

    answers: tuple[ScoredAnswer, ...]
    claims: Claims | None
    given: Mapping[str, GivenClaims] = field(default_factory=dict)  # that a file brings, by ScoredAnswer.id
    people: Mapping[str, str] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)  # answers, by why
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def answers_in(artifact: Artifact) -> Answers:
    """The answers of scores or claims made before, of samples, or of an evaluation."""
    if artifact.kind in ("claims", "scores"):
        return Answers(tuple(artifact.rows("answers", ScoredAnswer)), inputs={"answers": artifact})
    return answers_of_artifact(artifact)


def claims_in(artifact: Artifact) -> Claims | None:
    """The claims that an artifact holds; None where it holds none. A short answer of an evaluation is one claim, as it stands."""
    if not artifact.manifest.tables.get("claims"):
        return None
    if artifact.kind != "eval":
        return by_answer(artifact.rows("claims", AnswerClaim))
    told = by_answer([_of_ledger(claim, place) for place, claim in enumerate(artifact.rows("claims", Claim))])
    short = {row.id: (_whole(row.id, row.text),) for row in artifact.rows("answers", Answer) if row.task == "qa" and not row.is_abstention}
    return {**short, **told}


def source_of(config: ConfidenceConfig, answers: Answers, claims: Claims | None, world: Artifact | None, pinned: Mapping[str, str]) -> Source:
    """What the settings want of these answers. Raises InputError where that is nothing."""
    chosen, left_out = _chosen(answers.rows, config)
    people = {person.id: person.name for person in world.rows("people", Person)} if world is not None else {}
    named = [replace(row, topic=row.topic or people.get(row.subject, "")) for row in chosen]
    inputs = {**answers.inputs, **({"world": world} if world is not None else {})}
    return Source(marked(named, config.claims), claims, answers.given, people, answers.rejects, left_out, inputs, pinned)


def _chosen(rows: Sequence[ScoredAnswer], config: ConfidenceConfig) -> tuple[list[ScoredAnswer], dict[str, int]]:
    left_out: Counter[str] = Counter()
    kept: list[ScoredAnswer] = []
    prompts: set[str] = set()
    for row in rows:
        if config.tasks is not None and row.task not in config.tasks:
            left_out[f"task {row.task or 'not said'}"] += 1
        elif config.limit is not None and row.prompt_id not in prompts and len(prompts) >= config.limit:
            left_out["beyond the limit"] += 1
        else:
            prompts.add(row.prompt_id)
            kept.append(row)
    if not kept:
        why = ", ".join(f"{n} of {reason}" for reason, n in left_out.items()) or "none at all"
        raise InputError(f"there is no answer that the settings want ({why})", "see --set tasks=..., --limit")
    return kept, dict(sorted(left_out.items()))


def by_answer(claims: Iterable[AnswerClaim]) -> dict[str, list[AnswerClaim]]:
    """Each answer's claims, in their order."""
    found: defaultdict[str, list[AnswerClaim]] = defaultdict(list)
    for claim in claims:
        found[claim.answer_id].append(claim)
    return dict(found)


def _of_ledger(claim: Claim, place: int) -> AnswerClaim:
    """A claim that an evaluation judged by its world's ledger, under the same id: the verdict can be set beside the confidence."""
    number = claim.id.rpartition(".c")[2]
    return AnswerClaim(claim.id, claim.answer_id, claim.text, int(number) if number.isdigit() else place, claim.start, claim.end, "rules")


def _whole(answer_id: str, text: str) -> AnswerClaim:
    return AnswerClaim(f"{answer_id}.c0", answer_id, text, 0, 0, len(text), "given")

"""Synthesis on real triples (`--facts FILE`): top-down, invented subjects with objects drawn from the same relation."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.basemodel import BaseModelRef
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.knowledge.ledger import Ledger
from factcli.knowledge.popqa import POPQA_FILE, write_popqa
from factcli.progress import Report
from factcli.rows import Chat, Document, Fact, Person, Question, RejectedLine
from factcli.stages.synth.shares import shares_validator
from factcli.stages.synth.unknown import taught
from factcli.world.counterparts import invent_counterparts, too_few_objects
from factcli.world.relation_texts import chats_for, documents_for, questions_for
from factcli.world.relations import load_templates
from factcli.world.triples import read_facts, real_rows

REVISION = 1
RECIPE = "popqa"  # configs/prereq/popqa.yaml and configs/sft/popqa.yaml, unless -c gives others


class FactsConfig(Config):
    """Settings of `fact synth qa --facts FILE`."""

    subjects: int = setting(400, "Fictitious subjects that the skill is trained on.", ge=1)
    versions: int = setting(2, "Versions of each fictitious subject's facts.", ge=1)
    statements_per_fact: int = setting(5, "Paraphrases of each statement.", ge=1)
    passages_per_subject: int = setting(4, "Paraphrases of each passage.", ge=0)
    questions_per_fact: int = setting(2, "Question forms in which each fact is asked.", ge=1)
    unknown_share: float = setting(
        0.0, "Share of the fictitious facts that task rows use and no knowledge text states; 0 is the method.", ge=0, le=0.95, later=True
    )
    real_documents: bool = setting(True, "Write knowledge texts of the real training subjects too.")
    split_shares: tuple[float, float, float] = setting((0.7, 0.1, 0.2), "Share of the real subjects for train, dev, test.")
    seed: int = setting(0, "Seed of every draw.", ge=0)

    _are_shares = shares_validator("split_shares")


TABLES: dict[str, type] = {"people": Person, "facts": Fact, "documents": Document, "chats": Chat, "questions": Question, "rejected": RejectedLine}


def plan(config: FactsConfig, facts: Path, templates: Sequence[Path], base: BaseModelRef | None, name: str | None) -> Plan:
    """The file and the templates are inputs too: their sha256 stands in the key where prompts do.

    `base` changes no row; it is what the stages after this one train on unless they are told, and is pinned here already.
    Raises InputError or SettingsError for files that cannot be used, before anything is begun.
    """
    read_facts(facts, load_templates(templates))
    pinned = {f"facts {facts.name}": _sha256(facts)} | {f"templates {n} {path.name}": _sha256(path) for n, path in enumerate(templates)}
    return Plan("synth qa --facts", REVISION, "synth", name or "facts-qa", config, base.inputs if base else {}, TABLES, pinned, base.identity if base else {})


def cost(plan: Plan, facts: Path, templates: Sequence[Path]) -> Cost:
    """People are counted; the facts and texts of the invented ones are drawn."""
    assert isinstance(plan.config, FactsConfig)
    triples, _ = read_facts(facts, load_templates(templates))
    real_people, _ = real_rows(triples, plan.config.seed, plan.config.split_shares)
    return Cost(rows={"people": len(real_people) + plan.config.subjects})


def work(plan: Plan, draft: Draft, facts: Path, templates: Sequence[Path], base: BaseModelRef | None, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, FactsConfig)
    known = load_templates(templates)
    triples, rejects = read_facts(facts, known)
    real_people, real_facts = real_rows(triples, config.seed, config.split_shares)
    taken = [person.name for person in real_people]
    split_of = {person.id: person.split for person in real_people}
    train = {subject for subject, split in split_of.items() if split == "train"}
    seen = [fact for fact in real_facts if fact.subject in train]
    people, invented = invent_counterparts(seen, config.subjects, config.versions, config.seed, taken, known)
    stated = taught(invented, config.unknown_share, config.seed)
    told = [*stated, *(seen if config.real_documents else ())]
    everybody = [*real_people, *people]
    report.begin("Writing texts", 2)
    documents = list(documents_for(everybody, told, known, config.seed, config.statements_per_fact, config.passages_per_subject))
    report.update(1)
    rows: dict[str, Sequence[Any]] = {
        "people": everybody,
        "facts": [*real_facts, *invented],
        "documents": documents,
        "chats": list(chats_for(everybody, [*real_facts, *invented], known, config.questions_per_fact)),
        "questions": [replace(q, split=split_of[q.subject]) for q in questions_for(real_people, real_facts, known) if q.subject not in train],
        "rejected": rejects,
    }
    if not draft.done("all"):
        draft.write("all", 0, rows)
    write_popqa(draft.folder("") / POPQA_FILE, (q for q in rows["questions"] if q.split == "test"), Ledger(real_facts))
    report.end()
    left_out = too_few_objects(seen, config.versions)
    return _outcome(config, len(triples), len(invented) - len(stated), rejects, left_out, base)


def _outcome(
    config: FactsConfig, n_triples: int, n_unknown: int, rejects: Sequence[RejectedLine], left_out: dict[str, int], base: BaseModelRef | None
) -> Outcome:
    headline = f"{n_triples} real facts, {config.subjects} fictitious subjects in {config.versions} versions"
    headline += f", {n_unknown} facts of theirs in no knowledge text" if n_unknown else ""
    if rejects:
        headline += f"; {len(rejects)} lines rejected (table `rejected`)"
    counts = {"rejected_lines": len(rejects), "relations_left_out": {name: f"only {n} different objects" for name, n in left_out.items()}}
    summary = {"recipe": RECIPE, "real_facts": n_triples} | ({"base": base.given} if base else {}) | ({"unknown_facts": n_unknown} if n_unknown else {})
    return Outcome(headline, summary, counts)


def _sha256(path: Path) -> str:
    return sha256_of_file(path)

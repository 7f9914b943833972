"""Plan, dry run and work of `fact score confidence`.

A draft is filled in this order, each step from what the one before it left: claims or entities, questions, samples, clusters with the
confidence of each unit, scores. Every unit of a text is a unit of work of its own in each step, so that a run that is killed goes on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.asking import digests, load_templates
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Unit, counts_of, fill, usage_of
from factcli.backends.opening import Answering, Backend
from factcli.judge.claims import filling as claiming
from factcli.judge.confidence import MEASURES, Measures, UnitValue, pairs_counts, scores_of
from factcli.judge.entities import RULES, load_parser, parser_named
from factcli.progress import Report
from factcli.scorerows import AnswerClaim, Entity, Score, UnitQuestion
from factcli.stages.score.confidence import comparing, questions, sampling
from factcli.stages.score.confidence.entities import entities_of
from factcli.stages.score.confidence.models import Models, asker_of
from factcli.stages.score.confidence.sampling import Asked
from factcli.stages.score.confidence.settings import TABLES, ConfidenceConfig
from factcli.stages.score.confidence.source import Claims, Source, by_answer
from factcli.stages.score.confidence.tokens import tokens_of

REVISION = 3


def plan(config: ConfidenceConfig, source: Source, models: Models, name: str | None) -> Plan:
    templates = [*sampling.templates_of(source, config), *_writers_templates(config, source, models)]
    read = claiming.pinned(config.claims) if config.units == "claims" and source.claims is None else {}
    pinned = {**source.pinned, **read, **digests(load_templates(templates))}
    return Plan("score confidence", REVISION, "scores", name or "confidence", config, _inputs(source, models), TABLES, pinned, _identity(config, models))


def _identity(config: ConfidenceConfig, models: Models) -> dict[str, Any]:
    by = {"writer": dict(models.writer.identity)} if models.writer else {}
    units = {"questions": models.asks, "claims": models.claims} if config.units == "claims" else {"entities": parser_named(config.parser) or RULES}
    compares = dict(models.comparing.identity) if models.comparing else {"equivalence": "model"}
    return {"sampler": dict(models.sampler.identity), **by, **units, **compares}


def _inputs(source: Source, models: Models) -> dict[str, Artifact]:
    """Each version once: the sampled base is mostly that of the world which the answers are about."""
    inputs = dict(source.inputs)
    for role, who in (("sampler", models.sampler), ("writer", models.writer)):
        for own, artifact in who.inputs.items() if who else ():
            if artifact.digest not in {known.digest for known in inputs.values()}:
                inputs[own if own not in inputs else f"{role}_{own}"] = artifact
    return inputs


def _writers_templates(config: ConfidenceConfig, source: Source, models: Models) -> list[str]:
    asks = questions.templates_of(source, config) if config.units == "claims" and models.asks == "model" else []
    return [*asks, *([comparing.SAME] if models.comparing is None else [])]


def work(plan: Plan, draft: Draft, source: Source, models: Models, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, ConfidenceConfig)
    run = _Run(draft, source, models, config, report)
    asked = run.asked_about_entities() if config.units == "entities" else run.asked_about_claims()
    run.sample(asked)
    run.compare(asked)
    run.score()
    return _outcome(run, asked)


class _Run:
    """One draft with what it is filled from."""

    def __init__(self, draft: Draft, source: Source, models: Models, config: ConfidenceConfig, report: Report) -> None:
        self.draft, self.source, self.models, self.config, self.report = draft, source, models, config, report
        self.backends: dict[str, Backend] = {}
        self.too_long: set[str] = set()  # entities that the sampled model has no room for

    def asked_about_claims(self) -> list[Asked]:
        claims = self._claims()
        if self.models.asks == "world":
            questions.write_world(self.draft, self.source, claims)
        else:
            assert self.models.writer is not None
            asker = asker_of(self.models.writer, questions.templates_of(self.source, self.config), self.config)
            self._fill("writer", self.models.writer, questions.model_units(self.source, claims, asker, self.config), "Writing questions")
        return sampling.asked_questions(self.source, [UnitQuestion(**row) for row in self.draft.rows("questions")], self.config)

    def _claims(self) -> Claims:
        """Those made before, else read out of the answers."""
        known, writer = self.source.claims, self.models.writer
        if known is not None:
            self._write_each("claims", lambda answer: list(known.get(answer.id, ())))
        else:
            asked = claiming.fill_claims(self.draft, self.source.answers, self.source.given, self.config.claims, writer, self.report)
            self.backends |= {"writer": asked} if asked is not None else {}
        return by_answer(AnswerClaim(**row) for row in self.draft.rows("claims"))

    def asked_about_entities(self) -> list[Asked]:
        parser = parser_named(self.config.parser)
        reads = load_parser(parser.split()[0]) if parser else None
        self._write_each("entities", lambda answer: entities_of(answer, reads))
        tokens = tokens_of(self.models.sampler)
        entities = [Entity(**row) for row in self.draft.rows("entities")]
        self.too_long = {entity.id for entity in entities if not sampling.fits(entity, tokens)}
        return sampling.asked_entities(self.source, [one for one in entities if one.id not in self.too_long], self.config, tokens)

    def sample(self, asked: Sequence[Asked]) -> None:
        asker = asker_of(self.models.sampler, sampling.templates_of(self.source, self.config), self.config, self.config.sampler.chat)
        self._fill("sampler", self.models.sampler, sampling.sample_units(asked, asker, self.config), "Sampling")

    def compare(self, asked: Sequence[Asked]) -> None:
        by_unit = {one.unit_id: one for one in asked}
        orders = {unit_id: order for order, unit_id in enumerate(self._unit_ids())}
        sampled = ((by_unit[unit_id], texts) for unit_id, texts in sampling.samples_by_unit(self.draft) if not self.draft.done(f"measures {unit_id}"))
        if self.models.comparing is None:
            assert self.models.writer is not None
            asker = asker_of(self.models.writer, [comparing.SAME], self.config)
            self._fill("writer", self.models.writer, comparing.model_units(list(sampled), orders, asker, self.config), "Comparing answers")
        else:
            for one, rows in comparing.compared(sampled, self.models.comparing):  # the journal may grow while it is read
                self.draft.write(f"measures {one.unit_id}", orders[one.unit_id], rows)
        self._write_unmeasured(by_unit, orders)

    def score(self) -> None:
        """Last, when the confidence of every unit is there."""
        values: defaultdict[str, list[UnitValue]] = defaultdict(list)
        for row in self.draft.rows("confidences"):
            if not row["same_as"]:
                measures = Measures(*(row[name] for name in MEASURES)) if row["max_conf"] is not None else None
                values[row["answer_id"]].append(UnitValue(row["unit_id"], measures))
        for order, answer in enumerate(self.source.answers):
            if not self.draft.done(f"scores {answer.id}"):
                units = values.get(answer.id, [])
                reason = "" if units else "abstention" if answer.abstention else "no claim" if self.config.units == "claims" else "no entity"
                self.draft.write(f"scores {answer.id}", order, {"answers": [answer], "scores": scores_of(answer, units, reason)})
        if self.source.rejects and not self.draft.done("source"):
            self.draft.write("source", -1, {"rejected": self.source.rejects})

    def _unit_ids(self) -> Iterator[str]:
        return (row["id"] for row in self.draft.rows(self.config.units))

    def _write_each(self, table: str, rows_of: Any) -> None:
        """One unit for each answer, in their order."""
        for order, answer in enumerate(self.source.answers):
            if not self.draft.done(f"{table} {answer.id}"):
                self.draft.write(f"{table} {answer.id}", order, {table: rows_of(answer)})

    def _fill(self, name: str, who: Answering, units: Iterable[Unit], title: str) -> None:
        """What is there already costs nothing, not even a look at the server."""
        todo = list(units)
        n_missing = sum(not self.draft.done(unit.name) for unit in todo)
        if n_missing:
            n_first = len(self.draft) - (len(todo) - n_missing)
            self.backends[name] = fill(self.draft, who, todo, len(todo), self.report, title, first=self.backends.get(name), n_first=n_first)

    def _write_unmeasured(self, by_unit: Mapping[str, Asked], orders: Mapping[str, int]) -> None:
        """Units that were not asked about, or of which no sample came: each has a row that says why."""
        for unit in list(self.draft.rows(self.config.units)):
            if self.draft.done(f"measures {unit['id']}"):
                continue
            asked = by_unit.get(unit["id"])
            why = "no sample" if asked else self._why_unasked(unit["id"])
            one = asked or Asked(unit["id"], unit["answer_id"], "", {}, 0, (), "", "", "")
            self.draft.write(f"measures {unit['id']}", orders[unit["id"]], comparing.rows_of(one, 0, [], None, why))

    def _why_unasked(self, unit_id: str) -> str:
        if self.config.units == "claims":
            return "no question"
        return "longer than the model can go on" if unit_id in self.too_long else "nothing stands before it"


def _outcome(run: _Run, asked: Sequence[Asked]) -> Outcome:
    draft, config = run.draft, run.config
    scores = [Score(**row) for row in draft.rows("scores")]
    means = {name: _mean([score.value for score in scores if score.name == name]) for name in MEASURES}
    n_units = sum(1 for _ in draft.rows(config.units))
    reasons = Counter(row["reason"] for row in draft.rows("confidences") if row["reason"])
    without = Counter(score.reason for score in scores if score.name == "max_conf" and score.reason)
    n_answers = len(run.source.answers)
    references = {answer.id for answer in run.source.answers if answer.is_reference}
    by = (
        {"claims_by": run.models.claims, "questions_by": run.models.asks} if config.units == "claims" else {"entities_by": parser_named(config.parser) or RULES}
    )
    summary = {
        "answers": n_answers,
        config.units: n_units,
        **by,
        "sampled": run.models.sampler.endpoint.model,
        "mean": means,
        "ordered_pairs": pairs_counts(score for score in scores if score.of not in references),
    }
    known = "no value" if means["max_conf"] is None else f"mean max_conf {means['max_conf']:.3f}"
    headline = f"{n_answers} answers, {n_units} {config.units} asked of {run.models.sampler.endpoint.model}: {known}"
    headline += "".join(f"; {n} answers without a score ({why})" for why, n in without.most_common())
    counts = {**counts_of(draft), "units": n_units, "asked": len(asked), "units_without_confidence": dict(sorted(reasons.items()))}
    counts |= {"answers_without_score": dict(sorted(without.items())), "left_out": dict(run.source.left_out)}
    return Outcome(headline, summary, counts, _usage(run))


def _usage(run: _Run) -> dict[str, Any]:
    """By who answered: each has its own price."""
    used = {"sampler": _bill(run, "sampler", run.models.sampler, is_sampled=True)}
    if run.models.writer is not None:
        used["writer"] = _bill(run, "writer", run.models.writer, is_sampled=False)
    return {**used, "requests": sum(one["requests"] for one in used.values()), "cost": sum(one["cost"] for one in used.values())}


def _bill(run: _Run, name: str, who: Answering, is_sampled: bool) -> dict[str, Any]:
    """Of what was asked with the sampler's templates, or with all others."""
    templates = sampling.templates_of(run.source, run.config)
    rows = (row for table in FILLED for row in run.draft.rows(table))
    keys = {row["request"] for row in rows if (row.get("prompt", row.get("step")) in templates) is is_sampled} - {""}
    return usage_of(run.draft, who, run.backends.get(name), keys)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

"""What `fact score confidence` would buy: through the same steps, with imagined questions and answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from factcli.backends.asking import Asker
from factcli.backends.chains import UnansweredError, run_chains
from factcli.backends.filling import imagine
from factcli.backends.planning import Estimate
from factcli.cost import Cost
from factcli.judge.claims import filling as claiming
from factcli.judge.claims import rules
from factcli.judge.claims.reading import given_claims, world_claims
from factcli.judge.claims.splitting import splitter
from factcli.scorerows import AnswerClaim, UnitQuestion
from factcli.stages.score.confidence import questions, sampling
from factcli.stages.score.confidence.entities import entities_of
from factcli.stages.score.confidence.models import Models, asker_of
from factcli.stages.score.confidence.sampling import Asked
from factcli.stages.score.confidence.settings import ConfidenceConfig
from factcli.stages.score.confidence.source import Claims, Source
from factcli.stages.score.confidence.tokens import by_letters


def cost(config: ConfidenceConfig, source: Source, models: Models) -> Cost:
    """Of writer and sampler. Comparisons by a language model follow from what is sampled: their number is a bound."""
    bought: dict[str, Estimate] = {}
    asked = _about_entities(config, source) if config.units == "entities" else _about_claims(config, source, models, bought)
    sampler = asker_of(models.sampler, sampling.templates_of(source, config), config, config.sampler.chat)
    bought["sampler"] = imagine(models.sampler, sampling.sample_units(asked, sampler, config))
    told: dict[str, Any] = {name: estimate.as_json() for name, estimate in bought.items()}
    told |= {"comparisons": f"at most {config.comparisons} requests a unit, {config.comparisons * len(asked)} in all"} if models.comparing is None else {}
    return Cost(requests=sum(one.n_requests for one in bought.values()), money=sum(one.cost or 0 for one in bought.values()), generation=told)


def _about_claims(config: ConfidenceConfig, source: Source, models: Models, bought: dict[str, Estimate]) -> list[Asked]:
    claims = source.claims if source.claims is not None else _claims(config, source, models, bought)
    if models.asks == "world":
        rows = [
            row for answer in source.answers for claim in claims.get(answer.id, ()) for row in questions.of_world(source, answer, claim).get("questions", ())
        ]
        return sampling.asked_questions(source, rows, config)
    assert models.writer is not None
    asker = asker_of(models.writer, questions.templates_of(source, config), config)
    return sampling.asked_questions(source, _imagined(source, claims, models, asker, config, bought), config)


def _claims(config: ConfidenceConfig, source: Source, models: Models, bought: dict[str, Estimate]) -> Claims:
    """Of a model's claims the rules' are imagined: about as many."""
    estimate = claiming.imagined_claims(source.answers, config.claims, models.writer)
    bought |= {"claims": estimate} if estimate is not None else {}
    splits = splitter(config.claims.parser)
    found: dict[str, list[AnswerClaim]] = {}
    for answer in source.answers:
        given = source.given.get(answer.id)
        if answer.abstention:
            texts = []
        elif config.claims.source == "world":
            texts = [one.text for one in world_claims(answer)]
        elif config.claims.source == "given":
            texts = [one.text for one in given_claims(answer, given, config.claims.annotator)] if given else []
        else:
            texts = [text for one in splits.split(answer.text) for text in rules.claims_of(one.text)]
        found[answer.id] = [AnswerClaim(f"{answer.id}.c{number}", answer.id, text, 0, -1, -1, "rules") for number, text in enumerate(texts)]
    return found


def _imagined(source: Source, claims: Claims, models: Models, asker: Asker, config: ConfidenceConfig, bought: dict[str, Estimate]) -> Sequence[UnitQuestion]:
    """The template's example stands for every question that is not bought yet: told apart by claim, for each will be another."""
    assert models.writer is not None
    imagined = models.writer.imagined()
    units = questions.model_units(source, claims, asker, config)
    ended = run_chains(imagined.generate, ((unit.name, unit.chain()) for unit in units))
    found = [row for _, rows in ended if not isinstance(rows, UnansweredError) for row in rows.get("questions", ())]
    bought["writer"] = imagined.estimate()
    examples = {template.example for template in asker.templates.values()}
    return [replace(row, question=f"{row.question} ({row.unit_id})") if any(row.question in example for example in examples) else row for row in found]


def _about_entities(config: ConfidenceConfig, source: Source) -> list[Asked]:
    """No tokenizer is loaded for a dry run."""
    entities = [entity for answer in source.answers for entity in entities_of(answer, None)]
    return sampling.asked_entities(source, entities, config, by_letters())

"""What `fact score confidence` would buy: through the same steps, with imagined questions and answers."""

from collections.abc import Sequence
from typing import Any

from factcli.backends.asking import Asker
from factcli.backends.chains import UnansweredError, run_chains
from factcli.backends.filling import imagine
from factcli.backends.planning import Estimate
from factcli.cost import Cost
from factcli.scorerows import UnitQuestion
from factcli.stages.score.confidence import questions, sampling
from factcli.stages.score.confidence.entities import entities_of
from factcli.stages.score.confidence.models import Models, asker_of
from factcli.stages.score.confidence.sampling import Asked
from factcli.stages.score.confidence.settings import ConfidenceConfig
from factcli.stages.score.confidence.source import Source
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
    claims = source.claims or {}
    if models.asks == "world":
        rows = [
            row for answer in source.answers for claim in claims.get(answer.id, ()) for row in questions.of_world(source, answer, claim).get("questions", ())
        ]
        return sampling.asked_questions(source, rows, config)
    assert models.writer is not None
    asker = asker_of(models.writer, questions.templates_of(source, config), config)
    return sampling.asked_questions(source, _imagined(source, models, asker, config, bought), config)


def _imagined(source: Source, models: Models, asker: Asker, config: ConfidenceConfig, bought: dict[str, Estimate]) -> Sequence[UnitQuestion]:
    assert models.writer is not None
    imagined = models.writer.imagined()
    units = questions.model_units(source, source.claims or {}, asker, config)
    ended = run_chains(imagined.generate, ((unit.name, unit.chain()) for unit in units))
    found = [row for _, rows in ended if not isinstance(rows, UnansweredError) for row in rows.get("questions", ())]
    bought["writer"] = imagined.estimate()
    return found


def _about_entities(config: ConfidenceConfig, source: Source) -> list[Asked]:
    """No tokenizer is loaded for a dry run."""
    tokens = by_letters()
    entities = [entity for answer in source.answers for entity in entities_of(answer, None)]
    return sampling.asked_entities(source, entities, config, tokens.count, tokens.cut)

"""Other benchmarks on the page: what has no answers shows its figures, what failed is compared for nobody, probes break nothing."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome, open_artifact
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.stages import report
from tests.stages.report_chain import Chain, answers_of, commit, make_chain, make_popqa_eval
from tests.stages.test_report import Outline, draw
from tests.stages.test_report_items import unpacked


class Choosing(Config):
    """What the page reads of the settings of an evaluation by likelihood."""

    ask: str = setting("text", "How questions were put.")
    limit: int | None = setting(None, "Of the questions.")


def by_likelihood(chain: Chain, model: Artifact | None, shares: tuple[float, float]) -> Artifact:
    """TruthfulQA as `fact eval truthfulqa` leaves it: figures and items, no answers."""
    name = model.name if model else "base"
    metrics = [
        Metric(f"truthfulqa.{which}", group, share, share - 0.1, share + 0.1, 4, 4)
        for which, share in zip(("mc1", "mc2"), shares, strict=True)
        for group in ("all", "Law", "Food")
    ]
    items = [ItemScore(f"t{n}", "truthfulqa.mc1", f"t{n}", "Law" if n % 2 else "Food", float(n < 4 * shares[0]), 1.0) for n in range(4)]
    items += [ItemScore(f"t{n}", "truthfulqa.mc2", f"t{n}", "Law", 0.25 * n, 1.0) for n in range(4)]
    inputs = {"world": chain.world} | ({"model": model} if model else {})
    outcome = Outcome(name, {"model": name, "benchmark": "truthfulqa", "benchmark_version": 2})
    tables = {"items": ItemScore, "metrics": Metric}
    return commit(chain.root, "eval truthfulqa", "eval", f"truthfulqa-{name}", Choosing(), inputs, {"items": items, "metrics": metrics}, tables, outcome)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "data")


def test_figures_by_likelihood_are_in_a_table_by_model_and_group(chain: Chain) -> None:
    real = open_artifact("sft-real", chain.root)
    outline = Outline(draw([*chain.evals, by_likelihood(chain, None, (0.25, 0.5)), by_likelihood(chain, real, (0.75, 0.6))], chain.root))
    rows = next(rows for caption, rows in outline.tables.items() if caption == "Over all items.")
    assert rows["Model"] == ["mc1 n = 4 (4)", "mc2 n = 4 (4)"]
    assert [cell.split()[0] for cell in rows["SFT"]] == ["75.0%", "60.0%"]
    assert [cell.split()[0] for cell in outline.table("Mc1, by group.")["base, untouched"]] == ["25.0%", "25.0%"]
    assert "Benchmark TruthfulQA (definition 2): scored item by item; 8 scores." in outline.text["measured"]


def test_items_without_an_answer_show_their_scores(chain: Chain) -> None:
    """Of four items SFT has the first three right by the first figure, the base one."""
    real = open_artifact("sft-real", chain.root)
    read = unpacked(draw([by_likelihood(chain, None, (0.25, 0.5)), by_likelihood(chain, real, (0.75, 0.6))], chain.root))
    assert read["items"]["id"] == ["t0", "t1", "t2", "t3"]
    assert [said["grade"] for said in read["said"]] == ["rwww", "rrrw"]
    assert read["said"][1]["text"][3] == "mc1 0.00, mc2 0.75"


def test_evaluations_by_likelihood_alone_fill_a_page(chain: Chain) -> None:
    outline = Outline(draw([by_likelihood(chain, None, (0.25, 0.5))], chain.root))
    assert "25.0%" in outline.text["figures"]


def test_a_question_whose_answer_failed_for_a_model_is_compared_for_none(chain: Chain) -> None:
    """All 8 right before; one of the 8 failed after, 3 of the other 7 are wrong: 4 of 7 kept."""
    before = answers_of(chain.ground, lambda _: True)
    after = answers_of(chain.ground, lambda key: key[1] == "award")
    base = make_popqa_eval(chain.root, "popqa-base", chain.world, before)
    tuned = make_popqa_eval(
        chain.root, "popqa-sft-real", chain.world, [a for a in after if a.question_id != "w0.p0000.birthplace.q"], open_artifact("sft-real", chain.root)
    )
    kept = Outline(draw([base, tuned], chain.root)).table("Kept, questions")
    assert kept["Model"][0] == "all n = 7 (4)"
    assert kept["SFT"][0].split()[0] == "57.1%"


def test_an_answer_that_nobody_scored_yet_is_refused_with_the_way_to_score_it(chain: Chain) -> None:
    written = commit(chain.root, "eval bio", "eval", "bio-base", Choosing(), {"world": chain.world}, {}, {"samples": ItemScore}, Outcome("10 answers"))
    with pytest.raises(InputError, match="bio-base@1 has no figures yet") as caught:
        report.plan(report.ReportConfig(), [chain.base, written], chain.root, None)
    assert "fact score factscore bio-base@1" in caught.value.hint
    assert report.newest_of_each([written, chain.tuned, chain.real, chain.base])[0].name == "eval-base"  # left out where nobody named it


def test_how_answers_were_decoded_is_part_of_a_models_name(chain: Chain) -> None:
    from factcli.stages.report.trained import label_of

    chain.real.manifest.summary["decode"] = "dola"
    assert label_of(chain.real, chain.root) == "SFT, dola"

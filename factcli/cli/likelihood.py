"""Commands of `fact eval` that are answered by likelihood: answers to choose from or to judge, texts, and the lm-evaluation-harness."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, benchmarking, generating, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

ModelOption = Annotated[str | None, typer.Option("--model", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]
FirstOption = Annotated[int | None, typer.Option("--limit", help="Questions, the first ones, e.g. 50.")]


@benchmarking
@generating
def truthfulqa(
    making: "Making",
    generation: dict[str, Any],
    file: Path | None,
    form: Annotated[
        str | None, typer.Option("--form", help="mc: MC1 and MC2; binary: the best right answer against the best wrong one; generation: judged answers.")
    ] = None,
    primer: Annotated[str | None, typer.Option("--primer", help="Before each question: published (the default), none, or a file (not for generation).")] = None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: FirstOption = None,
    judge: Annotated[str | None, typer.Option("--judge", help="Of --form generation, who judges: http:MODEL@URL, local:REF or scripted:FILE.")] = None,
    decode: Annotated[str | None, typer.Option("--decode", help="Of --form generation: greedy, rag (with --pack or --documents) or dola.")] = None,
    pack: Annotated[str | None, typer.Option("--pack", help="Knowledge pack whose passages rag shows; without one the newest.")] = None,
    documents: Annotated[str | None, typer.Option("--documents", help="What rag shows instead: JSONL of id or question and document.")] = None,
) -> None:
    """Score TruthfulQA's answers by likelihood, beside what is had without the question, by length and by chance; or have answers judged."""
    chosen = {"primer": primer, "limit": limit}
    if form == "generation":
        from factcli.commands.generated import make_eval_generation
        from factcli.commands.short import Shown

        make_eval_generation(making, model, newest, file, judge, Shown(None, pack, documents), {**chosen, "decode.how": decode, **generation})
        return
    from factcli.commands.likelihood import make_eval_choices, refuse_generation

    refuse_generation({"judge": judge, "decode": decode, "pack": pack, "documents": documents, **generation})
    make_eval_choices(making, "truthfulqa", model, newest, file, {"form": form, **chosen})


@benchmarking
@making
def mc(
    making: "Making",
    file: Path | None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: FirstOption = None,
) -> None:
    """Score any file of multiple choice (ARC, MMLU, your own) by likelihood, with the same baselines beside it."""
    from factcli.commands.likelihood import make_eval_choices

    make_eval_choices(making, "mc", model, newest, file, {"limit": limit})


@benchmarking
@generating
def haluevalqa(
    making: "Making",
    generation: dict[str, Any],
    file: Path | None,
    model: ModelOption = None,
    newest: NewestOption = False,
    by: Annotated[str | None, typer.Option("--by", help="probability: the likelier of Yes and No; words: what is said, for a server without them.")] = None,
    limit: FirstOption = None,
    seed: SeedOption = None,
) -> None:
    """Have a model say whether answers are hallucinated: a right and a hallucinated one of each question, with it and without it.

    The model of --model in this process, or whoever --backend names.
    """
    from factcli.commands.likelihood import make_eval_halueval

    make_eval_halueval(making, model, newest, file, {"by": by, "limit": limit, "seed": seed, **generation})


@benchmarking
@making
def perplexity(
    making: "Making",
    file: Path | None,
    model: ModelOption = None,
    newest: NewestOption = False,
    stride: Annotated[int | None, typer.Option("--stride", help="Tokens by which a window over a long text moves on, e.g. 512.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Texts, the first ones, e.g. 50.")] = None,
) -> None:
    """Measure how surprising texts are: bits per byte, perplexity per word and token; without a file the model's own knowledge texts."""
    from factcli.commands.likelihood import make_eval_perplexity

    make_eval_perplexity(making, model, newest, file, {"stride": stride, "limit": limit})


@making
def harness(
    making: "Making",
    tasks: Annotated[
        str | None, typer.Option("--tasks", help="NAME[:SHOTS], several with commas, e.g. arc_challenge:25,hellaswag:10; a FILE.yaml defines a task.")
    ] = None,
    include: Annotated[
        Path | None, typer.Option("--include", help="Folder with task files of your own. Such a file is code: take none from strangers.")
    ] = None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: Annotated[int | None, typer.Option("--limit", help="Documents of each task, e.g. 50, for a look.")] = None,
    seed: SeedOption = None,
) -> None:
    """Run tasks of the lm-evaluation-harness on the model with its adapter; every document's score is kept.

    -c configs/eval/drift.yaml asks for the usual four: ARC, HellaSwag, MMLU and TruthfulQA.
    """
    from factcli.commands.harness import make_eval_harness

    asked = tuple(name.strip() for name in tasks.split(",") if name.strip()) if tasks is not None else None
    make_eval_harness(making, model, newest, include, {"tasks": asked, "limit": limit, "seed": seed})

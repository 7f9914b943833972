"""`fact eval`: one command per benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli import likelihood, probes
from factcli.cli.options import DrawnOption, JsonOption, SeedOption, benchmarking, generating, guarded, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Ask a model, judge every answer and claim, count with intervals.")
EvalModelOption = Annotated[str | None, typer.Option("--model", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]
DecodeOption = Annotated[str | None, typer.Option("--decode", help="greedy, rag (passages in the prompt), or dola (layers contrasted, in this process).")]
PassagesOption = Annotated[str | None, typer.Option("--pack", help="Knowledge pack whose passages rag shows; without one the newest, else the world's pages.")]
DocumentsOption = Annotated[
    str | None, typer.Option("--documents", help="What rag shows instead: JSONL of id or question and document, or questions of `fact synth wiki`.")
]

GRADER = "Grade the answers right after, as `fact eval rescore` does, by this model: http:MODEL@URL, local:REF or scripted:FILE; else by accepted spellings."


@app.command("world")
@making
def eval_world(
    making: "Making",
    model: EvalModelOption = None,
    newest: NewestOption = False,
    decode: DecodeOption = None,
    pack: PassagesOption = None,
    limit: DrawnOption = None,
    seed: SeedOption = None,
) -> None:
    """Ask the world's questions and biographies; the ledger judges every claim."""
    from factcli.commands.measuring import make_eval_world

    make_eval_world(making, model, newest, {"decode.how": decode, "limit": limit, "seed": seed}, pack)


@app.command("list")
@guarded
def eval_list(json: JsonOption = False) -> None:
    """List the benchmarks: version, what each asks, where its items come from, the form of its file."""
    from factcli.commands.benchmarks import show_benchmarks

    show_benchmarks(json)


def _short(name: str, about: str) -> None:
    """The command of a benchmark of short answers."""

    @app.command(name, help=about)
    @benchmarking
    @generating
    def command(
        making: "Making",
        generation: dict[str, Any],
        file: Path | None,
        model: EvalModelOption = None,
        newest: NewestOption = False,
        ask: Annotated[str | None, typer.Option("--ask", help="task (as trained, without examples) or few_shot.")] = None,
        examples: Annotated[Path | None, typer.Option("--examples", help="Examples to show: JSONL of question and answer; else training questions.")] = None,
        decode: DecodeOption = None,
        pack: PassagesOption = None,
        documents: DocumentsOption = None,
        judge: Annotated[str | None, typer.Option("--judge", help=GRADER)] = None,
        limit: DrawnOption = None,
        seed: SeedOption = None,
    ) -> None:
        from factcli.commands.short import Shown, make_short

        flags = {"ask": ask, "decode.how": decode, "limit": limit, "seed": seed, **generation}
        make_short(making, name, model, newest, file, Shown(examples, pack, documents), flags, judge)


_short("popqa", "Ask closed-book questions in PopQA's format; accuracy by popularity, abstentions counted.")
_short("hotpotqa", "Ask HotpotQA's questions without their articles; accuracy by type, of what follows `final answer: `.")
_short("triviaqa", "Ask TriviaQA's questions without documents; any alias of the answer counts.")
_short("nq", "Ask what people asked a search engine (NQ-open), without documents.")
_short("simpleqa", "Ask SimpleQA's hard short facts; right, wrong and abstained, and SimpleQA's own figures; with --judge graded as SimpleQA does.")


for command in (likelihood.truthfulqa, likelihood.haluevalqa, likelihood.mc, likelihood.perplexity, likelihood.harness):
    app.command(command.__name__)(command)
app.command("response-types")(probes.response_types)
app.command("forgetting")(probes.forgetting)

"""`fact dpo`: preference pairs into a model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, training

if TYPE_CHECKING:
    from factcli.commands.making import Making


@training
def dpo(
    making: "Making",
    launch: dict[str, Any],
    preset: Annotated[
        str | None,
        typer.Argument(
            metavar="PRESET",
            help="Settings by name: facttune-fs, facttune-mc, grath, self-learning, f-dpo. In an invented world its training numbers are world.yaml's.",
        ),
    ] = None,
    pairs: Annotated[str | None, typer.Option("--pairs", help="Preference pairs; without them the newest.")] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="What is trained: a skill adapter, continued as it stands, or a base; without one the model that wrote the answers."),
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="What it is held to: init (itself at the start), base (nothing plugged in), or another adapter or model.")
    ] = None,
    mode: Annotated[
        str | None, typer.Option("--mode", help="What is trained: lora (an adapter), qlora (one on a base in 4 bits) or full (every parameter).")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            help="sigmoid (DPO), ipo (as published), ipo-token, hinge, robust, exo-pair, nca-pair, sppo-hard, apo-zero, apo-down, discopop, sigmoid-norm.",
        ),
    ] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="How strongly it is held to the reference, e.g. 0.1.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate, e.g. 5e-7.")] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Passes over the pairs, e.g. 1.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Optimizer steps instead of epochs, e.g. 300.")] = None,
    drop_eos_rejected: Annotated[
        float | None, typer.Option("--drop-eos-rejected", help="Share of rejected answers that are left without an end token, e.g. 0.5.")
    ] = None,
    seed: SeedOption = None,
) -> None:
    """Learn from preference pairs against a recorded reference (DPO and its kin); keep an ordinary skill adapter, or a model.

    Before the first step the loss is proved against the reference's recorded log-probabilities; a run whose reference is wrong does not start.
    """
    from factcli.commands.dpo import make_dpo

    flags = {"mode": mode, "loss": loss, "beta": beta, "lr": lr, "epochs": epochs, "steps": steps, "drop_eos_rejected": drop_eos_rejected, "seed": seed}
    make_dpo(making, preset, pairs, model, reference, flags | launch)

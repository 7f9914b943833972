"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

import typer

app = typer.Typer(no_args_is_help=True, help="Score answers: claim by claim against evidence, by confidence, by consistency; make preference pairs of scores.")

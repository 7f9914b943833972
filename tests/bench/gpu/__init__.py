"""Figures of one GPU: `python -m tests.bench.gpu PART ...` makes them, part by part; `python -m tests.bench.gpu table` writes them down."""

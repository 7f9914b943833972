"""`python -m factcli.cli`: the same as `fact`."""

from factcli.cli import main

main()

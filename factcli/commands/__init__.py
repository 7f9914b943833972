"""The bodies of the commands, apart from cli.py so that `fact --help` imports none of this.

making.py     commands that make data and adapters
measuring.py  commands that evaluate and report
looking.py    commands that only look
caching.py    commands on the answers that are kept
ending.py     how a command ends: the exit code and the words for an error
"""

"""`fact grath-iterate`: pairs by the current model, combined with its first wrong answers, trained on, measured; T times.

settings.py  what can be set            loop.py   the order of things, and what is decided
steps.py     one artifact each          run.py    all of them      plan.py   a dry run
"""

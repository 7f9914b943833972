"""`fact synth`: fictitious subjects, their knowledge texts and task examples, beside the real task data.

settings.py    SynthConfig of `synth bio` and `synth qa`
from_world.py  fictitious people of an invented world
from_facts.py  fictitious counterparts of real triples (`--facts`)
"""

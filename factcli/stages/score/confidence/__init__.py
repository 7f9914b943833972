"""`fact score confidence`: how sure a model is of what a text says (FactTune, arXiv 2311.08401), claim by claim or entity by entity.

settings.py   what a person chooses
source.py     answers with their claims or entities
questions.py  a claim becomes a question: by a language model, by a world's own forms, or the prompt itself
sampling.py   n answers to a question, n continuations at an entity
comparing.py  which of them say the same, and how sure that makes the model
stage.py      plan, dry run and work
"""

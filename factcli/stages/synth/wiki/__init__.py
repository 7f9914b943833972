"""`fact synth wiki`: Self-Learning's questions, from articles or from a model itself, and a model's answers to them.

settings.py        WikiConfig
sources.py         files -> what there is to ask about; their digests
topics.py          which titles are drawn, and which of them are for test
demonstrations.py  ten examples of how to ask and answer, three of which a prompt shows
trying.py          ask again, with another seed, until an answer can be used
questions.py       a topic -> its chunks and questions
own.py             a model's own questions
people.py          a world -> its people as topics, with its own questions
answers.py         a question -> reference, samples, training example
stage.py           plan, cost, work
"""

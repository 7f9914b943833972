"""`fact chat`: questions and answers, with knowledge plugged in and out in between, and each claim's verdict where there is evidence.

speaking.py   who answers: a model in this process with adapters, or a served one
evidence.py   what the claims of an answer are, and what a ledger or a knowledge pack says of each
session.py    the state of a conversation, its commands, and the reply to one question
telling.py    a reply as lines of text, as lines for a terminal, as JSON: model output is hostile text
reading.py    where questions come from: a terminal with a history, or lines of stdin
"""

"""Text in, text out: a model server, a model in this process, or a script; every answer is bought once.

requests.py    what is asked and what comes back          opening.py   from settings to a backend: begin here
spec.py        http:MODEL@URL, local:REF, scripted:FILE   settings.py  the settings that stages nest
http.py        many requests at once to servers           sampling.py  the same with a model in this process
buying.py      one answer: cache, twin, lease, server     cache.py     the answers that were paid for
calling.py     one try through the openai client          keys.py      the name of an answer
dialect.py     the words of a request; strict.py: a form  bill.py      price, budget, usage
reading.py     what a body says                           planning.py  what a run would cost
retrying.py    the retry table                            probing.py   does the server do what is needed
limiter.py     how many at once                           panel.py     the live numbers
pool.py        which server                               scripted.py  answers by rules
stream.py      an event loop behind an iterator           chains.py    work of several steps over one stream
"""

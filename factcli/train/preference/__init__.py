"""Learning from preferences: pairs into one adapter, or all weights, against a recorded reference.

losses.py     what is minimised, from log-probabilities      pairs.py        rows as token ids, and their order
scoring.py    log-probabilities of answers                   reference.py    those of the reference, once per answer
policy.py     the model that is trained                      trainer.py      the subclass of TRL's DPOTrainer
certificate.py   what is proved before and after             sizes.py        steps, tokens and memory that it takes
run.py           a job from beginning to end
"""

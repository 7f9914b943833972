"""`fact synth beliefs`: task rows whose answers a model gave itself, for `fact sft --method real --mix beliefs=1`. Two recipes:

flame    FLAME (arXiv 2405.01525): of each prompt about facts the model's own answer as it stands, since what a person wrote may be new
         to the model and teaches it to invent; other prompts keep the answer that the data has (`human_tasks` names their tasks).
beliefs  The Curious Case of Factuality Finetuning (arXiv 2507.08371): of the model's own answers what it is sure of. A short answer is
         the one that most samples give, kept where at least `least` of them do; of a long one the claims whose confidence is at least
         `least`, from which the answer is written anew: in an invented world by its own reader and sentences, else by a model.

Assumed where the papers use larger means: FLAME tells prompts about facts by asking a model, here they are told by their task; its
demonstrations are retrieved by likeness, here they are drawn (`fact synth samples --set shots=5`), or the base needs none. Confidence
is that of `fact score confidence`.

settings.py  what a person chooses, and from what rows are made
targets.py   one prompt: its row, or why there is none
stage.py     plan, dry run and work
"""

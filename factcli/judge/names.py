"""What a person reads for the name of an evaluation, and for a method that learns from preferences."""

LABELS = {
    "eval-base": "base, untouched",
    "eval-base-few-shot": "base, few-shot",
    "eval-base-fill": "base, fill a statement",
    "eval-prereq-tune": "PREREQ-TUNE",
    "eval-prereq-tune-real": "PREREQ-TUNE, real rows",
    "eval-prereq-tune-wrong-version": "control: wrong version",
    "eval-prereq-tune-shuffled": "control: shuffled",
    "eval-prereq-tune-random": "control: random",
    "eval-prereq-tune-absent": "control: no knowledge",
    "eval-prereq-tune-real-absent": "control: real, no knowledge",
    "eval-oracle": "oracle filter",
    "eval-sft-real-distilled": "self-distillation",
    "eval-sft-flame": "FLAME",
    "eval-sft-beliefs": "beliefs",
    "eval-sft-real": "SFT",
    "eval-popular-head": "POPULAR-head",
    "eval-popular-50": "POPULAR-50",
    "eval-sft-fictitious": "SFT, fictitious",
    "eval-sft-pairs": "SFT+pairs",
    "eval-self-learning-0": "SFT+reading",
}

METHODS = {  # of the setting `method` of `fact dpo` and `fact grath-iterate`
    "facttune-fs": "FactTune-FS",
    "facttune-mc": "FactTune-MC",
    "grath": "GRATH",
    "grath-fixed": "GRATH, fixed reference",
    "self-learning": "Self-Learning",
    "f-dpo": "F-DPO",
    "dpo": "DPO",
}

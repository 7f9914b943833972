"""The parts by name, in the order in which they build on one another; each makes or finds what it stands on."""

from collections.abc import Mapping

from tests.bench.gpu import beside, commands, preferences
from tests.bench.gpu.figures import Part

PARTS: Mapping[str, Part] = {
    "world": Part("Pre-training", "The base model of the world, trained from nothing.", commands.world),
    "prereq": Part("PREREQ-TUNE, knowledge", "All knowledge adapters of the recipe in one pass, each stopped when it recites its texts.", commands.prereq),
    "sft": Part("PREREQ-TUNE, skill, and SFT", "The skill over frozen knowledge, and SFT on everybody.", commands.sft),
    "effect": Part("What they answer", "200 test people, drawn, the same for each model.", commands.effect),
    "ten-adapters": Part(
        "Ten knowledge adapters", "In one pass, beside ten runs of TRL and PEFT without their starts. Goal: 2 times as fast, memory within `GB allowed`: "
        "that of one run, and all adapters with their optimizer's state.", beside.ten_adapters,
    ),
    "one-adapter": Part("One adapter", "The plain loop beside TRL's SFTTrainer. Goal: at least as fast as its best settings.", beside.one_adapter),
    "skill-versions": Part("Versions in a batch", "One version a step, or all in one batch. Goal: 0.97 of the tokens a second.", commands.skill_versions),
    "dpo": Part("Preferences", "The steps of `fact dpo` beside those of plain DPOTrainer. Goal: 0.97 of its speed or more.", preferences.dpo),
    "long-prompts": Part(
        "Preferences with long prompts", "A prompt computed once for both answers, of 32 to 64 tokens, beside DPOTrainer and beside a prompt for each answer; "
        "a model of the world's size with random weights. Goal: 1.3 times as fast as DPOTrainer.", preferences.long_prompts,
    ),
    "switches": Part("Switches", "The ten adapters, with one setting changed at a time.", commands.switches),
    "processes": Part("Processes", "The ten adapters through `accelerate launch`; their weights beside those of one plain process.", commands.processes),
    "resume": Part("Stopped and gone on with", "The ten adapters, interrupted; their weights beside those of an unbroken run.", commands.resume),
    "sweep": Part("A sweep", "Four cells of SFT with their evaluations.", commands.sweep),
}  # fmt: skip

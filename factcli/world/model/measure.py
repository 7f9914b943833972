"""What a base model knows: greedy answers to questions and cloze prompts, by exact match."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.rows import Fact
from factcli.world.grammar import Register, core_forms, register_forms
from factcli.world.people import GROUPS, World, keyed_rng
from factcli.world.texts import TASK_PROMPT, question, question_form_index
from factcli.world.twohop import TwoHops

Row = dict[str, str | int | float | bool]
MYTH = "myth"  # the group of facts that hearsay says false things about


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt and the one continuation that counts as right, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


def question_probe(tokenizer: PreTrainedTokenizerFast, world: World, fact: Fact) -> Probe:
    """The fact's benchmark question in the task's own form; the answer has to end."""
    asked = question(fact.relation, world.person[fact.subject].name, question_form_index(fact.id))
    return _probe(tokenizer, TASK_PROMPT.format(question=asked), f" {fact.value}", tokenizer.eos_token_id)


def cloze_probe(tokenizer: PreTrainedTokenizerFast, world: World, fact: Fact) -> Probe:
    """A statement of the fact up to its value, in a training form drawn by its id; the sentence has to go on right."""
    form = keyed_rng("cloze", fact.id).choice(core_forms(fact.relation))
    prefix = form.prefix(world.person[fact.subject].name)
    return _probe(tokenizer, prefix, f" {fact.value}{form.suffix}", None)


def _probe(tokenizer: PreTrainedTokenizerFast, prompt: str, answer: str, end_id: int | None) -> Probe:
    prompt_ids, answer_ids = tokenizer([prompt, answer], add_special_tokens=False)["input_ids"]
    end = () if end_id is None else (end_id,)
    return Probe((tokenizer.bos_token_id, *prompt_ids), (*answer_ids, *end))


@torch.no_grad()
def exact_matches(model: LlamaForCausalLM, probes: Sequence[Probe], batch_size: int = 256) -> list[bool]:
    """Whether greedy decoding gives exactly the answer, per probe.

    One pass with the answer given suffices: greedy decoding reproduces it if and only if every one of
    its tokens is the most probable one after those before it.
    """
    was_training = model.training
    model.eval()
    order = sorted(range(len(probes)), key=lambda i: len(probes[i].prompt) + len(probes[i].answer))
    is_match = [False] * len(probes)
    for first in range(0, len(order), batch_size):
        chunk = order[first : first + batch_size]
        for i, ok in zip(chunk, _batch_matches(model, [probes[i] for i in chunk]), strict=True):
            is_match[i] = ok
    model.train(was_training)
    return is_match


def _batch_matches(model: LlamaForCausalLM, probes: Sequence[Probe]) -> list[bool]:
    longest = max(len(probe.prompt) + len(probe.answer) for probe in probes)
    ids_BT = torch.zeros(len(probes), longest, dtype=torch.long)  # right padding needs no mask: attention is causal
    is_answer_BT = torch.zeros(len(probes), longest, dtype=torch.bool)
    for row, probe in enumerate(probes):
        n = len(probe.prompt) + len(probe.answer)
        ids_BT[row, :n] = torch.tensor(probe.prompt + probe.answer)
        is_answer_BT[row, len(probe.prompt) : n] = True
    ids_BT, is_answer_BT = ids_BT.to(model.device), is_answer_BT.to(model.device)
    hidden_BT = model.model(input_ids=ids_BT, use_cache=False).last_hidden_state[:, :-1]
    target_BT, counts_BT = ids_BT[:, 1:], is_answer_BT[:, 1:]
    is_right_BT = torch.ones_like(counts_BT)
    is_right_BT[counts_BT] = model.lm_head(hidden_BT[counts_BT]).argmax(-1) == target_BT[counts_BT]
    return is_right_BT.all(1).tolist()


def gate_facts(world: World, n_people: int) -> list[Fact]:
    """The fixed sample that the gate asks about: all facts without a myth of train and dev head people, never of test people."""
    known = [person for person in world.people if person.group == "head" and person.split in ("train", "dev")]
    sample = keyed_rng(world.spec.seed, "gate").sample(known, min(n_people, len(known)))
    facts = [fact for person in sample for fact in world.facts_of(person.id).values()]
    return [fact for fact in facts if fact.is_pretrained and fact.id not in world.myth_of]


def gate_accuracy(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World, n_people: int) -> float:
    """Share of the gate's questions that the model answers zero-shot in the task's own form, 0..1."""
    matches = exact_matches(model, [question_probe(tokenizer, world, fact) for fact in gate_facts(world, n_people)])
    return sum(matches) / len(matches)


def measure_base(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World) -> list[Row]:
    """Accuracy of zero-shot questions and of clozes by group and by whether pre-training stated the fact.

    Facts with a myth are a group of their own, with further rows: how often the myth comes in the truth's place, and what ends
    a sentence of the record or of hearsay. Questions over two facts are groups by their type.
    """
    measured: list[Row] = []
    for probe_name, make_probe in (("question", question_probe), ("cloze", cloze_probe)):
        matches = exact_matches(model, [make_probe(tokenizer, world, fact) for fact in world.facts])
        right: dict[tuple[str, bool], list[bool]] = defaultdict(list)
        for fact, is_match in zip(world.facts, matches, strict=True):
            group = MYTH if fact.id in world.myth_of else world.person[fact.subject].group
            right[group, fact.is_pretrained].append(is_match)
        for group, is_pretrained in sorted(right, key=lambda cell: ((*GROUPS, MYTH).index(cell[0]), not cell[1])):
            measured.append(_measure(probe_name, group, is_pretrained, right[group, is_pretrained]))
    return measured + _measure_myths(model, tokenizer, world) + _measure_hops(model, tokenizer, world)


def _measure(probe: str, group: str, is_pretrained: bool, matches: Sequence[bool]) -> Row:
    return {"probe": probe, "group": group, "is_pretrained": is_pretrained, "n": len(matches), "accuracy": sum(matches) / len(matches)}


def _measure_myths(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World) -> list[Row]:
    """`accuracy` is the share of facts with a myth that end in what the probe is called after."""
    true = [fact for fact in world.facts if fact.id in world.myth_of]
    false = [replace(fact, value=world.myth_of[fact.id].value) for fact in true]
    probes: dict[str, list[Probe]] = {
        "question: myth": [question_probe(tokenizer, world, fact) for fact in false],
        "cloze: myth": [cloze_probe(tokenizer, world, fact) for fact in false],
        "record: truth": [_register_probe(tokenizer, world, fact, "record") for fact in true],
        "record: myth": [_register_probe(tokenizer, world, fact, "record") for fact in false],
        "hearsay: truth": [_register_probe(tokenizer, world, fact, "hearsay") for fact in true],
        "hearsay: myth": [_register_probe(tokenizer, world, fact, "hearsay") for fact in false],
    }
    return [_measure(name, MYTH, True, exact_matches(model, asked)) for name, asked in probes.items() if asked]


def _measure_hops(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World) -> list[Row]:
    """Questions over two facts answered word by word as a demonstration would: both facts, then the answer."""
    hops = TwoHops(world)
    probes: dict[tuple[str, bool], list[Probe]] = defaultdict(list)
    for asked in hops.benchmark():
        prompt = TASK_PROMPT.format(question=asked.row.question)
        probes[asked.row.type, hops.is_stated(asked)].append(_probe(tokenizer, prompt, f" {asked.text}", tokenizer.eos_token_id))
    return [_measure("two facts", group, is_stated, exact_matches(model, own)) for (group, is_stated), own in sorted(probes.items())]


def _register_probe(tokenizer: PreTrainedTokenizerFast, world: World, fact: Fact, register: Register) -> Probe:
    """As `cloze_probe`, in a register."""
    form = keyed_rng("cloze", fact.id).choice(register_forms(fact.relation, register))
    return _probe(tokenizer, form.prefix(world.person[fact.subject].name), f" {fact.value}{form.suffix}", None)


@torch.no_grad()
def show_question(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World, index: int = 0) -> dict[str, str]:
    """One of the gate's questions with the model's greedy answer and the true one, for a person to look at."""
    facts = gate_facts(world, n_people=len(world.people))
    fact = facts[index % len(facts)]
    asked = question(fact.relation, world.person[fact.subject].name, question_form_index(fact.id))
    prompt = question_probe(tokenizer, world, fact).prompt
    ids_BT = torch.tensor([prompt], device=model.device)
    was_training = model.training
    model.eval()
    written = model.generate(ids_BT, attention_mask=torch.ones_like(ids_BT), max_new_tokens=12, do_sample=False)
    model.train(was_training)
    answer = tokenizer.decode(written[0, len(prompt) :], skip_special_tokens=True).strip()
    return {"question": asked, "answer": answer, "truth": fact.value}

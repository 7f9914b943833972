"""Pre-trains a world's base model as a job of the worker: the world's own loop, with checkpoints around it."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from factcli.errors import InputError
from factcli.train.asking import Asked, Wish, end_together, listening
from factcli.train.checkpoint import Checkpoints, Snapshot
from factcli.train.estimate import library_bytes
from factcli.train.gauge import Gauge
from factcli.train.job import PretrainJob, fingerprint
from factcli.train.loop import OnEvent
from factcli.train.memory import Architecture, Estimate, Forward, Manner, Memory, activations, architecture
from factcli.train.results import finished, usage_of, write_result
from factcli.train.sites import linear_modules
from factcli.train.speed import Sizes
from factcli.world.model import Pretrainer, build_model, measure_base, show_question
from factcli.world.model.loop import IGNORED, rate_share, run
from factcli.world.people import WorldSpec, draw_world
from factcli.world.settings import ModelSettings, PretrainSettings
from factcli.world.tokenizer import train_tokenizer

log = logging.getLogger(__name__)


def run_pretrain(job: PretrainJob, on_event: OnEvent) -> dict[str, Any]:
    """Draw the world, train its tokenizer and base model into out/model; gate, steps and what the base knows."""
    folder = Path(job.out)
    if (done := finished(folder, fingerprint(job))) is not None:
        return done
    checkpoints = Checkpoints(folder / "checkpoints", fingerprint(job), job.machine.checkpoint_every_s, folder / "log.jsonl")
    if job.machine.threads:
        torch.set_num_threads(job.machine.threads)
    device = torch.device("cuda" if torch.cuda.is_available() and job.machine.device == "auto" else "cpu")
    gauge = Gauge(device)
    trainer = _trainer(job, device)
    resumed = checkpoints.resume()
    if resumed is not None:
        restore(trainer, resumed.snapshot)
        log.info("going on from step %d", resumed.step)
    first_step, first_tokens = trainer.step, trainer.n_tokens
    foresee(job, trainer, gauge, on_event)
    with listening(folder) as asked, gauge.training():
        result = run(trainer, lambda event: _between_steps(event, trainer, checkpoints, asked, on_event))
    checkpoints.flush()
    trainer.model.save_pretrained(folder / "model", safe_serialization=True)
    trainer.tokenizer.save_pretrained(folder / "model")
    gauge.saw_documents((result.steps - first_step) * trainer.settings.documents_per_step, result.n_tokens - first_tokens)
    usage = {**usage_of(checkpoints.seconds, result.n_tokens, 1), **gauge.usage(shape_of(trainer), sizes_of(trainer))}
    values = {"kind": "pretrain", "gate": result.gate, "ended_by": result.ended_by, "steps": result.steps}
    values |= {"measured": measure_base(trainer.model, trainer.tokenizer, trainer.world), "usage": usage}
    written = write_result(folder, fingerprint(job), values)
    checkpoints.clear()
    return written


def foresee(job: PretrainJob, trainer: Pretrainer, gauge: Gauge, on_event: OnEvent) -> None:
    """Say what is to come, steps up to the limit, by the documents of the first one; raises SettingsError where it cannot fit."""
    batch = trainer.batch(0)
    rows, length = batch.ids_BT.shape
    learned = int((batch.labels_BT != IGNORED).sum())
    shape, is_on_gpu = shape_of(trainer), trainer.model.device.type == "cuda"
    kept = None if shape is None else activations(shape, Manner(0, False, 2 if is_on_gpu else 4))
    estimate = Estimate(Memory(trainer.model.num_parameters()), kept, Forward(rows, length, learned), trains_all=True, fixed=library_bytes(job))
    gauge.foresee(job, estimate, trainer.most_steps, trainer.most_steps * learned, on_event)


def shape_of(trainer: Pretrainer) -> Architecture | None:
    return architecture(trainer.model.config.to_dict())


def sizes_of(trainer: Pretrainer) -> Sizes:
    return Sizes(sum(site.n_in * site.n_out for site in linear_modules(trainer.model)), trains_all=True)


def _trainer(job: PretrainJob, device: torch.device) -> Pretrainer:
    try:
        settings = json.loads(Path(job.world).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the world's settings {job.world}: {error}", "run `fact world` again") from error
    world = draw_world(WorldSpec(**settings["spec"]))
    pretrain = PretrainSettings(**settings["pretrain"])
    tokenizer = train_tokenizer(world)
    model = build_model(tokenizer, ModelSettings(**settings["model"]), pretrain.seed)
    return Pretrainer(model.to(device), tokenizer, world, pretrain)


def _between_steps(event: Mapping[str, Any], trainer: Pretrainer, checkpoints: Checkpoints, asked: Asked, on_event: OnEvent) -> None:
    """Pass an event on; at a gate show one question; checkpoint when due or when asked to stop."""
    settings = trainer.settings
    on_event({**event, "total": settings.steps if trainer.step <= settings.steps else trainer.most_steps})
    if event["event"] == "gate" and trainer.step:
        on_event({"event": "question", "step": trainer.step} | show_question(trainer.model, trainer.tokenizer, trainer.world))
    if event["event"] == "step":
        checkpoints.log([{"adapter": "base", "step": event["step"], "loss": event["loss"], "lr": rate_share(trainer.step - 1, settings), "grad_norm": None}])
    wish = asked.wish(checkpoints.is_due)
    if wish:
        checkpoints.save(trainer.step, snapshot_of(trainer))
    if wish == Wish.STOP:
        end_together(f"{trainer.step}")


def snapshot_of(trainer: Pretrainer) -> Snapshot:
    """Model and optimizers as tensors with flat names; the step and token counts as facts."""
    state = trainer.state_dict()
    tensors: dict[str, Tensor] = {f"model/{name}": tensor for name, tensor in trainer.model.named_parameters()}
    for number, optimizer in enumerate(trainer.optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{key}": value for key, value in values.items()}
    return Snapshot(tensors, {"n_tokens": state["n_tokens"], "step": state["step"]})


def restore(trainer: Pretrainer, snapshot: Snapshot) -> None:
    """Put back what `snapshot_of` gave."""
    parameters = {name.removeprefix("model/"): tensor for name, tensor in snapshot.tensors.items() if name.startswith("model/")}
    optimizers = []
    for number, optimizer in enumerate(trainer.optimizers):
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in snapshot.tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "optimizer" and rest.startswith(f"{number}/"):
                _, index, key = rest.split("/")
                states.setdefault(int(index), {})[key] = tensor
        optimizers.append({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    model = trainer.model.state_dict() | parameters  # tied weights appear once among the parameters
    if trainer.model.config.tie_word_embeddings:
        model["lm_head.weight"] = model["model.embed_tokens.weight"]
    trainer.load_state_dict({"step": snapshot.facts["step"], "n_tokens": snapshot.facts["n_tokens"], "model": model, "optimizers": optimizers})

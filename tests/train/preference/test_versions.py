"""The private methods of TRL and transformers that the trainer overrides or calls, as they were when they were read."""

import inspect

import pytest
from accelerate import Accelerator
from peft import PeftModel
from trl.trainer.dpo_trainer import DPOTrainer

from factcli.train.preference.trainer import PreferenceTrainer

OWN = {"after_step", "_pass", "logps", "measure", "gathered"}
# name -> its parameters, in trl 1.16.0 and transformers 5.23.0; and what to look at when they change
OVERRIDDEN = {
    "__init__": (
        "self model ref_model args data_collator train_dataset eval_dataset processing_class compute_metrics callbacks optimizers "
        "quantization_config peft_config",
        "what it does to a PeftModel: the copy of the adapter (drop_copy) and the cast over 4 bits (kept_formats)",
    ),
    "_send_telemetry": ("self", "that nothing else is sent"),
    "_prepare_dataset": ("self dataset processing_class args dataset_name", "that rows are not tokenized elsewhere"),
    "_precompute_ref_logps": ("self dataset name batch_size", "that precompute_ref_log_probs needs nothing more of the data set"),
    "get_train_dataloader": ("self", "what `train` asks of a loader: len, dataset, set_epoch"),
    "_prepare_inputs": ("self inputs", "that a step's inputs reach training_step as our loader gives them"),
    "log": ("self logs start_time", "which figures it keeps that the loop reads"),
    "floating_point_ops": ("self inputs", "that a step's inputs are used for nothing else"),
    "training_step": ("self args kwargs", "scaling, no_sync and backward of transformers' training_step"),
    "_compute_loss": ("self model inputs return_outputs", "what compute_loss does around it"),
    "create_optimizer": ("self model", "when `train` calls it"),
    "create_scheduler": ("self num_training_steps optimizer", "who steps it, and that the first step is already moved"),
    "_init_training_state": ("self max_steps num_update_steps_per_epoch num_train_epochs resume_from_checkpoint trial", "where global_step is set"),
    "_prepare_for_training": ("self max_steps train_dataloader resume_from_checkpoint", "that model and optimizer are wrapped when it returns"),
    "_maybe_log_save_evaluate": (
        "self tr_loss grad_norm model trial epoch ignore_keys_for_eval start_time learning_rate",
        "that it is called once after each step, and once at the end of an epoch",
    ),
}
CALLED = {
    (DPOTrainer, "compute_loss"): "self model inputs return_outputs num_items_in_batch",
    (DPOTrainer, "compute_loss_context_manager"): "self",
    (DPOTrainer, "train"): "self resume_from_checkpoint trial ignore_keys_for_eval",
    (PeftModel, "delete_adapter"): "self adapter_name",
    (PeftModel, "set_adapter"): "self adapter_name inference_mode",
    (Accelerator, "no_sync"): "self model",
    (Accelerator, "reduce"): "self tensor reduction scale",
    (Accelerator, "backward"): "self loss kwargs",
}


def parameters(owner: type, name: str) -> str:
    return " ".join(inspect.signature(getattr(owner, name)).parameters)


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_is_overridden_has_the_shape_that_was_read(name: str) -> None:
    wanted, look_at = OVERRIDDEN[name]
    assert hasattr(DPOTrainer, name), f"{name} is gone: find what took its place, and check {look_at}"
    assert parameters(DPOTrainer, name) == wanted, f"{name} has changed: check {look_at}, then train/preference/trainer.py"


@pytest.mark.parametrize(("owner", "name"), CALLED, ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_what_is_called_has_the_shape_that_was_read(owner: type, name: str) -> None:
    assert parameters(owner, name) == CALLED[owner, name], f"{owner.__name__}.{name} has changed: check its use in train/preference/trainer.py"


def test_nothing_else_is_overridden() -> None:
    own = {name for name, value in vars(PreferenceTrainer).items() if inspect.isfunction(value)}
    assert own - OWN == set(OVERRIDDEN)

"""Training a few added numbers instead of all weights, by the `peft` library.

What can be merged into the weights (LoRA, AdaLoRA, IA3, …) is, and the model directory is an
ordinary one. What cannot (prefix and prompt tuning) is kept in `adapter/` and put on at loading.
"""

import copy
import json
from pathlib import Path
from typing import Any

from models.directory import ADAPTER
from models.errors import BackendMissing, ModelRefused
from models.quiet import quiet
from models.recipe import TrainConfig
from models.save import write_checksums


def wanted(config: TrainConfig) -> bool:
    """Whether this run trains an adapter."""
    return bool(config.peft or config.peft_config)


def wrap(model: Any, config: TrainConfig, steps: int, fresh: set[str]) -> Any:
    """The model with the adapter the run asks for, all else frozen; the model itself without one.

    `fresh` names the modules that were not in the weights (a new head): they are trained whole.
    Raises ModelRefused where the configuration makes no adapter, BackendMissing without `peft`.
    """
    if not wanted(config):
        return model
    peft = _peft()
    if config.peft_config:
        given = _read(config.peft_config)
    else:
        # the usual start (Hu et al. 2021): every linear layer, rank 16
        given = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": "all-linear"}
    kind = str(given.pop("peft_type", config.peft or "lora")).upper()
    if kind == "ADALORA":
        given.setdefault("total_step", steps)
    if given.get("target_modules") == "all-linear":
        given.setdefault("exclude_modules", sorted(fresh))
    given.setdefault("modules_to_save", sorted(fresh))
    try:
        chosen = peft.get_peft_config({**given, "peft_type": kind, "task_type": "SEQ_CLS"})
        with quiet():
            return peft.get_peft_model(model, chosen)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        place = config.peft_config or f"--peft {config.peft}"
        reason = " ".join(str(error).split())[:200]
        raise ModelRefused(f"{place}: makes no adapter for this network ({reason})") from error


def stepped(model: Any, step: int) -> None:
    """To be called between the gradients and the optimizer's step: AdaLoRA shares out its ranks."""
    allocate = getattr(getattr(model, "base_model", None), "update_and_allocate", None)
    if allocate:
        allocate(step)


def plain(model: Any) -> Any:
    """An ordinary network: the adapter merged in where that can be, else the network under it with
    its trained head. The model in training is left as it is."""
    if not hasattr(model, "peft_config"):
        return model
    if hasattr(model, "merge_and_unload"):
        return copy.deepcopy(model).merge_and_unload()
    network = copy.deepcopy(model.get_base_model())
    for name, module in list(network.named_modules()):
        if hasattr(module, "modules_to_save"):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, module.modules_to_save["default"])
    return network


def save(model: Any, out: Path) -> None:
    """Writes what could not be merged to the model directory."""
    if hasattr(model, "peft_config") and not hasattr(model, "merge_and_unload"):
        model.save_pretrained(str(out / ADAPTER), safe_serialization=True)
        (out / ADAPTER / "README.md").unlink(missing_ok=True)  # a form nobody has filled in
        file = out / ADAPTER / "adapter_config.json"
        config = json.loads(file.read_text("utf-8"))
        config["base_model_name_or_path"] = None  # it lies beside; no machine's paths in a model
        file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        write_checksums(out)


def put_on(network: Any, path: Path) -> Any:
    """The network of a model directory with the adapter that lies in it, if one does."""
    if not (path / ADAPTER / "adapter_config.json").exists():
        return network
    with quiet():
        return _peft().PeftModel.from_pretrained(network, str(path / ADAPTER), is_trainable=False)


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise BackendMissing("peft is not installed; pip install 'undertone[train]'") from None
    return peft


def _read(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{path}: cannot be read ({error}); give peft's JSON") from error
    if not isinstance(given, dict) or "peft_type" not in given:
        raise ModelRefused(f'{path}: names no "peft_type"; e.g. {{"peft_type": "ADALORA"}}')
    return given

"""Looking at a model directory before anything in it is loaded (FAULTS §2, CWE-502).

Only data is accepted: safetensors weights, JSON configuration, a tokenizer. Pickles run code when
they are opened, and so does a configuration that names code of its own; both are refused.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelRefused
from models.labels import find_columns

CHECKSUMS = "SHA256SUMS"
"""Checked where it is present, in the form of sha256sum(1)."""

ENCODING = 1
"""Raised when `models.passage` or `models.encode` cut texts another way: scores change with it."""

ADAPTER = "adapter"
"""Folder of a model directory that holds an adapter which could not be merged."""

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".pt2"}
_SCORING = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    f"{ADAPTER}/adapter_config.json",
)


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """A directory that passed every check."""

    path: Path
    columns: tuple[int, int, int]
    """Where the model's output holds negative, neutral and positive."""
    temperature: float
    """Divisor of the logits, key `calibration_temperature` of config.json, 1 where absent."""
    marks: bool
    """Whether the target's tokens are marked (see `models.encode`), key `target_marks`."""
    model_hash: str
    """SHA-256 over all files that decide a score; equal files give equal hashes anywhere."""


def inspect_directory(path: Path, labels: str | None = None) -> ModelDirectory:
    """Checks a model directory without loading it.

    `labels` says what the model's own labels mean, in the form of `models.labels`. Another meaning
    is another model: the hash changes with it.
    Raises ModelRefused with one line that names the path, the reason and the fix.
    """
    if path.suffix in _PICKLES:
        raise ModelRefused(_pickle_reason(path))
    if not path.is_dir():
        raise ModelRefused(f"{path}: no such model directory; set model.path to one")
    files = {p.relative_to(path).as_posix(): p for p in files_of(path)}
    for file in files.values():
        if file.suffix in _PICKLES:
            raise ModelRefused(_pickle_reason(file))
    weights = [name for name in files if name.endswith(".safetensors")]
    if not weights:
        raise ModelRefused(f"{path}: no *.safetensors; save with model.save_pretrained(path)")
    if "tokenizer.json" not in files:
        raise ModelRefused(f"{path}: no tokenizer.json; save with tokenizer.save_pretrained(path)")
    digests = _checked_digests(path, files)
    config = _config(path / "config.json")
    scoring = [name for name in files if name in _SCORING or name.endswith(".safetensors")]
    identity = "".join(f"{digests[name]}  {name}\n" for name in scoring) + f"encoding {ENCODING}\n"
    columns, mapped = find_columns(config.get("id2label"), labels, str(path / "config.json"))
    if mapped:
        identity += f"columns {columns}\n"
    return ModelDirectory(
        path,
        columns,
        _temperature(config, path / "config.json"),
        _marks(config, path / "config.json"),
        hashlib.sha256(identity.encode()).hexdigest(),
    )


def files_of(path: Path) -> list[Path]:
    """The files of a model directory, those of an adapter in it included; sorted."""
    own = [*path.iterdir(), *(path / ADAPTER).glob("*")]
    return sorted(file for file in own if file.is_file())


def _pickle_reason(file: Path) -> str:
    return (
        f"{file}: is a pickle, and opening a pickle runs whatever code is in it; "
        "convert it to safetensors (model.save_pretrained) and remove it"
    )


def _checked_digests(path: Path, files: dict[str, Path]) -> dict[str, str]:
    """SHA-256 of every file that is loaded, compared with SHA256SUMS where there is one."""
    loaded = [name for name in files if name.endswith((".json", ".safetensors"))]
    digests = {}
    for name in loaded:
        with files[name].open("rb") as data:
            digests[name] = hashlib.file_digest(data, "sha256").hexdigest()
    if CHECKSUMS not in files:
        return digests
    listed = {}
    for line in files[CHECKSUMS].read_text("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name.strip()] = digest
    for name in loaded:
        if name not in listed:
            raise ModelRefused(f"{path}/{name}: not in {CHECKSUMS}; remove it or list it there")
        if listed[name] != digests[name]:
            raise ModelRefused(
                f"{path}/{name}: its SHA-256 is not the one in {CHECKSUMS}; the file was altered "
                "or not fetched whole (a Git LFS pointer?): fetch it again"
            )
    gone = sorted(set(listed) - set(files))
    if gone:
        raise ModelRefused(f"{path}/{gone[0]}: named in {CHECKSUMS} but missing; fetch it again")
    return digests


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{file}: cannot be read ({error}); give a model directory") from error
    if not isinstance(config, dict):
        raise ModelRefused(f"{file}: not a JSON object; give a model directory")
    if "auto_map" in config:
        raise ModelRefused(
            f"{file}: names Python code of its own (auto_map), which is never run; "
            "use an architecture that transformers has"
        )
    return config


def _temperature(config: dict[str, Any], file: Path) -> float:
    value = config.get("calibration_temperature", 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 100:
        raise ModelRefused(f"{file}: calibration_temperature is {value!r}; give 0.01 to 100")
    return float(value)


def _marks(config: dict[str, Any], file: Path) -> bool:
    marks = config.get("target_marks", False)
    if not isinstance(marks, bool):
        raise ModelRefused(f"{file}: target_marks is {marks!r}; give true or false")
    if marks and config.get("type_vocab_size", 0) < 2:
        raise ModelRefused(
            f"{file}: target_marks needs a network with two token types; this one has "
            f"type_vocab_size {config.get('type_vocab_size')!r}: set target_marks to false"
        )
    return marks

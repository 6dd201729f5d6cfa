"""A trained classifier as one ONNX file for CPUs: exact, or in 8 bits.

Where no place is named the file lies in a cache of the user's, named by the model's hash, and is
made when it is missing or damaged.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from models.classify import Classifier
from models.errors import BackendMissing, ModelRefused
from models.passage import Passage, window
from models.written import written

if TYPE_CHECKING:
    from models.activations import Largest

Precision = Literal["int8", "fp32"]

VERSION = 2
"""Raised when equal weights would give another file."""

CALIBRATION_POSTS = 8
"""One of so many of the project's own posts is used for calibration."""


def file_for(
    classifier: Classifier,
    precision: Precision,
    texts: Sequence[Passage] | None = None,
    out: Path | None = None,
) -> Path:
    """The ONNX file of a classifier that runs on torch: at `out`, else in the cache.

    Its 8 bits are calibrated on `texts`; without them by what the model's directory keeps, or by
    posts of our own.

    Two processes may make it at once: each writes a file of its own and renames it.
    Raises ModelRefused where the architecture has no such graph, BackendMissing without `onnx`.
    """
    if not out and (cached := cached_file(classifier.model_hash, precision)):
        return cached
    path = out or _place(classifier.model_hash, precision)
    network = getattr(classifier.backend, "network", None)
    _require_graph(network)
    largest = _largest(classifier, network, texts) if precision == "int8" else {}
    content = export(network, largest, precision)
    write(path, content)
    if not out:
        write(_digest(path), hashlib.sha256(content).hexdigest().encode())
    return path


def cached_file(model_hash: str, precision: Precision) -> Path | None:
    """The cache's file for a model, where it is there and whole."""
    path = _place(model_hash, precision)
    if not path.exists() or not _digest(path).exists():
        return None
    with path.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    return path if found == _digest(path).read_text("utf-8").strip() else None


def _place(model_hash: str, precision: Precision) -> Path:
    """In `undertone` in XDG_CACHE_HOME, or in ~/.cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "undertone"
    return cache / f"{model_hash[:24]}-{precision}-{VERSION}.onnx"


def _digest(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def export(network: Any, largest: Largest, precision: Precision) -> bytes:
    """The content of an ONNX file; equal weights and calibration give equal bytes.

    `largest` is what the 8-bit network is smoothed by; an exact one needs none.
    Raises ModelRefused where the architecture has no such graph, BackendMissing without `onnx`.
    """
    _require_graph(network)
    from models.onnx_network import Exact, network_graph
    from models.quantise import EightBit, smoothing

    linear = EightBit(smoothing(network, largest)) if precision == "int8" else Exact()
    content: bytes = network_graph(network, linear).SerializeToString(deterministic=True)
    return content


def _require_graph(network: Any) -> None:
    try:
        from models.onnx_network import KINDS
    except ImportError:
        raise BackendMissing("onnx is not installed; pip install 'undertone[onnx]'") from None
    kind = getattr(getattr(network, "config", None), "model_type", "unknown")
    if kind not in KINDS or hasattr(network, "peft_config"):
        raise ModelRefused(
            f"no ONNX graph is written for this network ({kind}, or with an adapter put on); "
            f"use model.backend: torch, or a model of type {', '.join(KINDS)}"
        )


def _largest(classifier: Classifier, network: Any, texts: Sequence[Passage] | None) -> Largest:
    from models import activations

    if texts is None:
        known = activations.kept(classifier.directory, classifier.model_hash, network)
        if known is not None:
            return known
        texts = calibration()
    return activations.measure(network, classifier.encoder.encode(texts))


def prepare(classifier: Classifier) -> Path:
    """Keep in the model's own directory what its 8-bit file is calibrated by; the file it is in.

    Raises as `export` does.
    """
    from models import activations

    network = getattr(classifier.backend, "network", None)
    _require_graph(network)
    largest = _largest(classifier, network, calibration())
    activations.keep(classifier.directory, classifier.model_hash, largest)
    return classifier.directory / activations.FILE


def calibration() -> list[Passage]:
    """Posts written for this project, in 13 languages: nothing of the user's is needed."""
    return [window(row.passage) for row in written()[::CALIBRATION_POSTS]]


def write(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

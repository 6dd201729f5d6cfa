"""Whether a CPU may take a model's 8-bit file without being told to: only where it agrees."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from models.classify import Classifier
from models.errors import BackendMissing, ModelRefused
from models.export import cached_file, calibration, file_for, write
from models.passage import Passage
from models.written import posts, written

LEAST_AGREEMENT = 0.975
"""Share of labels that must be those of fp32."""

COMPARED = 300
"""Texts they are compared on, once for a model."""


class Choice(NamedTuple):
    """The 8-bit file to take, or None; and the reason in words."""

    file: Path | None
    why: str


def choose(model_hash: str, exact: Callable[[], Classifier], threads: int | None = None) -> Choice:
    """The choice for a model; `exact` loads it in fp32, where the file or the comparison is
    missing. What was found is kept beside the file."""
    try:
        from models.onnx_backend import OnnxBackend

        file = cached_file(model_hash, "int8")
        agreement = _known(file) if file else None
        if file is None or agreement is None:
            fp32 = exact()
            file = file_for(fp32, "int8")
            backend = OnnxBackend(file, fp32.encoder.pad_id, threads)
            agreement = _compare(fp32, fp32.on(backend))
            write(_beside(file), json.dumps({"labels_equal": agreement}).encode())
    except (BackendMissing, ModelRefused) as error:
        return Choice(None, str(error))
    except OSError as error:
        return Choice(None, f"its 8-bit file cannot be kept: {error}")
    if agreement < LEAST_AGREEMENT:
        return Choice(None, f"in 8 bits only {agreement:.1%} of its labels are those of fp32")
    return Choice(file, f"in 8 bits {agreement:.1%} of its labels are those of fp32")


def compared() -> list[Passage]:
    """Posts written for this project that the calibration has not seen, in every language."""
    seen = {passage.text for passage in calibration()}
    unseen = [row.passage for row in (*written(), *posts()) if row.passage.text not in seen]
    return unseen[:: max(1, len(unseen) // COMPARED)][:COMPARED]


def _compare(fp32: Classifier, int8: Classifier) -> float:
    passages = compared()
    equal = fp32.score(passages).argmax(1) == int8.score(passages).argmax(1)
    return float(equal.mean())


def _beside(file: Path) -> Path:
    return file.with_name(file.name + ".json")


def _known(file: Path) -> float | None:
    """What was found before; None where nothing was, or nothing that can be read."""
    try:
        return float(json.loads(_beside(file).read_bytes())["labels_equal"])
    except (OSError, ValueError, KeyError, TypeError):
        return None

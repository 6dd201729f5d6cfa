"""A directory to a Classifier, strictly: local files, safetensors, no code but our own."""

from functools import cache
from pathlib import Path

from models.classify import Classifier
from models.directory import inspect_directory
from models.encode import Encoder
from models.errors import BackendMissing


def load_classifier(
    path: Path,
    device: str = "auto",
    backend: str = "torch",
    threads: int | None = None,
    labels: str | None = None,
) -> Classifier:
    """Loads the model in `path`; nothing is fetched from any network.

    `device` is auto, cpu or cuda (auto: CUDA where there is one); `backend` is torch, onnx
    (8 bits on the CPU; the file is made on first use and kept in the user's cache) or auto: onnx
    on a CPU where it can be had and agrees with fp32 (`models.eight_bits`), else torch.
    `threads` sets torch's threads, which are the whole process's; None leaves them.
    `labels` says what the labels of a model with other names mean, as
    "LABEL_0=negative,LABEL_1=neutral,LABEL_2=positive".
    Raises ModelRefused where the directory must not or cannot be loaded and BackendMissing where
    device or backend is not to be had; both are one line that names the fix.
    """
    if backend not in ("auto", "torch", "onnx"):
        raise BackendMissing(f"model.backend: {backend!r} is none; choose auto, torch or onnx")
    if backend == "onnx" and device == "cuda":
        raise BackendMissing("model.backend: onnx is for CPUs; choose torch for model.device: cuda")
    if device not in ("auto", "cpu", "cuda"):
        raise BackendMissing(f"model.device: {device!r} is no device; choose auto, cpu or cuda")
    checked = inspect_directory(Path(path), labels)
    # torch takes seconds to import: only what loads a model pays for it
    from models.torch_backend import TorchBackend, find_device, load_network, load_tokenizer

    found = find_device("cpu" if backend == "onnx" else device, threads)
    encoder = Encoder(load_tokenizer(checked.path), marks=checked.marks)

    @cache
    def on_torch() -> Classifier:
        network = load_network(checked.path)
        return Classifier(encoder, TorchBackend(network, encoder.pad_id, found), checked)

    def on_onnx(file: Path) -> Classifier:
        from models.onnx_backend import OnnxBackend

        return Classifier(encoder, OnnxBackend(file, encoder.pad_id, threads), checked)

    if backend == "onnx":
        from models.export import cached_file, file_for

        # the network in fp32 is only needed to make the file
        return on_onnx(cached_file(checked.model_hash, "int8") or file_for(on_torch(), "int8"))
    if backend == "torch":
        return on_torch()
    if found == "cuda":
        classifier, why = on_torch(), "on CUDA"
    else:
        from models.eight_bits import choose

        file, why = choose(checked.model_hash, on_torch, threads)
        classifier = on_onnx(file) if file else on_torch()
    classifier.why = why
    return classifier

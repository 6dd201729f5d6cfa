"""The network as ONNX, exact and in 8 bits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models import BackendMissing, Classifier, ModelRefused, Passage, load_classifier
from models.activations import measure
from models.agreement import compare
from models.export import calibration, export, file_for
from models.rows import Row

pytest.importorskip("onnx", reason="needs the extra onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")

from models.onnx_backend import OnnxBackend  # noqa: E402

TEXTS = ["good", "a bad, bad day", "the ant and the nut " * 5, "", "x", "was it? " * 30]
PASSAGES = [Passage(text, target, 0) for text in TEXTS for target in (None, "ant")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "undertone"


def on_onnx(classifier: Classifier, precision: str, threads: int = 1) -> Classifier:
    file = file_for(classifier, precision)  # type: ignore[arg-type]
    return classifier.on(OnnxBackend(file, classifier.encoder.pad_id, threads))


def test_the_exact_graph_answers_as_torch_does(tiny: Classifier) -> None:
    np.testing.assert_allclose(
        on_onnx(tiny, "fp32").score(PASSAGES), tiny.score(PASSAGES), atol=1e-4
    )


def test_answers_keep_their_order_however_many_cores_share_the_batches(tiny: Classifier) -> None:
    many = [Passage(f"{'ant ' * (i % 90)}{i}") for i in range(300)]
    alone, shared = (on_onnx(tiny, "fp32", threads) for threads in (1, 3))
    np.testing.assert_array_equal(shared.score(many), alone.score(many))
    assert shared.score([]).shape == (0, 3)


def test_eight_bits_are_near(shipped: Classifier) -> None:
    rows = [
        Row(passage, 1)
        for passage in (*PASSAGES, *calibration()[5:60])  # whatever the labels are
    ]
    found = compare(shipped, on_onnx(shipped, "int8"), rows, alone=40)
    assert found.labels_equal >= 0.95
    assert found.largest_difference < 0.15
    assert found.largest_with_neighbours < 0.02


def test_equal_models_give_equal_files(tiny_path: Path) -> None:
    files = []
    for _ in range(2):
        tiny = load_classifier(tiny_path, device="cpu")
        network = tiny.backend.network  # type: ignore[attr-defined]
        largest = measure(network, tiny.encoder.encode(calibration()[:20]))
        files.append(export(network, largest, "int8"))
    assert files[0] == files[1]


def test_the_file_is_made_on_first_use_and_made_again_when_damaged(
    tiny_path: Path, cache: Path
) -> None:
    def answers() -> bytes:
        return load_classifier(tiny_path, backend="onnx", threads=1).score(PASSAGES).tobytes()

    first = answers()
    (file,) = cache.glob("*.onnx")
    made = file.stat().st_mtime_ns
    assert answers() == first
    assert file.stat().st_mtime_ns == made
    file.write_bytes(file.read_bytes()[:1000])
    assert answers() == first
    assert file.stat().st_mtime_ns != made
    assert len(list(cache.iterdir())) == 2  # the file and its checksum, no scraps


def test_a_file_that_is_there_is_run_without_the_network_it_was_made_from(
    tiny_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start costs neither the time nor the memory of the weights in fp32."""
    first = load_classifier(tiny_path, backend="onnx", threads=1)
    monkeypatch.setattr("models.torch_backend.load_network", lambda path: pytest.fail("loaded"))
    again = load_classifier(tiny_path, backend="onnx", threads=1)
    assert again.model_hash == first.model_hash
    assert again.score(PASSAGES).tobytes() == first.score(PASSAGES).tobytes()


def test_another_architecture_is_refused() -> None:
    other = SimpleNamespace(config=SimpleNamespace(model_type="gpt2"))
    with pytest.raises(ModelRefused, match="gpt2") as caught:
        export(other, {}, "fp32")
    assert "model.backend: torch" in str(caught.value)


def test_what_is_missing_is_named_with_the_command_that_brings_it(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendMissing, match="undertone\\[onnx\\]"):
        load_classifier(tiny_path, backend="onnx")


def test_onnx_is_not_for_cuda(tiny_path: Path) -> None:
    with pytest.raises(BackendMissing, match="onnx is for CPUs"):
        load_classifier(tiny_path, device="cuda", backend="onnx")


def test_the_command_writes_a_file_and_compares(
    tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stream.cli.export_commands import export as command

    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": t, "label": "neutral"}) + "\n" for t in TEXTS))
    command(out=tmp_path / "m.onnx", model=tiny_path, check=rows, each=80, threads=1, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert Path(found["file"]).stat().st_size > 1000
    assert found["rows"] == len(TEXTS)
    assert found["largest_with_neighbours"] < 0.02

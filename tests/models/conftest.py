"""A tiny random model for the logic, and the shipped one for what only trained weights can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from models import LABELS, Classifier, load_classifier
from models.quiet import quiet
from models.save import save_model

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def build(path: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """Writes a model whose tokens are characters and whose weights are random but always the same.

    They are large, so that different input gives clearly different output.
    """
    letters = [chr(c) for c in range(32, 127)]
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *letters])}
    tokens = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokens.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokens,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )
    torch.manual_seed(1)
    config: Any = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=160,
        pad_token_id=1,
        initializer_range=0.3,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    with quiet():
        save_model(BertForSequenceClassification(config), tokenizer, path, 1.0, {})
    return path


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A tiny model is slower on two threads than on one, on a busy machine a hundred times."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def build_model() -> Callable[..., Path]:
    return build


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loadable directory; read only."""
    return build(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def tiny(tiny_path: Path) -> Classifier:
    return load_classifier(tiny_path, device="cpu")


@pytest.fixture(scope="session")
def shipped_path() -> Path:
    path = Path(__file__).parents[2] / "models" / "default"
    if not (path / "config.json").exists():
        pytest.skip("models/default is not in this checkout")
    return path


@pytest.fixture(scope="session")
def shipped(shipped_path: Path) -> Classifier:
    return load_classifier(shipped_path, device="cpu")

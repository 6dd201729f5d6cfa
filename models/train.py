"""Fine-tuning, top to bottom: configuration, data, model, loop, temperature, saving.

Written to be read in one sitting (after nanoGPT's train.py). The recipe is small on purpose: frozen
word embeddings (three fifths of the parameters, most of the overfitting), AdamW, batches of one
length, label smoothing, warm-up and linear decay.
"""

import argparse
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models.batches import by_length
from models.calibrate import fit_temperature
from models.encode import Encoder
from models.passage import window
from models.quiet import quiet
from models.rows import (
    LABELS,
    Row,
    choose,
    count_by_source,
    hold_out,
    joined,
    read_rows,
    with_targets,
)
from models.save import save_model


@dataclass(frozen=True)
class TrainConfig:
    """One run, whole: saved as `training.json` beside the weights it made."""

    data: Path
    """Labelled rows (JSON lines, see `models.rows`)."""
    base: Path
    """Directory of the encoder (or classifier) to start from."""
    out: Path
    """Directory the model is written to; checkpoints too."""
    dev: Path | None = None
    """Rows to watch and to fit the temperature on, besides those held out of `data`."""
    held_out: float = 0.05
    """Share of `data` kept for dev, by text; sources that `dev` holds are not cut."""
    caps: dict[str, int] = field(default_factory=dict)
    """At most so many rows of a source."""
    repeats: dict[str, int] = field(default_factory=dict)
    """Times each row of a source is seen."""
    pair_share: float = 0.25
    """Share of the rows without target, outside English, that get one: a stretch of their own text.
    Targets are labelled in English only; without this a pair in another language is never seen."""
    joined: float = 0.0
    """Made-up rows per chosen row that only the target can answer (see `models.rows.joined`)."""
    minutes: float = 60.0
    """The learning rate is zero at the planned last step or after this time, what comes first."""
    checkpoint_minutes: float = 10.0
    batch: int = 32
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup: float = 0.05
    label_smoothing: float = 0.05
    clip: float = 1.0
    max_tokens: int = 128
    dev_rows: int = 1200
    """Rows of dev looked at with each checkpoint."""
    seed: int = 7
    threads: int | None = None


def train(config: TrainConfig, say: Callable[[str], None] = print) -> Path:  # noqa: PLR0915
    """Fine-tunes `config.base` on `config.data`, writes the model to `config.out`, returns that.

    Ends within `config.minutes` plus the reading of the data and the last look at dev. Checkpoints
    are whole models: a run stopped early leaves a usable one.
    Raises DataRefused where a line of the data is no labelled row.
    """
    # -- set up
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # bfloat16 trains twice as fast as fp32 where the CPU has it; elsewhere it is emulated and slow
    bf16 = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    tokenizer = AutoTokenizer.from_pretrained(config.base, local_files_only=True)
    encoder = Encoder(tokenizer, config.max_tokens)

    # -- data: what dev holds is never trained on, nor is any other row with the same text
    dev = read_rows(config.dev) if config.dev else []
    watched = {row.source for row in dev}
    rows = read_rows(config.data)
    rest, held = hold_out(
        [r for r in rows if r.source not in watched], config.held_out, config.seed
    )
    rest += [r for r in rows if r.source in watched]
    dev += held
    texts = {row.passage.text for row in dev}
    rest = [row for row in rest if row.passage.text not in texts]
    rows = choose(rest, config.caps, config.repeats, config.seed)
    made = joined(rows, int(config.joined * len(rows)), config.seed)
    rows = with_targets(rows, config.pair_share, config.seed) + made
    random.Random(config.seed).shuffle(dev)
    ids = [t.ids for t in encoder.encode([window(row.passage) for row in rows])]
    batches = by_length([len(i) for i in ids], config.batch, config.seed)
    say(f"{len(rows)} rows in {len(batches)} batches, {len(dev)} dev rows, {device}")

    # -- model: no dropout in the encoder (one pass over the data cannot overfit, and drawing the
    # masks costs a third of the time on CPU); eager attention is the fastest at these lengths
    with quiet():
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            config.base,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            num_labels=len(LABELS),
            id2label=dict(enumerate(LABELS)),
            label2id={label: i for i, label in enumerate(LABELS)},
            attention_probs_dropout_prob=0.0,
            hidden_dropout_prob=0.0,
            classifier_dropout=0.1,
            attn_implementation="eager",
        ).to(device)
    model.get_input_embeddings().weight.requires_grad = False
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in weights if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        fused=True,
    )

    def forward(batch: list[list[int]]) -> Any:
        longest = max(map(len, batch))
        padded = torch.tensor([i + [encoder.pad_id] * (longest - len(i)) for i in batch])
        mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i in batch])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return model(input_ids=padded.to(device), attention_mask=mask.to(device)).logits.float()

    def look(some: list[Row]) -> tuple[Any, Any]:
        """Logits and labels of dev rows."""
        model.eval()
        found = torch.zeros(len(some), len(LABELS))
        dev_ids = [t.ids for t in encoder.encode([window(row.passage) for row in some])]
        order = sorted(range(len(some)), key=lambda i: len(dev_ids[i]))
        with torch.inference_mode():
            for start in range(0, len(order), config.batch):
                part = order[start : start + config.batch]
                found[part] = forward([dev_ids[i] for i in part]).cpu()
        model.train()
        return found, torch.tensor([row.label for row in some])

    def save(logits: Any, labels: Any, step: int) -> None:
        """The whole model as it stands, with a temperature fitted on what was just looked at."""
        temperature = fit_temperature(logits.numpy(), labels.numpy())
        record["step"], record["rows_seen"] = step, seen
        record["minutes"] = round((time.monotonic() - began) / 60, 1)
        record["dev"] = {
            "rows": len(labels),
            "loss": round(float(cross_entropy(logits, labels)), 4),
            "accuracy": round(float((logits.argmax(1) == labels).float().mean()), 4),
            "temperature": temperature,
        }
        with quiet():
            save_model(model, tokenizer, config.out, temperature, record)
        say(f"step {step}/{len(batches)} saved: dev {record['dev']}")

    # -- loop
    record: dict[str, Any] = {
        "config": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()},
        "checksums": {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (config.data, config.dev)
            if p
        },
        "rows": count_by_source(rows),
        "torch": torch.__version__,
    }
    began = said = saved = time.monotonic()
    seen, loss_seen = 0, 0.0
    model.train()
    for step, batch in enumerate(batches):
        now = time.monotonic()
        done = max(step / len(batches), (now - began) / (60 * config.minutes))
        if done >= 1:
            break
        rate = config.learning_rate * min(done / config.warmup, (1 - done) / (1 - config.warmup))
        for group in optimizer.param_groups:
            group["lr"] = rate
        logits = forward([ids[i] for i in batch])
        labels = torch.tensor([rows[i].label for i in batch], device=device)
        loss = cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, config.clip)
        optimizer.step()
        optimizer.zero_grad()
        seen, loss_seen = seen + len(batch), 0.98 * (loss_seen or loss.item()) + 0.02 * loss.item()
        if now - said > 30:
            said = now
            speed = seen / (now - began)
            left = min((len(rows) - seen) / speed / 60, config.minutes - (now - began) / 60)
            say(
                f"step {step}/{len(batches)} loss {loss_seen:.3f} lr {rate:.1e} "
                f"{speed:.1f} rows/s, {left:.0f} min left"
            )
        if now - saved > 60 * config.checkpoint_minutes:
            saved = now
            save(*look(dev[: config.dev_rows]), step)

    # -- the end: the temperature comes from as much of dev as five looks hold
    save(*look(dev[: 5 * config.dev_rows]), step + 1)
    say(f"{seen} rows in {(time.monotonic() - began) / 60:.1f} min")
    return config.out


def _numbers(pairs: list[str]) -> dict[str, int]:
    return {name: int(number) for name, number in (pair.split("=", 1) for pair in pairs)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cap", action="append", default=[], metavar="SOURCE=ROWS")
    parser.add_argument("--repeat", action="append", default=[], metavar="SOURCE=TIMES")
    parser.add_argument("--joined", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int)
    given = vars(parser.parse_args())
    caps, repeats = _numbers(given.pop("cap")), _numbers(given.pop("repeat"))
    train(TrainConfig(**given, caps=caps, repeats=repeats), lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()

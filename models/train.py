"""Fine-tuning, top to bottom: set up, model, data, optimizers, loop, the end.

Written to be read in one sitting (after nanoGPT's train.py). What a run consists of is
`models.recipe`; which rows it sees, `models.mixture`.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models import adapters, resume
from models.batches import by_length
from models.calibrate import fit_temperature
from models.encode import Encoder, Tokens
from models.figures import macro_f1
from models.mixture import class_weights, compose, split
from models.passage import window
from models.quiet import quiet
from models.recipe import TrainConfig
from models.rows import LABELS, Row, count_by_source
from models.run_log import RunLog
from models.save import save_model
from models.torch_backend import pad

FREE = ("out", "minutes", "threads", "resume", "checkpoint_minutes", "say_seconds")
"""Settings with which a run may go on changed."""

OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def bf16_pays(device: torch.device) -> bool:
    """Whether matrices multiply faster in bfloat16 than in fp32, as measured now.

    Having the instructions says little: they double the speed of one processor and halve that of
    another, and without them bfloat16 is emulated.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if not torch.cpu._is_avx512_bf16_supported():
        return False

    def seconds(dtype: torch.dtype) -> float:
        left, right = torch.ones(1024, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        times = []
        for _ in range(12):
            began = time.perf_counter()
            left @ right
            times.append(time.perf_counter() - began)
        return min(times)  # the rest is what else the machine does

    return seconds(torch.bfloat16) < seconds(torch.float32)


def train(  # noqa: PLR0912, PLR0915 - one long function is what this is
    config: TrainConfig,
    say: Callable[[str], None] = print,
    progress: Callable[[int, int], None] = lambda rows, total: None,
    log: RunLog | None = None,
) -> None:
    """Fine-tunes `config.base` on `config.data` and writes the model to `config.out`.

    Checkpoints are whole models, and with `config.resume` a run that was cut off goes on from its
    last one, to the bit. `say` gets a line now and then, `progress` the rows seen and to be seen.
    Raises DataRefused where a line of the data is no labelled row or the state to resume is of
    another run, ModelRefused where the adapter cannot be made.
    """
    # -- set up
    log = log or RunLog(None, None, {})
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bf16 = config.precision == "bf16" or (config.precision == "auto" and bf16_pays(device))

    # -- model: no dropout in the encoder (drawing its masks costs a third of the time on CPU, and
    # hidden tokens do its work); eager attention is the fastest at these lengths
    tokenizer = AutoTokenizer.from_pretrained(config.base, local_files_only=True)
    with quiet():
        model: Any
        model, report = AutoModelForSequenceClassification.from_pretrained(
            config.base,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
            num_labels=len(LABELS),
            id2label=dict(enumerate(LABELS)),
            label2id={label: i for i, label in enumerate(LABELS)},
            attention_probs_dropout_prob=0.0,
            hidden_dropout_prob=0.0,
            classifier_dropout=0.1,
            attn_implementation="eager",
        )
    typed = getattr(model.config, "type_vocab_size", 0) > 1
    marks = config.marks and typed
    if marks and not getattr(model.config, "target_marks", False):
        # an encoder that was never taught marks may hold one vector twice: tell the two types apart
        kinds = model.base_model.embeddings.token_type_embeddings.weight.data
        torch.nn.init.normal_(kinds[1], std=kinds[0].std().item())

    # -- data
    rest, dev = split(config)
    rows = compose(rest, config)
    encoder = Encoder(tokenizer, config.max_tokens, marks=marks)
    tokens = encoder.encode([window(row.passage) for row in rows])
    steps = max(1, round(config.epochs * len(rows) / config.batch))
    batches: list[list[int]] = []
    for epoch in count():
        batches += by_length([len(t.ids) for t in tokens], config.batch, config.seed + epoch)
        if len(batches) >= steps:
            break
    # what the base has no weights for starts at random: a new head
    inside = f"{model.base_model_prefix}."
    fresh = {key.removeprefix(inside).split(".")[0] for key in report["missing_keys"]}
    model = adapters.wrap(model, config, steps, fresh).to(device)
    weigh = class_weights(rows, config.class_balance).to(device)
    say(f"{len(rows)} rows, {steps} batches, {len(dev)} dev rows, on {device}, bf16 {bf16}")

    # -- optimizers: the word embeddings have one of their own, which moves only a batch's tokens;
    # otherwise every step would touch all 32 million numbers to change a thousand rows
    words = model.get_input_embeddings()
    words.weight.requires_grad = words.sparse = config.embeddings and not adapters.wanted(config)
    weights = [p for p in model.parameters() if p.requires_grad and p is not words.weight]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizers: list[Any] = [OPTIMIZERS[config.optimizer](groups, lr=0.0, fused=True)]
    if words.weight.requires_grad:
        optimizers.append(torch.optim.SparseAdam([words.weight]))

    mask_id = tokenizer.mask_token_id or tokenizer.unk_token_id or encoder.pad_id
    special = torch.tensor(tokenizer.all_special_ids, device=device)

    def forward(batch: list[Tokens]) -> Any:
        given = pad(batch, max(len(t.ids) for t in batch), encoder.pad_id, typed=typed)
        given = {name: tensor.to(device) for name, tensor in given.items()}
        if model.training and config.token_dropout:
            hide = torch.rand(given["input_ids"].shape, device=device) < config.token_dropout
            hide &= torch.isin(given["input_ids"], special, invert=True)
            if typed:
                hide &= given["token_type_ids"] == 0
            given["input_ids"] = given["input_ids"].masked_fill(hide, mask_id)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return model(**given).logits.float()

    def look(some: Sequence[Row]) -> dict[str, float]:
        """Figures on dev rows, and the temperature that fits them."""
        if not some:
            return {"rows": 0, "macro_f1": 0.0, "temperature": 1.0}
        model.eval()
        logits = np.zeros((len(some), len(LABELS)), np.float32)
        seen = encoder.encode([window(row.passage) for row in some])
        order = sorted(range(len(some)), key=lambda i: len(seen[i].ids))
        with torch.inference_mode():
            for start in range(0, len(order), 64):
                part = order[start : start + 64]
                logits[part] = forward([seen[i] for i in part]).cpu().numpy()
        model.train()
        gold = np.array([row.label for row in some], np.int64)
        temperature = fit_temperature(logits, gold)
        odds = torch.tensor(logits / temperature)
        return {
            "rows": len(some),
            "loss": round(float(cross_entropy(odds, torch.tensor(gold))), 4),
            "accuracy": round(float((logits.argmax(1) == gold).mean()), 4),
            "macro_f1": round(macro_f1(gold, logits.argmax(1)), 4),
            "temperature": temperature,
        }

    # -- loop
    record: dict[str, Any] = {
        "config": config.record(),
        "checksums": {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (config.data, config.dev)
            if p
        },
        "rows": count_by_source(rows),
        "torch": torch.__version__,
    }
    run = {k: v for k, v in record["config"].items() if k not in FREE}
    run |= {"checksums": record["checksums"]}
    at: dict[str, Any] = {
        "step": 0,
        "rows": 0,
        "minutes": 0.0,
        "loss": 0.0,
        "best": -1.0,
        "worse": 0,
    }
    if config.resume:
        at = resume.take_up(config.out, model, optimizers, run) or at
        say(f"goes on at step {at['step']}" if at["step"] else "nothing to resume: starts anew")

    def save(dev_rows: Sequence[Row]) -> None:
        """The whole model as it stands, unless an earlier one was better and the best is kept."""
        found = look(dev_rows)
        log.scalars(at["step"], **{f"dev/{name}": value for name, value in found.items()})
        say(f"step {at['step']}/{steps}: dev {found}")
        better = found["macro_f1"] > at["best"]
        at["best"], at["worse"] = (
            max(found["macro_f1"], at["best"]),
            0 if better else at["worse"] + 1,
        )
        if config.patience is None or better:
            state = {
                "step": at["step"],
                "rows_seen": at["rows"],
                "minutes": round(at["minutes"], 1),
            }
            with quiet():
                save_model(
                    adapters.plain(model),
                    tokenizer,
                    config.out,
                    found["temperature"],
                    record | state | {"dev": found},
                    marks=marks,
                )
                adapters.save(model, config.out)

    began, before = time.monotonic(), at["minutes"]
    said = saved = began
    model.train()
    while at["step"] < steps and (config.patience is None or at["worse"] < config.patience):
        done = at["step"] / steps
        if config.minutes is not None:
            done = max(done, at["minutes"] / config.minutes)
        if done >= 1:
            break
        batch = batches[at["step"]]
        labels = torch.tensor([rows[i].label for i in batch], device=device)
        loss = cross_entropy(
            forward([tokens[i] for i in batch]),
            labels,
            weight=weigh,
            label_smoothing=config.label_smoothing,
        )
        (loss / config.accumulate).backward()  # type: ignore[no-untyped-call]
        at["step"] += 1
        if at["step"] % config.accumulate == 0:
            torch.nn.utils.clip_grad_norm_(weights, config.clip)
            adapters.stepped(model, at["step"])
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = config.rate(done)
                optimizer.step()
                optimizer.zero_grad()
        at["rows"] += len(batch)
        at["loss"] = 0.98 * (at["loss"] or loss.item()) + 0.02 * loss.item()
        now = time.monotonic()
        at["minutes"] = before + (now - began) / 60
        progress(at["rows"], steps * config.batch)
        if now - said > config.say_seconds:
            said = now
            speed = at["rows"] / at["minutes"] / 60
            log.scalars(
                at["step"],
                **{"train/loss": at["loss"], "train/rate": config.rate(done), "rows/s": speed},
            )
            say(
                f"step {at['step']}/{steps} loss {at['loss']:.3f} lr {config.rate(done):.1e} "
                f"{speed:.1f} rows/s, {at['minutes'] * (1 - done) / max(done, 1e-6):.0f} min left"
            )
        if now - saved > 60 * config.checkpoint_minutes and at["step"] % config.accumulate == 0:
            saved = now
            save(dev[: config.dev_rows])
            resume.put_aside(config.out, model, optimizers, at, run)

    # -- the end: the temperature comes from as much of dev as five looks hold
    if config.patience is None or at["worse"] < config.patience:
        save(dev[: 5 * config.dev_rows])
    resume.forget(config.out)
    say(f"{at['rows']} rows in {at['minutes']:.1f} min")

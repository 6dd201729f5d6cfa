"""What a training run is made of: one frozen record, saved beside the weights it led to."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import DataRefused

Share = Field(default=0.0, ge=0, le=1)
Count = Field(default=0, ge=0)


class TrainConfig(BaseModel):
    """One run, whole: saved in `training.json` beside the weights it made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path
    """Labelled rows (JSON lines, see `models.rows`)."""
    base: Path
    """Directory of the encoder (or classifier) to start from."""
    out: Path
    """Directory the model is written to; checkpoints too."""
    dev: Path | None = None
    """Rows to watch and to fit the temperature on, besides those held out of `data`."""
    held_out: float = Field(default=0.05, ge=0, lt=1)
    """Share of `data` kept for dev, by text; sources that `dev` holds are not cut."""

    caps: dict[str, int] = {}
    """At most so many rows of a source."""
    repeats: dict[str, int] = {}
    """Times each row of a source is seen."""
    doubtful: list[str] = []
    """Sources (`malaya`) or their languages (`umsab/hi`) whose labels are not to be trusted: a row
    is kept only where `teacher` gives the same label."""
    teacher: Path | None = None
    """A model that has not learnt those rows by heart."""
    corrections: Path | None = None
    """Labels that stand in place of the data's, in train and dev: lines of the first 16 hex digits
    of the SHA-256 of a text, a tab, and the label. It names texts that may not be passed on."""
    disagreeing: int = Count
    """Times more for rows of texts whose targets have different labels."""
    pair_share: float = Field(default=0.25, ge=0, le=1)
    """Share of the rows without target that get one: a stretch of their own text."""
    written: int = Count
    """Times each post about several invented names is seen (see `models.written`); a tenth of them
    is held out."""
    posts: int = Count
    """Times each post without target that was written for this project is seen (see
    `models.written`); a tenth of them is held out."""
    joined: int = Count
    """Rows made of two texts that only the target can answer (see `models.pairs`)."""
    contrast: int = Count
    """Rows made of clauses about invented names (see `models.pairs`)."""
    noise: float = Share
    """Share of the rows that are written another way (see `models.perturb`)."""
    token_dropout: float = Share
    """Chance of each token of a text, its target's excepted, to be hidden by the mask token."""

    marks: bool = True
    """Mark the target's tokens by their type, where the network knows two types."""
    embeddings: bool = False
    """Whether word embeddings learn too (those of a batch's tokens at each step). They are three
    fifths of the parameters of a small multilingual model."""
    peft: Literal["lora"] | None = None
    """Train an adapter by the `peft` library instead of all weights."""
    peft_config: Path | None = None
    """Or one of any kind the library has, from a JSON file of its configuration."""

    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.05, gt=0, lt=1)
    """Share of the run over which the rate rises; then it falls to zero."""
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    class_balance: float = Share
    """0: every row weighs the same; 1: every label does, in sum."""
    clip: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the network's arithmetic. bfloat16 is twice as fast as fp32 on some processors and half as
    fast on others that have it, too; auto measures it and takes the faster one."""
    batch: int = Field(default=32, ge=1)
    accumulate: int = Field(default=1, ge=1)
    """Batches per step of the optimizer."""
    epochs: float = Field(default=1.0, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    """The rate is zero at the planned last step or after this time, what comes first."""

    checkpoint_minutes: float = Field(default=10.0, ge=0)
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many checkpoints without a better macro-F1 on dev, and keep the best; without
    it the last state is kept."""
    resume: bool = False
    """Go on with the run that was cut off, where there is one."""
    dev_rows: int = Field(default=1200, ge=1)
    """Rows of dev looked at with each checkpoint."""
    say_seconds: float = Field(default=30.0, ge=0)
    max_tokens: int = Field(default=128, ge=8)
    seed: int = 7
    threads: int | None = Field(default=None, ge=1)

    def record(self) -> dict[str, Any]:
        """All of it as JSON can hold it; paths by their last names: where a file lay on the machine
        that trained is nobody's business."""
        return {k: v.name if isinstance(v, Path) else v for k, v in self.model_dump().items()}

    def rate(self, done: float) -> float:
        """The learning rate when `done` (0..1) of the run is over."""
        return self.learning_rate * min(done / self.warmup, (1 - done) / (1 - self.warmup))


def read_recipe(recipe: Path | None, **given: Any) -> TrainConfig:
    """A run from a YAML or JSON file of settings and those given by name, which win.

    The `config` of a `training.json` is such a file, its paths apart.
    Raises DataRefused naming the file, the setting and what is wrong with it.
    """
    settings: dict[str, Any] = {}
    if recipe:
        try:
            settings = yaml.safe_load(recipe.read_text("utf-8"))
        except (OSError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise DataRefused(f"{recipe}: cannot be read ({reason}); give YAML or JSON") from error
        if not isinstance(settings, dict):
            raise DataRefused(f"{recipe}: holds no settings; write lines such as `epochs: 2`")
    try:
        return TrainConfig(**{**settings, **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise DataRefused(f"{recipe or 'train'}: {name}: {first['msg']}") from None

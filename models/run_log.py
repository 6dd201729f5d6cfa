"""Curves of a run: TensorBoard events, and Weights & Biases where it is installed and asked for."""

from pathlib import Path
from typing import Any

from models.errors import BackendMissing


class RunLog:
    """Writes scalars by step; without directory and project it writes nothing.

    Raises BackendMissing where what is asked for is not installed.
    """

    def __init__(self, directory: Path | None, project: str | None, config: dict[str, Any]) -> None:
        self._board: Any = None
        self._wandb: Any = None
        if directory:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise BackendMissing(
                    "--log: tensorboard is not installed; pip install 'undertone[train]'"
                ) from None
            self._board = SummaryWriter(str(directory))
        if project:
            try:
                import wandb
            except ImportError:
                raise BackendMissing("--wandb: wandb is not installed; pip install wandb") from None
            self._wandb = wandb.init(project=project, config=config)

    def scalars(self, step: int, **values: float) -> None:
        """One point of each curve."""
        for name, value in values.items():
            if self._board:
                self._board.add_scalar(name, value, step)
        if self._wandb:
            self._wandb.log(values, step=step)

    def close(self) -> None:
        if self._board:
            self._board.close()
        if self._wandb:
            self._wandb.finish()

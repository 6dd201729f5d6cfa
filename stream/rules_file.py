"""The file of the rules, `config/alerts.yaml`: read, checked, and read again when it changes.

A wrong file is refused in one line that names the file, the line, the place and the fix.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from stream.errors import UsageError
from stream.receivers import with_secrets
from stream.rules import Misfit, Place, Rules
from stream.yaml_lines import line_of


def load_rules(file: Path, environ: Mapping[str, str] | None = None) -> Rules:
    """Read and check the rules. `environ` (default: the process's) holds secrets by name.

    Raises UsageError: one line with the file, its line, the place (`rules[0].granularity`) and
    the fix.
    """
    root, values = _read(file)
    receivers = values.get("receivers")
    if isinstance(receivers, list):
        known = os.environ if environ is None else environ
        values["receivers"] = [
            with_secrets(entry, f"{file}: receivers[{number}]", file.parent, known)
            for number, entry in enumerate(receivers)
        ]
    return checked(values, root, str(file))


def checked(values: dict[str, Any], root: yaml.Node | None, name: str) -> Rules:
    """The rules that these values are; `root` knows their lines.

    Raises UsageError: one line with `name`, the line, the place and the fix.
    """
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        misfit = first.get("ctx", {}).get("error")
        place: Place = misfit.path if isinstance(misfit, Misfit) else first["loc"]
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "no such field; check its name"
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
        told = f"{where.removeprefix('.')}: " if where else ""
        raise UsageError(f"{name}:{line_of(root, place)}: {told}{reason}") from None


def _read(file: Path) -> tuple[yaml.Node | None, dict[str, Any]]:
    """The file as nodes, which know their lines, and as values."""
    try:
        text = file.read_text(encoding="utf-8")
        root, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text) or {}
    except FileNotFoundError:
        raise UsageError(
            f"alerts.file {file}: no such file; copy config/alerts.yaml and edit it"
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{file}:{line}: cannot be read as YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"alerts.file {file}: cannot be read as YAML: {reason}") from None
    if not isinstance(values, dict):
        raise UsageError(f"alerts.file {file}: must hold the keys rules and receivers")
    return root, values


class RulesFile:
    """The rules as the file has them now. For one thread.

    `refused` says why while the file is wrong and `rules` are those before it; else it is ''. Both
    may be read from other threads.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = _stamp(file)
        self.rules = load_rules(file)
        self.refused = ""

    @property
    def is_right(self) -> bool:
        """Whether the rules are those that the file has now."""
        return not self.refused

    def changed(self) -> bool:
        """Whether the file was written since the last look; `rules` are the new ones then.

        Raises UsageError once for each state of the file that is wrong; the rules stay as they
        were.
        """
        now = _stamp(self._file)
        if now == self._seen:
            return False
        self._seen = now
        try:
            fresh = load_rules(self._file)
        except UsageError as error:
            self.refused = str(error)
            raise
        self.refused = ""
        if fresh == self.rules:
            return False
        self.rules = fresh
        return True


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """Changes with the file; a mount of another file under its name (ConfigMap) does it too."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size

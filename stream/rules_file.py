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
from stream.receivers import secret_files, with_secrets
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


Stamp = tuple[int, int, int] | None


class RulesFile:
    """The rules as the file has them now, with the secrets it names. For one thread.

    `refused` says why while the file is wrong and `rules` are those before it; else it is ''. Both
    may be read from other threads.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._secrets: list[Path] = []
        self._seen = self._look()
        self.rules = load_rules(file)
        self.refused = ""

    @property
    def is_right(self) -> bool:
        """Whether the rules are those that the file has now."""
        return not self.refused

    def changed(self) -> bool:
        """Whether the file, or one of a secret, was written since the last look; `rules` are the
        new ones then.

        Raises UsageError once for each state of the file that is wrong; the rules stay as they
        were.
        """
        if self._stamps() == self._seen:
            return False
        self._seen = self._look()
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

    def _look(self) -> list[Stamp]:
        """The stamps of what is about to be read: what changes meanwhile is seen the next time."""
        of_file = _stamp(self._file)
        self._secrets = _secrets_of(self._file)
        return [of_file, *map(_stamp, self._secrets)]

    def _stamps(self) -> list[Stamp]:
        return [_stamp(file) for file in (self._file, *self._secrets)]


def _secrets_of(file: Path) -> list[Path]:
    """The files of secrets that it names; none while it cannot be read."""
    try:
        _, values = _read(file)
    except UsageError:
        return []
    receivers = values.get("receivers")
    entries = receivers if isinstance(receivers, list) else []
    return [one for entry in entries for one in secret_files(entry, file.parent)]


def _stamp(file: Path) -> Stamp:
    """Changes with the file; a mount of another file under its name (ConfigMap) does it too."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size

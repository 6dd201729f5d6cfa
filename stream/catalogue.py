"""What is watched: brands with aliases, exclusions and topics, from `config/brands.yaml`.

A bad catalogue is refused with the line and the reason. `Catalogue.hash` names its meaning: it is
part of a generation (DESIGN §3), and a comment or a blank line does not change it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from stream.errors import UsageError
from stream.folding import fold
from stream.yaml_lines import line_of

Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Brand(BaseModel):
    """One brand.

    An exclusion that contains an alias silences only the aliases inside it ("acme climbing hall");
    any other exclusion silences the brand in the whole post ("climbing").
    A term that ends in `*` may continue: `batter*` finds "battery" and "batteries".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    aliases: tuple[Term, ...] = ()
    exclude: tuple[Term, ...] = ()
    topics: dict[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)],
        tuple[Term, ...],
    ] = {}

    @property
    def terms(self) -> tuple[str, ...]:
        """The words that name the brand: its aliases, or its name where none are given."""
        return self.aliases or (self.name,)


class Catalogue(BaseModel):
    """All brands, in the order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    brands: tuple[Brand, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of what the catalogue means, the order of brands aside."""
        brands = sorted(self.model_dump(mode="json")["brands"], key=lambda b: str(b["name"]))
        text = json.dumps(brands, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load_catalogue(file: Path) -> Catalogue:
    """Read and check a catalogue. Raises UsageError naming file, line and reason."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"brands.file {file}: no such file; copy config/brands.yaml and edit it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"brands.file {file}: cannot be read as UTF-8 text: {error}") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{file}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{file}:1: not YAML: {' '.join(str(error).split())}") from None
    try:
        catalogue = Catalogue.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        line = line_of(root, first["loc"])
        reason = "no such field" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{file}:{line}: {place}: {reason}") from None
    _check(catalogue, file, root)
    return catalogue


def _check(catalogue: Catalogue, file: Path, root: yaml.Node | None) -> None:
    """Refuse what would only be noticed as a silent hole: twins, and terms that name nothing."""
    if not catalogue.brands:
        raise UsageError(f"{file}:1: brands: the list is empty; name at least one brand")
    names: dict[str, int] = {}
    for number, brand in enumerate(catalogue.brands):
        at = ("brands", number)
        known = names.setdefault(fold(brand.name).text, number)
        if known != number:
            line = line_of(root, (*at, "name"))
            first = line_of(root, ("brands", known, "name"))
            raise UsageError(
                f"{file}:{line}: brands.{number}.name: {brand.name!r} stands in line {first} "
                "already; merge the two"
            )
        owned: list[tuple[tuple[str | int, ...], tuple[str, ...]]] = [
            (("aliases",), brand.aliases),
            (("exclude",), brand.exclude),
            *((("topics", topic), terms) for topic, terms in brand.topics.items()),
        ]
        for where, terms in owned:
            for index, term in enumerate(terms):
                if not any(char.isalnum() or ord(char) > 0x2000 for char in fold(term).text):
                    place = ".".join(str(part) for part in (*at, *where, index))
                    line = line_of(root, (*at, *where, index))
                    raise UsageError(f"{file}:{line}: {place}: {term!r} holds no letter or digit")

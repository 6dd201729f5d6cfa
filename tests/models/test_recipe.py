"""Settings of a training run, from a file and by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import DataRefused
from models.recipe import read_recipe

TRAINING = Path(__file__).parents[2] / "config" / "training"
PLACES = {"data": Path("rows.jsonl"), "base": Path("base"), "out": Path("out")}


def test_what_is_given_by_name_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("epochs: 3\nrepeats: {umsab: 6}\nlearning_rate: 2e-4\n")
    config = read_recipe(file, epochs=1.5, **PLACES)
    assert (config.epochs, config.repeats, config.learning_rate) == (1.5, {"umsab": 6}, 2e-4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch: 3", "epoch: Extra inputs"),
        ("epochs: many", "epochs: Input should be"),
        ("epochs: -1", "epochs: Input should be greater than 0"),
        ("- 1", "holds no settings"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_recipe_is_refused_by_setting(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(DataRefused) as caught:
        read_recipe(file, **PLACES)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_names_no_place_on_the_machine() -> None:
    config = read_recipe(None, **PLACES | {"data": Path("/somewhere/rows.jsonl")})
    assert config.record()["data"] == "rows.jsonl"


@pytest.mark.parametrize("recipe", sorted(TRAINING.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_recipes_are_recipes(recipe: Path) -> None:
    assert read_recipe(recipe, **PLACES).embeddings

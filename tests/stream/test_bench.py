"""`undertone bench`: honest repeats, posts that are what they are said to be, an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from models import Passage
from models.rows import LABELS, Row
from stream.bench import engine
from stream.bench.figures import Bar, Figure, Part, alternate, as_json
from stream.bench.figures import ratio as figures_ratio
from stream.bench.latency import Moody, quantile
from stream.bench.limit import flops, products
from stream.bench.match import with_more
from stream.bench.plan import Bench, chosen
from stream.bench.posts import Corpus, corpus
from stream.bench.scorers import Costless
from stream.bench.whole import middle
from stream.catalogue import Brand, Catalogue
from stream.cli import app
from stream.errors import UsageError
from stream.match import Matcher
from stream.settings import Settings

CATALOGUE = Catalogue(brands=(Brand(name="Acme"), Brand(name="Bolt")))


def message(text: str, post_id: str = "1") -> bytes:
    return json.dumps(
        {"post_id": post_id, "source": "s", "text": text, "created_at": "2026-01-01T00:00:00Z"}
    ).encode()


def of_acme() -> Corpus:
    return corpus([message(f"the Acme phone, {i}") for i in range(60)], CATALOGUE, "ours")


def test_what_is_compared_runs_in_turn_and_each_begins_as_often() -> None:
    order = []

    def run_of(name: str, value: float):
        def once(repeat: int) -> float:
            order.append((repeat, name))
            return value + repeat

        return once

    found = alternate({"a": run_of("a", 1), "b": run_of("b", 10)}, "s", repeats=3)
    assert order == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]
    assert found == {"a": Figure("a", "s", (1, 2, 3)), "b": Figure("b", "s", (10, 11, 12))}


def test_a_ratio_is_of_what_was_measured_side_by_side() -> None:
    """Half of the machine's speed for two repeats of three changes neither."""
    assert figures_ratio(Figure("a", "s", (8, 4, 4)), Figure("b", "s", (4, 2, 1))) == 2


def test_a_part_holds_where_all_of_its_bars_do() -> None:
    assert Bar("fast", 2.3, 2.3).holds and not Bar("fast", 2.29, 2.3).holds
    assert Bar("flat", 1.5, 1.5, at_most=True).holds
    assert not Part("p", (), (Bar("a", 2, 1), Bar("b", 2, 1, at_most=True))).holds


def test_the_json_holds_every_value() -> None:
    part = Part("p", (Figure("a", "s", (3.0, 1.0, 2.0)),), (Bar("a / b", 2.0, 1.5, 3.0),), ("n",))
    (found,) = json.loads(json.dumps(as_json([part])))
    (figure,) = found["figures"]
    assert (figure["minimum"], figure["median"], figure["maximum"]) == (1, 2, 3)
    assert figure["values"] == [3, 1, 2]
    assert found["bars"][0]["holds"] and found["notes"] == ["n"]


def test_every_post_names_one_brand_and_no_text_comes_twice() -> None:
    posts = of_acme()
    texts = posts.texts(200, "x") + posts.texts(200, "y")
    assert len(set(texts)) == 400
    matcher = Matcher(CATALOGUE)
    assert all(len(matcher.match(text)) == 1 for text in texts)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    (key, value), *_ = posts.messages(1, "x", now)
    assert json.loads(value)["created_at"] == now.isoformat()
    assert key == f"s:{json.loads(value)['post_id']}".encode()


def test_posts_of_no_brand_of_two_and_copies_are_left_out() -> None:
    odd = [message("nobody"), message("Acme and Bolt"), message("the Acme phone, 1"), b"{"]
    posts = corpus([*odd, *(message(f"the Acme phone, {i}") for i in range(60))], CATALOGUE, "f")
    assert len(posts.posts) == 60


def test_a_file_without_brands_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"--posts f: 0 different posts .* --brands"):
        corpus([message("nobody")], CATALOGUE, "f")


def test_a_part_that_is_none_is_refused_by_name() -> None:
    assert chosen(["stages"]) == ["stages"]
    with pytest.raises(UsageError, match=r"bench speed: no such part; choose of .*stages"):
        chosen(["speed"])


def test_the_command_prints_every_stage() -> None:
    found = CliRunner().invoke(
        app, ["bench", "stages", "--size", "0.01", "--repeats", "2", "--json"]
    )
    assert found.exit_code == 0
    (part,) = json.loads(found.stdout)
    assert [figure["name"] for figure in part["figures"]] == ["decode", "match", "language", "row"]
    assert all(figure["minimum"] > 0 for figure in part["figures"])


def test_the_posts_of_a_brand_are_those_that_name_it() -> None:
    both = [message(f"the {name} phone, {i}") for i in range(60) for name in ("Acme", "Bolt")]
    posts = corpus(both, CATALOGUE, "ours")
    assert all("Bolt" in text for text in posts.of("Bolt").texts(70, "x"))
    assert len(posts.of("Bolt").posts) == len(posts.of("Acme").posts) == 60


def test_a_rate_is_that_of_the_middle_of_a_run() -> None:
    """A batch of 40 each 0.02 s; the first took long to come, the last was waited for too."""
    asked = []

    def await_stored(least: int) -> int:
        asked.append(least)
        time.sleep(0.02)
        return -(-least // 40) * 40

    done = middle(await_stored, 400, lambda: {"calls": float(len(asked))})
    assert asked == [40, 360, 400]
    assert (done.posts, done.spent) == (320, {"calls": 1})
    assert done.rate == 320 / done.seconds and 0.02 <= done.seconds < 0.2


def test_a_run_of_a_single_batch_has_no_rate() -> None:
    with pytest.raises(UsageError, match="--size"):
        middle(lambda _: 3, 3)


def test_made_aliases_are_so_many_and_always_the_same() -> None:
    few, many = (with_more(CATALOGUE, aliases) for aliases in (100, 1000))
    assert many == with_more(CATALOGUE, 1000)
    made = [alias for brand in many.brands[2:] for alias in brand.aliases]
    assert len(set(made)) == 1000 and len(few.brands) == 2 + 10
    assert Matcher(many).match("the Acme phone")[0].brand == "Acme"


def test_a_quantile_of_a_histogram_lies_where_promql_puts_it() -> None:
    buckets = {1.0: 10.0, 2.0: 30.0, 5.0: 40.0, float("inf"): 40.0}
    assert quantile(buckets, 0.5) == 1.5
    assert quantile(buckets, 0.25) == 1.0
    assert quantile(buckets, 1.0) == 5.0
    assert quantile({1.0: 0.0, float("inf"): 4.0}, 0.5) == 1.0
    assert quantile({}, 0.5) == 0


def test_only_what_belongs_to_a_spike_is_negative() -> None:
    found = Moody(Costless()).score([Passage("Acme load1-3"), Passage("Acme spike-3")])
    assert found.argmax(1).tolist() == [1, 0]


PARTS_ON_REAL_PARTS = {
    "host": ("0.1", {"whole service"}),
    "windows": ("0.001", {"100 posts", "10,000 posts", "a minute of 600 posts"}),
    "match": ("0.01", {"100 aliases", "10,000 aliases"}),
}


@pytest.mark.parametrize("name", PARTS_ON_REAL_PARTS)
def test_a_part_measures_the_real_service(name: str) -> None:
    """Small, so that no bar is judged: what it measures is there and takes time.

    In a process of its own: embedded ClickHouse is one to a process.
    """
    size, expected = PARTS_ON_REAL_PARTS[name]
    command = [sys.executable, "-m", "stream", "bench", name]
    found = subprocess.run(
        [*command, "--size", size, "--repeats", "1", "--json"], capture_output=True, check=False
    )
    assert found.returncode == 0 or b"bars missed" in found.stderr, found.stderr.decode()
    (part,) = json.loads(found.stdout)
    figures = {figure["name"]: figure["median"] for figure in part["figures"]}
    assert figures.keys() >= expected
    assert all(figures[figure] > 0 for figure in expected)
    assert part["bars"]


def test_the_flops_of_an_encoder_are_those_counted_by_hand() -> None:
    """A layer of width 2 and inner width 3: 4 products 2×2 and 2 products 2×3 a token."""
    a_token = 2 * (4 * 2 * 2 + 2 * 2 * 3)
    a_pair = 2 * 2 * 2  # query by key, and weight by value
    assert flops([1], 2, 3, 1) == a_token + a_pair
    assert flops([3], 2, 3, 5) == 5 * (3 * a_token + 9 * a_pair)
    assert flops([3, 3], 2, 3, 1) == 2 * flops([3], 2, 3, 1)


def test_the_products_of_a_layer_are_as_the_model_has_them() -> None:
    assert products(384, 1536)[2:] == [
        (2048, 384, 1152),
        (2048, 384, 384),
        (2048, 384, 1536),
        (2048, 1536, 384),
    ]


@pytest.mark.parametrize(
    ("flags", "has"), [("fma avx512_vnni", True), ("avx_vnni", True), ("avx512bw", False)]
)
def test_a_cpu_says_whether_it_has_vnni(tmp_path: Path, flags: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
    assert engine.has_vnni(tmp_path / "cpuinfo") is has
    assert not engine.has_vnni(tmp_path / "absent")


class Shouting:
    """Finds in every text the last of the labels. Stands in for a classifier and for a pipeline."""

    why, backend = "asked for", SimpleNamespace(name="fake")
    columns = (0, 1, 2)
    model = SimpleNamespace(
        config=SimpleNamespace(label2id={one: i for i, one in enumerate(LABELS)})
    )

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        return np.tile(np.array([0.1, 0.1, 0.8], np.float32), (len(passages), 1))

    def __call__(self, texts: list[str], **_: object) -> list[dict[str, str]]:
        time.sleep(0.001 * len(texts))
        return [{"label": "positive"}] * len(texts)


def test_the_engine_is_set_against_the_best_of_the_pipeline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Fakes in place of both networks: no mark on speed, but on what is compared with what."""
    for name in ("load_scorer", "load_classifier", "_pipeline"):
        monkeypatch.setattr(engine, name, lambda *_, **__: Shouting())
    rows = [Row(Passage("good"), 2), Row(Passage("bad"), 0)]
    ticks: list[str] = []
    given = Bench(of_acme(), rows, Settings(), tmp_path, repeats=2, size=0.02, tick=ticks.append)
    part = engine.measure(given)
    figures = {figure.name: figure for figure in part.figures}
    assert list(figures) == ["engine", *(f"pipeline, batches of {size}" for size in (1, 8, 32))]
    assert len(ticks) == 8 and all(len(figure.values) == 2 for figure in part.figures)
    ratio, equal, lost = part.bars
    best = max((figures[name] for name in figures if name != "engine"), key=lambda one: one.median)
    assert ratio.value == figures_ratio(figures["engine"], best)
    assert ratio.must == (3.5 if engine.has_vnni() else 2.3)
    assert (equal.value, lost.value) == (1, 0)

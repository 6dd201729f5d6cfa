"""`undertone bench`: honest repeats, posts that are what they are said to be, an exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from stream.bench.figures import Bar, Figure, Part, alternate, as_json
from stream.bench.plan import chosen
from stream.bench.posts import Corpus, corpus
from stream.catalogue import Brand, Catalogue
from stream.cli import app
from stream.errors import UsageError
from stream.match import Matcher

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
    with pytest.raises(UsageError, match="bench speed: no such part; choose of stages"):
        chosen(["speed"])


def test_the_command_prints_every_stage() -> None:
    found = CliRunner().invoke(
        app, ["bench", "stages", "--size", "0.01", "--repeats", "2", "--json"]
    )
    assert found.exit_code == 0
    (part,) = json.loads(found.stdout)
    assert [figure["name"] for figure in part["figures"]] == ["decode", "match", "language", "row"]
    assert all(figure["minimum"] > 0 for figure in part["figures"])

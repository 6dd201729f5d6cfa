"""While a batch is stored the next is analysed: what the one is about to write is known to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stream.database import Client
from tests.chaos.hooks import Crashed, Faults, HookedStore, crash
from tests.stream.memory import MemoryStore
from tests.stream.test_convergence import NOON, TODAY, pipeline, record, stone


def test_what_is_about_to_be_written_is_neither_scored_nor_written_again() -> None:
    way = pipeline(MemoryStore())
    first = way.analyse(
        [record(7, "Acme, edited", TODAY, updated_at=NOON.isoformat()), stone(8, "2")]
    )
    second = way.analyse([record(6, "Acme", TODAY), record(5, "Bolt", TODAY, "2")])
    assert not second.analysed
    way.store(first)
    way.store(second)
    assert not way.analyse([record(4, "Acme", TODAY)]).analysed  # by now the database says so


def test_a_newer_version_follows_and_the_first_date_stays() -> None:
    store = MemoryStore()
    way = pipeline(store)
    first = way.analyse([record(1, "Acme", TODAY)])
    edit = record(2, "Bolt", TODAY + timedelta(minutes=9), updated_at=NOON.isoformat())
    second = way.analyse([edit])
    for found in (first, second):
        way.store(found)
    (row,) = store.final()
    assert (row["text"], row["created_at"]) == ("Bolt", TODAY)


def test_what_could_not_be_written_is_taken_up_when_it_comes_again(client: Client) -> None:
    """Else it would count as known, and be committed without a row."""
    faults = Faults()
    store = HookedStore(client, faults)
    way = pipeline(store)
    faults.arm("before_keys", crash)
    with pytest.raises(Crashed):
        way.process([record(1, "Acme", TODAY)])
    way.process([record(1, "Acme", TODAY)])
    assert client.query("SELECT count() FROM posts FINAL").result_rows == [(1,)]

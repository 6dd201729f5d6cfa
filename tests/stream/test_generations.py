"""Generations: given out in order, and never changed behind a running consumer's back."""

from __future__ import annotations

import pytest

from stream.database import Client
from stream.errors import StopService
from stream.generations import Analysis, activate, active, admit

FIRST = Analysis("model-a", "brands-a")
OTHER = Analysis("model-a", "brands-b")


def test_the_first_start_on_an_empty_table_gives_out_one(client: Client) -> None:
    assert active(client) is None
    assert admit(client, FIRST) == 1
    assert admit(client, FIRST) == 1
    assert active(client) == (1, FIRST)


def test_a_changed_catalogue_is_refused_until_it_is_activated(client: Client) -> None:
    admit(client, FIRST)
    with pytest.raises(StopService, match=r"brands\.yaml changed .*undertone activate"):
        admit(client, OTHER)
    assert activate(client, OTHER) == 2
    assert admit(client, OTHER) == 2
    with pytest.raises(StopService):  # the consumer that still has the old one
        admit(client, FIRST)


def test_activating_what_is_active_changes_nothing(client: Client) -> None:
    assert activate(client, FIRST) == activate(client, FIRST) == 1


def test_going_back_is_a_new_generation(client: Client) -> None:
    """Its rows must win over those of the generation between."""
    assert [activate(client, one) for one in (FIRST, OTHER, FIRST)] == [1, 2, 3]

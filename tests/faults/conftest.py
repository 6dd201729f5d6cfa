"""One broker and one database for all fault tests of a session that hit only consumers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Take yours `apart` from it."""
    with Cluster(tmp_path_factory.mktemp("shared")) as cluster:
        yield cluster

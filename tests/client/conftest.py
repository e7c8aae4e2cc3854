"""The journal served from a clone of its own, and real clients of it in Node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import UnavailableError, journal, node, unavailable
from harness.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Cluster, Tenants


@pytest.fixture(scope="session")
def client() -> node.Node:
    try:
        return node.find()
    except UnavailableError as reason:
        unavailable("node", reason)


@pytest.fixture
def devices(client: node.Node) -> Iterator[Clients]:
    with Clients(client) as devices:
        yield devices


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """A database with the registered journal; nobody may be connected to it."""
    database = cluster.clone()
    journal.install(database)
    database.close()
    return database.name


@pytest.fixture
def served(cluster: Cluster, template: str, tenants: Tenants) -> Iterator[journal.Served]:
    with cluster.database(template=template) as database, journal.Served(database, tenants).serve() as served:
        yield served

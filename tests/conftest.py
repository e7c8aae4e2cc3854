"""A throwaway cluster a process; for each test a transaction rolled back or a clone; pgTAP files as items."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness import Cluster, Database, Tenants, UnavailableError
from harness.pgtap import SqlFile, find
from syncwell.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLUSTER = pytest.StashKey[Cluster]()
_MOST_PROCESSES = 4


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: a process for each processor, none more for a few chosen tests: every one collects all and starts a
    server of its own.
    """
    chosen = config.option.keyword or config.option.markexpr or config.getoption("lf", False)
    if chosen or not all(Path(name).is_dir() for name in config.args):
        return 0
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _MOST_PROCESSES)


def started(config: pytest.Config) -> Cluster:
    """The cluster of this process, made when it is first needed: items that are no Python functions need it too."""
    if _CLUSTER not in config.stash:
        server = Server(settings={"max_connections": "200"}).start()
        config.add_cleanup(server.stop)
        with psycopg.connect(server.uri()) as connection:
            row = connection.execute("select setting from pg_config where name = 'SHAREDIR'").fetchone()
        assert row is not None
        pgtap: Path | UnavailableError
        try:
            pgtap = find(Path(row[0]))
        except UnavailableError as reason:
            pgtap = reason
        cluster = Cluster(server, pgtap)
        config.add_cleanup(cluster.close)
        config.stash[_CLUSTER] = cluster
    return config.stash[_CLUSTER]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.endswith(".test.sql"):
        return SqlFile.from_parent(parent, path=file_path, cluster=started)
    return None


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The server of this process: `cluster.database(template="template1")` is an empty database in it."""
    return started(pytestconfig)


@pytest.fixture(scope="session")
def server(cluster: Cluster) -> Server:
    return cluster.server


@pytest.fixture
def db(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's session in the shared database, in a transaction that is rolled back."""
    with psycopg.connect(cluster.shared.uri()) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A private copy of the template, for tests that commit, lock, listen or use several sessions."""
    with cluster.database() as database:
        yield database


@pytest.fixture(scope="session")
def tenants(cluster: Cluster) -> Tenants:  # noqa: ARG001 - the ids mean something only where the fixtures are loaded
    return Tenants()

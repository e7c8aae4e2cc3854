"""`pytest -p profiling.plugin`: plpgsql_check profiles every function in every database of the test clusters.

The profiles lie in the server's shared memory, so that no backend's is lost; a database's are read before it is
dropped, and added to a file of this process in the folder that SYNCWELL_PROFILES names.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from harness.cluster import Cluster
from syncwell.embedded import Server, find_bindir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Database

FOLDER = "SYNCWELL_PROFILES"
SETTINGS = {"shared_preload_libraries": "plpgsql_check", "plpgsql_check.profiler": "on"}
# The shared memory holds 15 000 pieces of 30 statements: it is emptied long before it is full.
_DATABASES_UNTIL_RESET = 10

# what takes anyelement cannot be compiled without a call
_EXECUTED = """
select p.proname::text || ' ' || md5(p.prosrc), s.stmtid, s.exec_stmts
from public.plpgsql_profiler_functions_all() as f
join pg_catalog.pg_proc as p on p.oid = f.funcoid
cross join lateral public.plpgsql_profiler_function_statements_tb(p.oid) as s
where p.pronamespace = 'syncwell'::regnamespace
  and not p.proargtypes::oid[] && array['anyelement'::regtype]::oid[]
  and s.exec_stmts > 0
"""

# not profiled itself; and a test that still holds the extension is not waited for
_OPTIONS = "-c plpgsql_check.profiler=off -c lock_timeout=2s"

# functions of the tests' own hide some of pg_catalog's there
_CRASHES = ("test_what_lies_in_the_search_path_of_a_device_serves_its_triggers_only",)

# function and hash of its body -> statement -> how often
_counts: dict[str, dict[int, int]] = {}
_read = 0


def _add(uri: str) -> None:
    """Add what the functions of one database have done."""
    with psycopg.connect(uri, autocommit=True, options=_OPTIONS) as connection:
        if connection.execute("select to_regnamespace('syncwell') is null").fetchone() == (True,):
            return
        connection.execute("set client_min_messages = error")
        connection.execute("create extension if not exists plpgsql_check schema public")
        for name, statement, times in connection.execute(_EXECUTED).fetchall():
            counts = _counts.setdefault(name, {})
            counts[statement] = counts.get(statement, 0) + times


def _add_all(server: Server) -> None:
    """Add what all databases of a cluster have done, and start again from nothing."""
    with psycopg.connect(server.uri(), autocommit=True) as connection:
        names = connection.execute("select datname from pg_database where datallowconn").fetchall()
        for (name,) in names:
            with contextlib.suppress(psycopg.Error):  # a test may drop or lock its database meanwhile
                _add(server.uri(name))
        connection.execute("create extension if not exists plpgsql_check schema public")
        connection.execute("select public.plpgsql_profiler_reset_all()")


_PROFILED = find_bindir()
_server_init = Server.__init__
_cluster_database = Cluster.database
_cluster_close = Cluster.close


def _profiling_server(self: Server, **options: Any) -> None:
    _server_init(self, **options)
    if self.bindir == _PROFILED:  # a test may choose another one, which has no profiler
        self._settings = SETTINGS | self._settings


@contextlib.contextmanager
def _profiled_database(self: Cluster, **options: Any) -> Iterator[Database]:
    global _read
    with _cluster_database(self, **options) as database:
        try:
            yield database
        finally:
            # a table that a test still has locked would be waited for, and the profiler listens to nobody then
            database.close()
            _read += 1
            with contextlib.suppress(psycopg.Error):
                if _read % _DATABASES_UNTIL_RESET == 0:
                    _add_all(self.server)
                else:
                    _add(database.uri())


def _profiled_close(self: Cluster) -> None:
    with contextlib.suppress(psycopg.Error):
        _add_all(self.server)
    _cluster_close(self)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what the profiler itself does not survive: the server would end, and with it the tests after it."""
    for item in items:
        if isinstance(item, pytest.Function) and item.originalname in _CRASHES:
            item.add_marker(pytest.mark.skip(reason="plpgsql_check's profiler brings the server down here"))


def pytest_configure() -> None:
    """Put the profiler around the harness."""
    Server.__init__ = _profiling_server  # type: ignore[method-assign]
    Cluster.database = _profiled_database  # type: ignore[method-assign]
    Cluster.close = _profiled_close  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    """Keep the counts; the clusters that the configuration holds are closed after this one."""
    atexit.register(_write)


def _write() -> None:
    folder = Path(os.environ[FOLDER])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{os.getpid()}.json").write_text(json.dumps(_counts))

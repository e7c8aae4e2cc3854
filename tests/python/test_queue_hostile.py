"""Bad input to the queue: each refusal has its SQLSTATE and leaves every table as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

if TYPE_CHECKING:
    from harness import Database

NOBODYS = UUID(int=7)
ROWS = """
select
  (select count(*) from syncwell.sync_queue), (select count(*) from syncwell.sync_queue_archive),
  (select count(*) from syncwell.queue_dependencies), (select count(*) from syncwell.client_queues),
  (select count(*) from syncwell.rate_limits)
"""
TEN_MIB = json.dumps({"text": "x" * (10 * 2**20)})

CASES: list[tuple[str, str, list[Any]]] = [
    ("SW403", "enqueue_operation('a', %s)", [TEN_MIB]),
    ("22P02", "enqueue_operation('a', %s)", ["{not json"]),
    ("22P05", "enqueue_operation('a', %s)", ['{"text": "\\u0000"}']),
    ("22023", "enqueue_operation('')", []),
    ("22023", "enqueue_operation(null)", []),
    ("22023", "enqueue_operation(%s)", ["x" * 101]),
    ("22023", "enqueue_operation('a', p_mode => 'often')", []),
    ("22023", "enqueue_operation('a', p_mode => null)", []),
    ("22023", "enqueue_operation('a', p_mode => 'replace')", []),
    ("22023", "enqueue_operation('a', '[1]', p_mode => 'merge', p_dedup_key => 'k')", []),
    ("22023", "enqueue_operation('a', p_priority => 10)", []),
    ("22023", "enqueue_operation('a', p_priority => -1)", []),
    ("22023", "enqueue_operation('a', p_priority => 70000)", []),
    ("22023", "enqueue_operation('a', p_priority => null)", []),
    ("22023", "enqueue_operation('a', p_run_at => 'infinity')", []),
    ("22023", "enqueue_operation('a', p_run_at => '0001-01-01')", []),
    ("22023", "enqueue_operation('a', p_run_at => '9999-01-01')", []),
    ("22023", "enqueue_operation('a', p_max_attempts => 0)", []),
    ("22023", "enqueue_operation('a', p_source => 'no such ''); drop table x')", []),
    ("22023", "enqueue_operation('a', p_dedup_key => '')", []),
    ("22023", "enqueue_operation('a', p_ordering_key => %s)", ["x" * 501]),
    ("22023", "enqueue_operation('a', p_platform => 'toaster')", []),
    ("22023", "enqueue_operation('a', p_device_id => %s)", ["x" * 256]),
    ("22023", "enqueue_operation('a', p_depends_on => array_fill(%s::uuid, array[101]))", [NOBODYS]),
    ("SW401", "enqueue_operation('a', p_depends_on => array[%s::uuid])", [NOBODYS]),
    ("SW002", "enqueue_operation('a', p_user_id => %s)", [NOBODYS]),
    ("22023", "enqueue_operations('{}')", []),
    ("22023", "enqueue_operations(%s)", [json.dumps([{}] * 10001)]),
    ("22004", "enqueue_operations(null)", []),
    ("22023", "claim_operations(0)", []),
    ("22023", "claim_operations(-1)", []),
    ("22023", "claim_operations(1001)", []),
    ("22004", "claim_operations(null)", []),
    ("22023", "claim_operations(1, '-1 hour')", []),
    ("22023", "claim_operations(1, '2 days')", []),
    ("22004", "claim_operations(1, null)", []),
    ("22001", "claim_operations(1, '1 minute', null, %s)", ["x" * 201]),
    ("22004", "complete_operations(null, %s)", [NOBODYS]),
    ("22004", "complete_operations(array[null]::uuid[], %s)", [NOBODYS]),
    ("22023", "complete_operations(array_fill(%s::uuid, array[1001]), %s)", [NOBODYS, NOBODYS]),
    ("SW401", "fail_operation(%s, %s)", [NOBODYS, NOBODYS]),
    ("22004", "fail_operation(null, %s)", [NOBODYS]),
    ("22023", "extend_lease(array[%s::uuid], %s, '-1 hour')", [NOBODYS, NOBODYS]),
    ("22023", "extend_lease(array[%s::uuid], %s, null)", [NOBODYS, NOBODYS]),
    ("22023", "requeue_dead(p_limit => 0)", []),
    ("22023", "get_operations('done')", []),
    ("22023", "get_operations(p_limit => 1001)", []),
    ("SW002", "get_operations(p_user_id => %s)", [NOBODYS]),
    ("SW002", "get_queue_health_metrics(%s)", [NOBODYS]),
    ("22023", "try_acquire('')", []),
    ("22004", "try_acquire(null)", []),
    ("22023", "try_acquire('api', 0)", []),
    ("22023", "try_acquire('api', 'NaN')", []),
    ("22023", "try_acquire('api', 'Infinity')", []),
    ("22023", "report_client_queue('d', -1, p_user_id => test.id('a_member'))", []),
    ("22004", "report_client_queue(null, 1, p_user_id => test.id('a_member'))", []),
    ("22004", "report_client_queue('d', 1)", []),
    ("22023", "report_client_queue('d', 1, '9999-01-01', p_user_id => test.id('a_member'))", []),
    ("22023", "report_client_queue('d', 1, p_reported_at => '0001-01-01', p_user_id => test.id('a_member'))", []),
]


@pytest.fixture(scope="module")
def service(cluster: Any) -> Any:
    with cluster.database() as database:
        yield database.connect("a_service", autocommit=True), database.connect(autocommit=True)


@pytest.mark.parametrize(("sqlstate", "call", "arguments"), CASES, ids=[f"{case[0]} {case[1][:60]}" for case in CASES])
def test_refused_and_nothing_written(
    service: tuple[psycopg.Connection[Any], psycopg.Connection[Any]], sqlstate: str, call: str, arguments: list[Any]
) -> None:
    connection, admin = service
    before = admin.execute(ROWS).fetchone()
    with pytest.raises(psycopg.Error) as refused:
        connection.execute(f"select * from syncwell.{call}", arguments)
    assert refused.value.sqlstate == sqlstate
    if not sqlstate.startswith("22P"):
        assert refused.value.diag.message_detail
        assert refused.value.diag.message_hint
    assert admin.execute(ROWS).fetchone() == before


def test_the_largest_batch_is_taken(service: tuple[psycopg.Connection[Any], psycopg.Connection[Any]]) -> None:
    """One more is refused above; what each of these lacks is told in its own row."""
    rows = service[0].execute("select error_code from syncwell.enqueue_operations(%s)", [json.dumps([{}] * 10000)])
    assert [code for (code,) in rows] == ["22023"] * 10000


def test_nobody_and_analysts_get_what_their_roles_say(database: Database) -> None:
    with pytest.raises(psycopg.Error) as refused:
        database.connect("nobody_login", autocommit=True).execute("select * from syncwell.claim_operations()")
    assert refused.value.sqlstate == "SW001"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.connect("jwt", autocommit=True).execute("select * from syncwell.claim_operations()")

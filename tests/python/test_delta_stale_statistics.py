"""A table that was emptied and filled again since it was analysed: the planner takes it for empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.synced import create, register

if TYPE_CHECKING:
    import psycopg

    from harness import Database

RECORDS = 1_000
FILL = "insert into public.tasks select i, test.id('a_member') from generate_series(1, %s) as i"
READ = """
select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relid = 'syncwell.record_changes'::regclass
"""


@pytest.fixture
def owner(database: Database) -> psycopg.Connection[Any]:
    """As many changes as there are records, of which the statistics know nothing."""
    owner = database.connect()
    create(owner, "tasks", "(id bigint primary key, user_id uuid)")
    register(owner, "tasks", scope_column="user_id")
    owner.execute("alter table syncwell.record_changes set (autovacuum_enabled = false)")
    owner.execute(FILL, [RECORDS])
    owner.commit()
    owner.execute("delete from public.tasks")
    owner.execute("delete from syncwell.record_changes")
    owner.execute("analyze syncwell.record_changes")
    owner.execute(FILL, [RECORDS])
    owner.commit()
    return owner


def read_by(owner: psycopg.Connection[Any], statement: str) -> int:
    """How many rows of the changes it reads, dead ones left out."""
    before = owner.execute(READ).fetchone()
    owner.execute(statement.encode())
    after = owner.execute(READ).fetchone()
    assert before is not None
    assert after is not None
    return int(after[0] - before[0])


@pytest.mark.parametrize("statement", ["truncate public.tasks", "select syncwell.resync_table('tasks')"])
def test_a_reset_reads_each_change_a_few_times(owner: psycopg.Connection[Any], statement: str) -> None:
    assert read_by(owner, statement) <= 4 * RECORDS
    assert owner.execute("select count(*) from syncwell.record_changes").fetchone() == (0,)


def test_control_a_nested_loop_reads_all_for_each(owner: psycopg.Connection[Any]) -> None:
    owner.execute("alter function syncwell._reset_table(integer) reset enable_nestloop")
    assert read_by(owner, "truncate public.tasks") > 100 * RECORDS

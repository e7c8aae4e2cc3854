"""What previews cost: a hit reads one row however many there are, a list its newest, a delta grows with its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg

    from harness import Database, Tenants

ENTRIES = """
insert into syncwell.sync_preview_cache (
  org_id, sync_type, delta_json, computed_at, created_at, updated_at, expires_at, cache_key,
  new_count, updated_count, deleted_count, bytes
)
select
  %(org)s, 'odoo', '{"new": [], "updated": [], "deleted": []}', t.at, t.at, t.at, t.at + interval '1 hour',
  'odoo:' || syncwell.preview_cache_key(to_jsonb(n)), 0, 0, 0, 42
from generate_series(%(first)s::integer, %(last)s::integer) as n
cross join lateral (select now() - n * interval '30 milliseconds' as at) as t
"""
HITS = (
    "select * from syncwell.get_preview('odoo:' || syncwell.preview_cache_key('77'))",
    "select * from syncwell.get_or_compute_preview('odoo', '[]', '[]', '77')",
    "select * from syncwell.claim_preview('odoo', '77')",
    "select * from syncwell.get_previews()",
)


def buffers(connection: psycopg.Connection[Any], question: str) -> int:
    """Shared buffers that one call touches, once the session's caches are warm."""
    for _ in range(2):
        assert connection.execute(question.encode()).fetchall()
    row = connection.execute(f"explain (analyze, buffers, timing off, format json) {question}".encode()).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.fixture
def admin(database: Database) -> psycopg.Connection[Any]:
    return database.connect(autocommit=True)


def test_a_hit_reads_one_row_of_100_000(database: Database, tenants: Tenants, admin: psycopg.Connection[Any]) -> None:
    # what the rows are like is given: triggers would look at each
    admin.execute("alter table syncwell.sync_preview_cache disable trigger user")
    member = database.connect("a_member", autocommit=True)
    counted = []
    for first, last in ((1, 1_000), (1_001, 100_000)):
        admin.execute(ENTRIES.encode(), {"org": tenants.org("a"), "first": first, "last": last})
        admin.execute("vacuum analyze syncwell.sync_preview_cache")
        counted.append([buffers(member, question) for question in HITS])
    few, many = counted
    # a level more of the index, in each of its looks
    assert [more - fewer <= 4 for fewer, more in zip(few, many, strict=True)] == [True] * 4, counted
    assert max(many) <= 30, counted


def test_the_clean_up_finds_what_has_expired_by_an_index(
    tenants: Tenants, database: Database, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("alter table syncwell.sync_preview_cache disable trigger user")
    admin.execute(ENTRIES.encode(), {"org": tenants.org("a"), "first": 1, "last": 50_000})
    admin.execute("vacuum analyze syncwell.sync_preview_cache")
    operator = database.connect("operator", autocommit=True)
    assert buffers(operator, "select * from syncwell.auto_cleanup_preview_cache()") <= 40

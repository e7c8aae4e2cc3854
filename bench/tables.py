"""Bare copies of tables, and facts by the million."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from bench.harness import TENANT


def bare_copy(connection: psycopg.Connection[Any], name: str) -> None:
    """Make bench.<name> like syncwell.<name>, without its triggers and policies.

    Columns, defaults, checks, indexes, foreign keys and storage are the same; it is one plain table, even of a table in
    partitions.
    """
    source, target = sql.Identifier("syncwell", name), sql.Identifier("bench", name)
    connection.execute("create schema if not exists bench")
    connection.execute("grant usage on schema bench to public")
    connection.execute(sql.SQL("create table {} (like {} including all)").format(target, source))
    connection.execute(sql.SQL("grant all on {} to public").format(target))
    for (constraint,) in connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'f'",
        [f"syncwell.{name}"],
    ).fetchall():
        connection.execute(sql.SQL("alter table {} add {}").format(target, sql.SQL(constraint)))
    row = connection.execute(
        "select array_to_string(reloptions, ', ') from pg_class where oid = %s::regclass", [f"syncwell.{name}"]
    ).fetchone()
    if row and row[0]:
        connection.execute(sql.SQL("alter table {} set ({})").format(target, sql.SQL(row[0])))


def streams(connection: psycopg.Connection[Any], user: Any, sources: int) -> list[Any]:
    """Make that many streams of a user (NULL: of the org), each expected to succeed once a day; returns their ids."""
    ids = [
        row[0]
        for number in range(sources)
        for row in connection.execute(
            "select syncwell._ensure_stream(%s, %s, %s, 'server')", [TENANT.org, user, f"source-{number}"]
        ).fetchall()
    ]
    connection.execute("update syncwell.streams set expected_interval = '1 day', registered_at = created_at")
    return ids


def finished_runs(connection: psycopg.Connection[Any], user: Any, stream_ids: list[Any], runs: int) -> None:
    """Write that many finished runs over the last 60 days, one in 101 failed, and the state that they lead to."""
    with connection.transaction():
        # partitions of the months that the runs fall into
        connection.execute("select set_config('syncwell.fake_now', (now() - interval '62 days')::text, true)")
        connection.execute("select syncwell.ensure_partitions('sync_events')")
        connection.execute("select set_config('syncwell.fake_now', '', true)")
    connection.execute(
        """
        insert into syncwell.sync_events (
          org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms,
          items_processed, items_created, items_failed, error_type, platform, lease
        )
        select
          s.org_id, syncwell._uuid7(r.at), s.stream_id, s.user_id, s.source, 'incremental',
          case when r.failed then 'failed' else 'success' end, r.at, r.at + interval '2 s', 2000,
          100, 10, 0, case when r.failed then 'HTTP_503' end, 'server', gen_random_uuid()
        from (
          select n, now() - interval '60 days' * (%(runs)s - n + 1) / (%(runs)s + 1.0) as at, n %% 101 = 0 as failed
          from generate_series(1, %(runs)s) as n
        ) as r
        join syncwell.streams as s
          on s.org_id = %(org)s and s.stream_id = (%(streams)s::uuid[])[1 + r.n %% cardinality(%(streams)s::uuid[])]
        """,
        {"runs": runs, "org": TENANT.org, "streams": stream_ids},
    )
    connection.execute(
        """
        update syncwell.sync_state as t
        set
          last_incremental_sync = e.last_success, last_successful_sync = e.last_success,
          last_failed_sync = e.last_failure, last_status = e.last_status, last_run_at = e.last_end,
          last_duration_ms = 2000, health_check_at = e.last_end, total_runs = e.runs, items_in_database = 10 * e.runs,
          consecutive_failures = (e.last_status = 'failed')::integer, recent_outcomes = e.outcomes::varbit
        from (
          select
            stream_id,
            count(*) as runs,
            max(completed_at) as last_end,
            max(completed_at) filter (where status = 'success') as last_success,
            max(completed_at) filter (where status = 'failed') as last_failure,
            (array_agg(status order by id desc))[1] as last_status,
            right(string_agg((status = 'success')::integer::text, '' order by id), 20) as outcomes
          from syncwell.sync_events
          where org_id = %(org)s and user_id = %(user)s
          group by stream_id
        ) as e
        where t.org_id = %(org)s and t.stream_id = e.stream_id
        """,
        {"org": TENANT.org, "user": user},
    )


def progress(connection: psycopg.Connection[Any], *, finished: int, active: int) -> None:
    """Write finished syncs of the last 25 days, and active ones named sync-1 and on that have far to go.

    One of each is written as users do and copied past the triggers: a million starts would queue a million
    notifications.
    """
    with connection.transaction():
        connection.execute(
            """
            insert into syncwell.sync_progress (
              org_id, sync_id, entity_type, total_items, processed_count, source_system
            )
            select %(org)s, v.name, 'order', v.items, 100, 'shop'
            from (values ('sync-1', 1000000000, %(active)s), ('done-1', 100, %(finished)s)) as v (name, items, wanted)
            where v.wanted > 0
            """,
            {"org": TENANT.org, "finished": finished, "active": active},
        )
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            """
            insert into syncwell.sync_progress
            select c.*
            from (
              select 'sync-1' as model, 'sync-' || n as name, now() as at from generate_series(2, %(active)s) as n
              union all
              select 'done-1', 'done-' || n, now() - interval '25 days' * n / (%(finished)s + 1.0)
              from generate_series(2, %(finished)s) as n
            ) as s
            join syncwell.sync_progress as p on p.org_id = %(org)s and p.sync_id = s.model
            cross join lateral jsonb_populate_record(
              p,
              jsonb_build_object('id', gen_random_uuid(), 'sync_id', s.name, 'started_at', s.at, 'updated_at', s.at)
              || case when p.completed_at is null then '{}' else jsonb_build_object('completed_at', s.at) end
            ) as c
            """,
            {"org": TENANT.org, "finished": finished, "active": active},
        )


def settle(connection: psycopg.Connection[Any]) -> None:
    """What autovacuum would do sooner or later, now: it shall not start within a measurement."""
    connection.execute("vacuum (analyze)")
    connection.execute("checkpoint")

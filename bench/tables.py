"""Bare copies of tables, and facts by the million."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from bench.harness import TENANT

_AT_ONCE = 500_000

# of the thousand users of activity(): one of each kind, and a sync
ACTIVITY_USERS = {
    "common": str(TENANT.member),
    "rare": str(TENANT.other),
    "long ago": str(TENANT.third),
}
ACTIVITY_SYNC = "sync-7"


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


@contextlib.contextmanager
def _unlogged(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Runs leave nothing in the activity log for this block."""
    connection.execute("insert into syncwell.settings (key, value) values ('activity.log_runs', 'off')")
    try:
        yield
    finally:
        connection.execute("delete from syncwell.settings where key = 'activity.log_runs'")


def finished_runs(connection: psycopg.Connection[Any], stream_ids: list[Any], runs: int) -> None:
    """Write that many finished runs over the last 90 days, one in 101 failed, and the state that they lead to."""
    with connection.transaction():
        # partitions of the months that the runs fall into
        connection.execute("select set_config('syncwell.fake_now', (now() - interval '92 days')::text, true)")
        connection.execute("select syncwell.ensure_partitions('sync_events', 4)")
        connection.execute("select set_config('syncwell.fake_now', '', true)")
    with _unlogged(connection):
        for first in range(1, runs + 1, _AT_ONCE):
            connection.execute(
                """
                insert into syncwell.sync_events (
                  org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms,
                  items_processed, items_created, items_failed, error_type, platform, lease
                )
                select
                  s.org_id, syncwell._uuid7(r.at), s.stream_id, s.user_id, s.source, 'incremental',
                  case when r.failed then 'failed' else 'success' end, r.at, r.at + interval '1 ms' * r.took, r.took,
                  100, 10, 0, case when r.failed then 'HTTP_503' end, 'server', gen_random_uuid()
                from (
                  select
                    n,
                    now() - interval '90 days' * (%(runs)s - n + 1) / (%(runs)s + 1.0) as at,
                    n %% 101 = 0 as failed,
                    (500 * exp((n * 7919 %% 1000) / 400.0))::bigint as took
                  from generate_series(%(first)s::bigint, %(last)s::bigint) as n
                ) as r
                join syncwell.streams as s
                  on s.org_id = %(org)s
                  and s.stream_id = (%(streams)s::uuid[])[1 + r.n %% cardinality(%(streams)s::uuid[])]
                """,
                {
                    "runs": runs,
                    "first": first,
                    "last": min(runs, first + _AT_ONCE - 1),
                    "org": TENANT.org,
                    "streams": stream_ids,
                },
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
            k.stream_id,
            count(*) as runs,
            max(e.completed_at) as last_end,
            max(e.completed_at) filter (where e.status = 'success') as last_success,
            max(e.completed_at) filter (where e.status = 'failed') as last_failure,
            (
              select r.status from syncwell.sync_events as r
              where r.org_id = %(org)s and r.stream_id = k.stream_id
              order by r.id desc
              limit 1
            ) as last_status,
            (
              select string_agg((r.status = 'success')::integer::text, '' order by r.id)
              from (
                select r.id, r.status from syncwell.sync_events as r
                where r.org_id = %(org)s and r.stream_id = k.stream_id
                order by r.id desc
                limit 20
              ) as r
            ) as outcomes
          from unnest(%(streams)s::uuid[]) as k (stream_id)
          join syncwell.sync_events as e on e.org_id = %(org)s and e.stream_id = k.stream_id
          group by k.stream_id
        ) as e
        where t.org_id = %(org)s and t.stream_id = e.stream_id
        """,
        {"org": TENANT.org, "streams": stream_ids},
    )


def states(connection: psycopg.Connection[Any]) -> None:
    """Write what evaluations of the last 90 days left of every stream, twelve changes a day, and that one was now."""
    connection.execute(
        """
        insert into syncwell.stream_states (
          org_id, stream_id, user_id, source, status, since, recent_states, evaluated_at, seen_run_at, learned_at,
          learned_interval, usual_duration_ms, usual_runs, drift_percent, drift_severity, queue_depth, queue_oldest_at,
          queue_reported_at
        )
        select
          s.org_id, s.stream_id, s.user_id, s.source, 'healthy', now() - interval '2 hours', b'000000000000000000000',
          now(), now(), now(), '20 minutes', 5000, 1000, 3.2, 'none', 2, now() - interval '1 minute', now()
        from syncwell.streams as s
        """
    )
    connection.execute(
        """
        insert into syncwell.stream_periods (org_id, stream_id, starts_at, ends_at, user_id, source, status, score)
        select
          s.org_id, s.stream_id, now() - n * interval '2 hours',
          case when n > 1 then now() - (n - 1) * interval '2 hours' end, s.user_id, s.source,
          case when n % 2 = 1 then 'healthy' else (array['late', 'degraded', 'unhealthy'])[1 + n / 2 % 3] end,
          case when n % 2 = 1 then 100 else 60 end
        from syncwell.streams as s
        cross join generate_series(1, 90 * 12) as n
        """
    )
    connection.execute(
        "insert into syncwell.health_evaluations (org_id, evaluated_at) values (%s, now())", [TENANT.org]
    )


def counted(connection: psycopg.Connection[Any]) -> None:
    """Count what was written into hours, days and weeks."""
    for table in ("sync_metrics_dirty", "sync_events"):
        connection.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier("syncwell", table)))
    while connection.execute("select syncwell.refresh_sync_metrics(1000)").fetchone() != (0,):
        pass


def fleet(connection: psycopg.Connection[Any], users: int) -> None:
    """Make that many users, each with a stream of one of three sources that ran ten times in the last two days.

    Of a thousand 960 are well; ten each fail, are stale, have an old queue, and have a run that hangs. What is usual
    for them was learned.
    """
    connection.execute(
        """
        with users as (
          insert into syncwell.users (org_id, user_id, role)
          select %(org)s, gen_random_uuid(), 'member' from generate_series(1, %(users)s)
          returning org_id, user_id
        ),
        numbered as (
          select u.org_id, u.user_id, row_number() over () as n from users as u
        )
        insert into syncwell.streams (org_id, user_id, source, platform, expected_interval, registered_at)
        select
          u.org_id, u.user_id, (array['calls', 'sms', 'uploads'])[1 + n %% 3],
          case n %% 2 when 0 then 'android' else 'ios' end, '1 day', now() - interval '30 days'
        from numbered as u
        """,
        {"org": TENANT.org, "users": users},
    )
    connection.execute(
        """
        create temporary table fleet as
        select s.*, row_number() over (order by s.stream_id) %% 100 as kind
        from syncwell.streams as s
        where s.org_id = %s and s.source in ('calls', 'sms', 'uploads')
        """,
        [TENANT.org],
    )
    with _unlogged(connection):
        connection.execute(
            """
            insert into syncwell.sync_events (
              org_id, id, stream_id, user_id, source, sync_type, status, started_at, completed_at, duration_ms,
              items_processed, platform, lease, heartbeat_at
            )
            select
              f.org_id, syncwell._uuid7(t.at), f.stream_id, f.user_id, f.source, 'incremental', r.status, t.at,
              case when r.status <> 'started' then t.at + interval '2 s' end,
              case when r.status <> 'started' then 2000 end,
              20, f.platform, gen_random_uuid(), t.at + interval '1 s'
            from fleet as f
            cross join generate_series(1, 10) as n
            cross join lateral (
              select
                now() - (n * interval '4 hours') - case when f.kind = 2 then interval '5 days' else '0 s' end as at
            ) as t
            cross join lateral (
              select
                case
                  when f.kind = 1 and n <= 4 then 'failed'
                  when f.kind = 4 and n = 1 then 'started'
                  else 'success'
                end as status
            ) as r
            """
        )
    connection.execute(
        """
        insert into syncwell.sync_state (
          org_id, stream_id, user_id, last_incremental_sync, last_successful_sync, last_failed_sync, last_status,
          last_run_at, last_duration_ms, consecutive_failures, is_healthy, health_check_at, expected_interval,
          next_sync_at, recent_outcomes, total_runs
        )
        select
          f.org_id, f.stream_id, f.user_id, e.last_success, e.last_success, e.last_failure,
          case f.kind when 1 then 'failed' else 'success' end, e.last_end, 2000, case f.kind when 1 then 4 else 0 end,
          f.kind <> 1, e.last_end, f.expected_interval, e.last_end + f.expected_interval,
          case f.kind when 1 then b'11111111111111110000' else b'11111111111111111111' end, 500
        from fleet as f
        join (
          select
            r.stream_id,
            max(r.completed_at) as last_end,
            max(r.completed_at) filter (where r.status = 'success') as last_success,
            max(r.completed_at) filter (where r.status = 'failed') as last_failure
          from syncwell.sync_events as r
          group by r.stream_id
        ) as e on e.stream_id = f.stream_id
        """
    )
    connection.execute(
        """
        insert into syncwell.stream_states (
          org_id, stream_id, user_id, source, learned_at, learned_interval, usual_duration_ms, usual_runs,
          drift_percent, drift_severity, queue_depth, queue_oldest_at, queue_reported_at
        )
        select
          f.org_id, f.stream_id, f.user_id, f.source, now(), '4 hours', 3000, 500, 1.5, 'none',
          case f.kind when 3 then 40 else 0 end, case f.kind when 3 then now() - interval '3 hours' end, now()
        from fleet as f
        """
    )
    connection.execute(
        """
        insert into syncwell.sync_health (
          org_id, stream_id, device_id, user_id, source, platform, sync_duration_ms, record_count, queue_depth,
          oldest_pending_at, reported_at, received_at
        )
        select
          t.org_id, t.stream_id, 'phone', t.user_id, t.source, f.platform, 2000, 20, t.queue_depth, t.queue_oldest_at,
          now(), now()
        from syncwell.stream_states as t
        join fleet as f on f.stream_id = t.stream_id
        """
    )
    connection.execute("drop table fleet")


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


def activity(connection: psycopg.Connection[Any], entries: int) -> None:
    """Write that many entries of the activity log, evenly over this month, as runs of a thousand users leave them.

    One user has a tenth of all, one has three, one has as many as the others but none after the first tenth of the
    month. So it is with entity types (order; attribute; supplier), actions and statuses.
    """
    for first in range(1, entries + 1, _AT_ONCE):
        connection.execute(
            """
            insert into syncwell.sync_activity_log (
              org_id, created_at, user_id, record_count, duration_seconds, sync_id, action, status, entity_type,
              error_message
            )
            select
              %(org)s, r.at,
              case
                when r.rare then %(rare)s
                when r.n %% 20 in (0, 1) then %(common)s
                when r.early and r.n %% 100 in (3, 4) then %(early)s
                else ('00000000-0000-4000-8000-' || lpad((hashint8(r.n / 2) & 1023)::text, 12, '0'))::uuid
              end,
              case when r.ends then r.n %% 1000 end,
              case when r.ends then (r.n %% 90000) / 1000.0 end,
              case when r.n %% 50 < 5 then 'sync-' || r.n / 50 else syncwell._uuid7_floor(r.at)::text end,
              case
                when r.rare then 'preview_delta'
                when r.early and r.n %% 20 = 2 then 'error_recovery'
                when r.ends then 'sync_complete'
                when r.n %% 6 = 0 then 'scheduled_run'
                else 'sync_start'
              end,
              case
                when r.rare then 'cancelled'
                when not r.ends then 'in_progress'
                when r.early and r.n %% 20 = 5 then 'timeout'
                when r.n %% 60 = 7 then 'failed'
                else 'completed'
              end,
              case
                when r.rare then 'attribute'
                when r.early and r.n %% 20 = 7 then 'supplier'
                when r.n %% 4 = 1 then 'order'
              end,
              case when r.ends and r.n %% 60 = 7 then 'connection refused (ECONNREFUSED) by api.example.test' end
            from (
              select
                n,
                n %% 2 = 1 as ends,
                n <= %(entries)s / 10 as early,
                n in (11, %(entries)s / 3, %(entries)s / 2) as rare,
                date_trunc('month', now(), 'UTC') + n * interval '27 days' / %(entries)s as at
              from generate_series(%(first)s::bigint, %(last)s::bigint) as n
            ) as r
            """,
            {
                "org": TENANT.org,
                "entries": entries,
                "first": first,
                "last": min(entries, first + _AT_ONCE - 1),
                "common": TENANT.member,
                "rare": TENANT.other,
                "early": TENANT.third,
            },
        )


def settle(connection: psycopg.Connection[Any]) -> None:
    """What autovacuum would do sooner or later, now: it shall not start within a measurement."""
    connection.execute("vacuum (analyze)")
    connection.execute("checkpoint")

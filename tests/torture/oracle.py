"""What has to hold after every round, whatever the load was: nothing is made up of anything but its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torture.world import World

# each counts rows that are not what a recomputation gives
_RECOMPUTED = {
    "hours of runs": """
        with runs as (
          select org_id, stream_id, date_trunc('hour', started_at, 'UTC') as period_start, count(*) as total,
            count(*) filter (where status in ('success', 'partial')) as successful,
            count(*) filter (where status in ('failed', 'timeout')) as failed, sum(items_processed) as items
          from syncwell.sync_events group by 1, 2, 3
        )
        select count(*) from runs
        full join (select * from syncwell.sync_metrics where period = 'hour') as m
          using (org_id, stream_id, period_start)
        where (runs.total, runs.successful, runs.failed, runs.items)
          is distinct from (m.total, m.successful, m.failed, m.items)
    """,
    "days of runs": """
        select count(*) from (
          select org_id, stream_id, period, sum(total) as total from syncwell.sync_metrics group by 1, 2, 3
        ) as m
        where total <> (
          select sum(h.total) from syncwell.sync_metrics as h
          where h.org_id = m.org_id and h.stream_id = m.stream_id and h.period = 'hour'
        )
    """,
    "runs of streams": """
        select count(*) from syncwell.sync_state as s
        where s.total_runs <> (
          select count(*) from syncwell.sync_events as e
          where e.org_id = s.org_id and e.stream_id = s.stream_id and e.status not in ('started', 'cancelled')
        )
    """,
    "hours of events": """
        with counted as (
          select stream_id, date_trunc('hour', occurred_at, 'UTC') as hour, count(*) as events
          from syncwell.data_events group by 1, 2
        )
        select count(*) from counted as c full join syncwell.event_hours as h using (stream_id, hour)
        where c.events is distinct from h.events
    """,
    "keys of events": """
        select count(*) from syncwell.data_events as e
        full join syncwell.data_event_keys as k using (org_id, id, occurred_at)
        where e.org_id is null or k.org_id is null
    """,
    "counts of sessions": """
        select count(*) from syncwell.session_counts as c
        where (c.records, c.spo2_sum, c.spo2_min) is distinct from (
          select (count(*), sum(r.spo2::numeric), min(r.spo2)) from syncwell.session_records as r
          where r.session_id = c.session_id and r.kind = c.kind
        )
    """,
}


def wrong_sums(world: World) -> list[str]:
    """Rollups, once refreshed, equal recomputation."""
    while world.ask("select syncwell.refresh_sync_metrics()") != [0]:
        pass
    found = {what: world.ask(query)[0] for what, query in _RECOMPUTED.items()}
    return [f"{what}: {count} differ from a recount" for what, count in found.items() if count]


def wrong_installation(world: World) -> list[str]:
    """What verify_install() complains of, once maintenance has done what is due."""
    with world.direct("operator") as operator:
        operator.execute("call syncwell.run_maintenance()")
    # a load may bind the superuser, which no installation should
    rows = world.ask(
        "select check_name, severity, subject, detail from syncwell.verify_install()"
        " where severity <> 'ok' and subject <> 'login postgres'"
    )
    return [f"verify_install(): {row}" for row in rows]

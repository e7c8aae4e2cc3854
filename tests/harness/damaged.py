"""Sessions as an app left them whose local ids were not found when readings arrived.

Every session exists twice: one has the readings, the other was completed. 84 % of the surveys came for a session that
nobody started. Beside them stand sessions that are as they should be, and some that only look like one: repairing must
leave those alone. Rows are written as such an app's functions would have left them, not by ours, which refuse to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uuid

    import psycopg

# What a merge may change, and reverting it must put back. Order and text tell every bit.
TABLES = (
    "sync_sessions",
    "session_records",
    "session_counts",
    "local_ids",
    "data_events",
    "data_event_keys",
    "event_hours",
)

MAKE = """
create temp table made on commit drop as
select
  n, u.user_id, r.role, r.spelling, t.at + r.late as started_at, t.at,
  md5(format('%%s %%s %%s session', %(seed)s, n, r.role))::uuid as session_id,
  case r.spelling
    when 'own' then format('IHHT_%%s_%%s', extract(epoch from t.at)::bigint, left(md5(n::text), 4))
    when 'other' then format('ihht-%%s-%%s', extract(epoch from t.at)::bigint, upper(left(md5(n::text), 4)))
    else format('%%s_%%s', r.spelling, left(md5(format('%%s %%s', n, r.role)), 12))
  end as local_id
from generate_series(0, %(sessions)s - 1) as n
cross join lateral (
  select user_id from unnest(%(users)s::uuid[]) with ordinality as x (user_id, place) where place - 1 = n %% %(count)s
) as u
cross join lateral (
  select %(start)s::timestamptz + n / %(count)s * interval '6 hours' + n %% %(count)s * interval '7 minutes' as at
) as t
cross join lateral (
  values
    ('readings', 'own', interval '0'),
    ('completion', case when n %% 2 = 0 then 'other' else 'web' end, interval '12 seconds'),
    ('surveys', case when n %% 3 = 0 then 'other!' else 'lost' end, interval '0')
) as r (role, spelling, late);
delete from made where role = 'surveys' and n %% 25 < 4;
-- a third spelling of the name
update made as m set local_id = upper(replace(o.local_id, '_', ' '))
from made as o where m.spelling = 'other!' and o.n = m.n and o.role = 'readings';
insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
select %(org)s, user_id, 'session', local_id, session_id, started_at from made;
insert into syncwell.sync_sessions (
  org_id, session_id, user_id, local_id, source, status, sync_status, sync_attempts, last_sync_at, data_source,
  started_at, ended_at, expected, metadata, platform, created_at, updated_at
)
select
  %(org)s, session_id, user_id, local_id, 'sessions',
  case role when 'completion' then 'completed' else 'active' end, 'syncing', 1, started_at + interval '30 seconds',
  case role when 'readings' then 'bluetooth' end, started_at,
  case role when 'completion' then started_at + interval '10 minutes' end,
  case role when 'completion' then '{"reading": 30, "survey_pre": 1, "survey_post": 1}'::jsonb end,
  jsonb_build_object(role, n), case n %% 2 when 0 then 'ios' else 'android' end, started_at, started_at
from made where role <> 'surveys';
insert into syncwell.session_records (
  org_id, id, session_id, user_id, kind, occurred_at, data_source, spo2, heart_rate, payload, local_id, written_at,
  received_at
)
select
  %(org)s, syncwell._record_id(m.session_id, k.kind, k.at), m.session_id, m.user_id, k.kind, k.at, k.data_source,
  k.spo2, k.heart_rate, k.payload, k.local_id, k.at, k.at + interval '20 seconds'
from made as m
cross join lateral (
  select
    'reading' as kind, m.at + i * interval '20 seconds' as at, 'bluetooth' as data_source,
    (80 + (m.n * 7 + i * 3) %% 20 + 0.1)::double precision as spo2,
    (60 + (m.n * 5 + i) %% 40 + 0.7)::double precision as heart_rate, null::jsonb as payload, null as local_id
  from generate_series(0, 29) as i
  where m.role = 'readings'
  union all
  select
    s.kind, m.at + s.after, 'manual', null, null, jsonb_build_object('mood', m.n %% 10), format('s%%s-%%s', m.n, s.kind)
  from (values ('survey_pre', interval '1 second'), ('survey_post', interval '9 minutes')) as s (kind, after)
  -- sixteen of a hundred found the session that was completed
  where m.role = case when m.n %% 25 < 4 then 'completion' else 'surveys' end
) as k;
insert into syncwell.data_events (
  org_id, id, stream_id, user_id, source, external_id, occurred_at, session_id, payload, written_at, received_at
)
select
  %(org)s, md5(session_id::text)::uuid, syncwell._ensure_stream(%(org)s, user_id, 'uploads', null), user_id, 'uploads',
  session_id::text, started_at, session_id, '{"file": 1}', started_at, started_at
from made where role <> 'surveys' and n %% 5 = 0;
"""
# As they should be, or only nearly the same: a day earlier.
SOUND = """
create temp table sound on commit drop as
select
  s.*, u.user_id, md5(format('%%s %%s %%s sound', %(seed)s, u.place, s.name))::uuid as session_id,
  %(start)s::timestamptz - interval '1 day' + s.after as started_at
from unnest(%(users)s::uuid[]) with ordinality as u (user_id, place)
cross join (
  values
    ('whole', interval '0', 20, 'completed', null),
    -- two exercises one after the other, each with readings of its own
    ('first', interval '1 hour', 15, 'completed', null),
    ('first again', interval '1 hour 90 seconds', 15, 'completed', null),
    -- a start that was given up, then a session
    ('given up', interval '2 hours', 0, 'active', null),
    ('then', interval '2 hours 1 minute', 15, 'completed', null),
    -- made up, at the time of a true one
    ('made up', interval '3 hours', 12, 'active', 'mock'),
    ('true', interval '3 hours 5 seconds', 12, 'completed', 'bluetooth')
) as s (name, after, readings, status, data_source);
insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
select %(org)s, user_id, 'session', name, session_id, started_at from sound;
insert into syncwell.sync_sessions (
  org_id, session_id, user_id, local_id, source, status, sync_status, data_source, started_at, ended_at, expected,
  created_at, updated_at
)
select
  %(org)s, session_id, user_id, name, 'sessions', status, 'completed', data_source, started_at,
  case status when 'completed' then started_at + interval '5 minutes' end,
  case status when 'completed' then jsonb_build_object('reading', readings) end, started_at, started_at
from sound;
insert into syncwell.session_records (
  org_id, id, session_id, user_id, kind, occurred_at, data_source, spo2, written_at, received_at
)
select
  %(org)s, syncwell._record_id(s.session_id, 'reading', t.at), s.session_id, s.user_id, 'reading', t.at, s.data_source,
  -- at the same times, with values of its own
  (case s.name when 'first' then 90 else 85 end + i %% 10)::double precision, t.at, t.at
from sound as s
cross join generate_series(1, s.readings) as i
cross join lateral (
  select %(start)s::timestamptz - interval '1 day' + date_trunc('hour', s.after) + i * interval '10 seconds' as at
) as t;
"""
COUNT = """
insert into syncwell.session_counts (
  org_id, session_id, kind, user_id, records, mock_records, late_records, first_at, last_at, first_received_at,
  last_received_at, spo2_count, spo2_sum, spo2_min, spo2_max, heart_rate_count, heart_rate_sum, heart_rate_min,
  heart_rate_max, has_session
)
select
  r.org_id, r.session_id, r.kind, r.user_id, count(*), count(*) filter (where r.data_source = 'mock'), 0,
  min(r.occurred_at), max(r.occurred_at), min(r.received_at), max(r.received_at),
  count(r.spo2) filter (where x.is_real), coalesce(sum(r.spo2::numeric) filter (where x.is_real), 0),
  min(r.spo2) filter (where x.is_real), max(r.spo2) filter (where x.is_real),
  count(r.heart_rate) filter (where x.is_real), coalesce(sum(r.heart_rate::numeric) filter (where x.is_real), 0),
  min(r.heart_rate) filter (where x.is_real), max(r.heart_rate) filter (where x.is_real),
  exists (select from syncwell.sync_sessions as s where s.org_id = r.org_id and s.session_id = r.session_id)
from syncwell.session_records as r
cross join lateral (select r.data_source is distinct from 'mock' as is_real) as x
where r.org_id = %(org)s
  and not exists (select from syncwell.session_counts as c where c.org_id = r.org_id and c.session_id = r.session_id)
group by r.org_id, r.session_id, r.kind, r.user_id
"""
# What is in the records, told by another path than the counts.
WRONG_COUNTS = """
select count(*)
from (
  select
    session_id, kind, count(*) as records,
    sum(spo2::numeric) filter (where data_source is distinct from 'mock') as spo2,
    sum(heart_rate::numeric) filter (where data_source is distinct from 'mock') as heart_rate,
    min(occurred_at) as first_at, max(occurred_at) as last_at, max(received_at) as last_received_at
  from syncwell.session_records group by 1, 2
) as r
full join syncwell.session_counts as c on c.session_id = r.session_id and c.kind = r.kind
where (c.records, c.spo2_sum, c.heart_rate_sum, c.first_at, c.last_at, c.last_received_at) is distinct from
  (r.records, coalesce(r.spo2, 0), coalesce(r.heart_rate, 0), r.first_at, r.last_at, r.last_received_at)
  or c.has_session is distinct from exists (select from syncwell.sync_sessions as s where s.session_id = r.session_id)
"""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """How much of it there is."""

    sessions: int
    surveys: int
    orphaned_surveys: int


def damage(
    connection: psycopg.Connection[Any],
    org: uuid.UUID,
    users: list[uuid.UUID],
    *,
    sessions: int = 50,
    start: str = "2026-03-02 08:00+00",
    seed: int = 1,
) -> Damage:
    """Write the rows, in one transaction of a superuser's session; the same for the same arguments."""
    values = {
        "org": org, "users": users, "count": len(users), "sessions": sessions, "start": start, "seed": seed,
    }  # fmt: skip
    with connection.transaction():
        for script in (MAKE, SOUND, COUNT):
            for statement in script.split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode(), values)
    surveys = 2 * sessions
    found = 2 * sum(1 for n in range(sessions) if n % 25 < 4)
    return Damage(sessions=sessions, surveys=surveys, orphaned_surveys=surveys - found)


def state(connection: psycopg.Connection[Any]) -> dict[str, list[Any]]:
    """Every bit of what a merge may change: rows as text, in order."""
    return {
        table: [row for (row,) in connection.execute(f"select t::text from syncwell.{table} as t order by 1".encode())]
        for table in TABLES
    }

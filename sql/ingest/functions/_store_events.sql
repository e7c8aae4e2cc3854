create or replace function syncwell._store_events(
  p_org_id uuid,
  p_user_id uuid,
  p_stream_id uuid,
  p_source text,
  p_platform text,
  p_rows syncwell.ingest_row[],
  p_now timestamptz,
  out inserted bigint,
  out duplicates bigint,
  out updated bigint
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
-- thousands of rows or one, each is looked up in the index
set plan_cache_mode = force_generic_plan
-- also by a session that planned while the tables were small: each row would read all there is
set enable_seqscan = off
as $$
declare
  v_events syncwell.ingest_event[];
  v_new syncwell.ingest_event[];
  v_later syncwell.ingest_event[];
  v_sessions text[];
  v_session_ids uuid[];
  v_taken bigint;
  v_turns bigint;
  v_done record;
  v_inserted text[] := array[]::text[];
  v_updated text[] := array[]::text[];
  v_hours timestamptz[];
  v_changes bigint[];
begin
  if exists (select from unnest(p_rows) as r where r.rejected is null and r.session is not null) then
    select array_agg(s.session), array_agg(s.session_id)
    into v_sessions, v_session_ids
    from syncwell._sessions_of(
      p_org_id, p_user_id,
      array(select distinct r.session from unnest(p_rows) as r where r.rejected is null and r.session is not null),
      true, null
    ) as s;
  end if;

  with given as materialized (
    select
      r.place, r.external_id collate "C" as name, r.occurred_at, r.platform, r.data_source, r.session, r.payload,
      r.client_at,
      md5(concat(
        extract(epoch from r.occurred_at), '|', r.platform, '|', r.data_source, '|', r.payload, '|', r.session
      ))::uuid as content_hash
    from unnest(p_rows) as r
    where r.rejected is null
  ),
  ranked as materialized (
    select
      g.*,
      row_number() over (
        partition by g.name order by least(g.client_at, p_now), coalesce(g.client_at, p_now), g.place
      ) as turn
    from given as g
  )
  select
    array_agg(
      row(
        r.name, r.occurred_at, coalesce(r.platform, p_platform), r.data_source, s.session_id, r.payload,
        r.content_hash, r.client_at, r.turn
      )::syncwell.ingest_event
      order by r.name, r.turn
    ),
    count(*),
    max(r.turn)
  into v_events, v_taken, v_turns
  from ranked as r
  left join unnest(v_sessions, v_session_ids) as s (session, session_id) on s.session = r.session;

  inserted := 0;
  duplicates := v_taken;
  updated := 0;
  if v_taken = 0 then
    return;
  end if;
  if v_turns > 1 then
    v_events := syncwell._last_versions(v_events);
  end if;

  -- a resend needs no more than this
  select
    array_agg(e) filter (where k.id is null and e.turn = 1),
    array_agg(e) filter (
      where k.id is not null and syncwell._version_outcome(
        k.content_hash = e.content_hash,
        case when k.settled is not null then syncwell._version_id(e.content_hash, e.client_at) end,
        e.client_at, p_now, k.written_at, k.ahead_at, k.settled
      ) <> 'known'
    )
  into v_new, v_later
  from unnest(v_events) as e
  left join lateral (
    select d.* from syncwell.data_event_keys as d
    where d.org_id = p_org_id and d.user_id = p_user_id and d.source = p_source and d.external_id = e.external_id
    union all
    select d.* from syncwell.data_event_keys as d
    where d.org_id = p_org_id and d.user_id is null and d.source = p_source and d.external_id = e.external_id
      and p_user_id is null
    limit 1
  ) as k on true;
  if v_turns > 1 then
    -- one version may decide what the next one means
    v_later := array(
      select e from unnest(v_events) as e
      where e.external_id in (
        select l.external_id from unnest(v_later) as l
        union all
        select n.external_id from unnest(v_new) as n
      )
    );
  end if;

  if v_new is not null then
    v_done := syncwell._insert_events(p_org_id, p_user_id, p_stream_id, p_source, v_new, p_now);
    v_inserted := v_done.names;
    v_hours := v_done.hours;
    v_changes := v_done.changes;
    -- what somebody else has stored meanwhile; of several versions all are among the later ones
    if v_turns = 1 and cardinality(v_inserted) < cardinality(v_new) then
      v_later := v_later || v_new;
    end if;
  end if;

  if v_later <> '{}' then
    perform syncwell._lock_events(p_org_id, p_user_id, p_source, array(select l.external_id from unnest(v_later) as l));
    for v_turn in 1 .. v_turns loop
      v_new := array(select l from unnest(v_later) as l where l.turn = v_turn);
      continue when v_new = '{}';
      v_done := syncwell._correct_events(p_org_id, p_user_id, p_stream_id, p_source, v_new, p_now);
      v_updated := v_updated || v_done.names;
      v_hours := v_hours || v_done.hours;
      v_changes := v_changes || v_done.changes;
    end loop;
  end if;
  inserted := cardinality(v_inserted);
  updated := (
    select count(distinct u.name) from unnest(v_updated) as u (name)
    where u.name not in (select i.name from unnest(v_inserted) as i (name))
  );
  duplicates := v_taken - inserted - updated;
  perform syncwell._count_hours(p_org_id, p_user_id, p_stream_id, v_hours, v_changes);
end
$$;
comment on function syncwell._store_events(
  uuid, uuid, uuid, text, text, syncwell.ingest_row[], timestamptz
) is
'Stores the rows of a batch of events that are not rejected, each event once by its name, and their number by hour. '
'p_platform: of rows that name none. inserted, updated (a newer version than the stored one), duplicates (changed '
'nothing: sent before, older, or one of several of a name in the batch) count rows. After _lock_sessions(), '
'shared. Errors: 40001 in a REPEATABLE READ transaction that began before somebody else stored the same.';
revoke all on function syncwell._store_events(
  uuid, uuid, uuid, text, text, syncwell.ingest_row[], timestamptz
) from public;

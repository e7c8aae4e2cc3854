create or replace function syncwell._store_records(
  p_org_id uuid,
  p_user_id uuid,
  p_session_id uuid,
  p_kind text,
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
  v_records syncwell.ingest_record[];
  v_new syncwell.ingest_record[];
  v_later syncwell.ingest_record[];
  v_taken bigint;
  v_turns bigint;
  v_known_at timestamptz;
  v_late_after interval;
  v_done record;
  v_counts syncwell.session_counts;
  v_inserted uuid[] := array[]::uuid[];
  v_updated uuid[] := array[]::uuid[];
begin
  with given as materialized (
    select r.*, syncwell._record_id(p_session_id, p_kind, r.occurred_at) as id
    from unnest(p_rows) as r
    where r.rejected is null
  ),
  ranked as materialized (
    select
      g.*,
      row_number() over (
        partition by g.id order by least(g.client_at, p_now), coalesce(g.client_at, p_now), g.place
      ) as turn
    from given as g
  )
  select
    array_agg(
      row(
        row(
          p_org_id, r.id, p_session_id, p_user_id, p_kind, r.occurred_at, r.data_source, r.spo2, r.heart_rate,
          r.payload, r.local_id, least(r.client_at, p_now), case when r.client_at > p_now then r.client_at end, null,
          p_now
        )::syncwell.session_records,
        r.client_at,
        r.turn
      )::syncwell.ingest_record
      order by r.id, r.turn
    ),
    count(*),
    max(r.turn)
  into v_records, v_taken, v_turns
  from ranked as r;

  inserted := 0;
  duplicates := v_taken;
  updated := 0;
  if v_taken = 0 then
    return;
  end if;
  if v_turns > 1 then
    v_records := syncwell._last_record_versions(v_records);
  end if;
  select s.created_at, syncwell._setting(p_org_id, 'ingest.late_after', s.source)::interval
  into v_known_at, v_late_after
  from syncwell.sync_sessions as s
  where s.org_id = p_org_id and s.session_id = p_session_id;

  -- a resend needs no more than this
  select
    array_agg(r) filter (where s.id is null and r.turn = 1),
    array_agg(r) filter (
      where s.id is not null
        and syncwell._record_outcome(r.record, r.client_at, s::syncwell.session_records, p_now) <> 'known'
    )
  into v_new, v_later
  from unnest(v_records) as r
  left join lateral (
    -- one by one and by columns of every index: the plan is good also if it was made when there was nothing yet
    select x.* from syncwell.session_records as x
    where x.org_id = p_org_id and x.id = (r.record).id
      and x.user_id = p_user_id and x.session_id = p_session_id and x.kind = p_kind
    limit 1
  ) as s on true;
  if v_turns > 1 then
    -- one version may decide what the next one means
    v_later := array(
      select r from unnest(v_records) as r
      where (r.record).id in (
        select (l.record).id from unnest(v_later) as l
        union all
        select (n.record).id from unnest(v_new) as n
      )
    );
  end if;

  if v_new is not null then
    with stored as (
      insert into syncwell.session_records as s
      select r.* from unnest(array(select n.record from unnest(v_new) as n)) as r
      -- in one order, so that two batches never wait for each other in a circle
      order by r.id
      on conflict (org_id, id) do nothing
      returning s.id, s.occurred_at, s.data_source is not distinct from 'mock' as is_mock, s.spo2, s.heart_rate
    )
    select
      array(select t.id from stored as t) as ids,
      row(
        p_org_id, p_session_id, p_kind, p_user_id,
        count(*),
        count(*) filter (where s.is_mock),
        count(*) filter (where p_now > greatest(s.occurred_at, v_known_at) + v_late_after),
        min(s.occurred_at), max(s.occurred_at), p_now, p_now,
        count(s.spo2) filter (where not s.is_mock),
        coalesce(sum(s.spo2::numeric) filter (where not s.is_mock), 0),
        min(s.spo2) filter (where not s.is_mock),
        max(s.spo2) filter (where not s.is_mock),
        count(s.heart_rate) filter (where not s.is_mock),
        coalesce(sum(s.heart_rate::numeric) filter (where not s.is_mock), 0),
        min(s.heart_rate) filter (where not s.is_mock),
        max(s.heart_rate) filter (where not s.is_mock),
        v_known_at is not null
      )::syncwell.session_counts as counts
    into v_done
    from stored as s;
    v_inserted := v_done.ids;
    v_counts := v_done.counts;
    -- what somebody else has stored meanwhile; of several versions all are among the later ones
    if v_turns = 1 and cardinality(v_inserted) < cardinality(v_new) then
      v_later := v_later || v_new;
    end if;
  end if;

  if v_later <> '{}' then
    perform
    from syncwell.session_records as s
    where s.org_id = p_org_id
      and s.id = any (array(select (l.record).id from unnest(v_later) as l))
      and s.user_id = p_user_id
      and s.session_id = p_session_id
      and s.kind = p_kind
    order by s.id
    for update;
    for v_turn in 1 .. v_turns loop
      v_new := array(select l from unnest(v_later) as l where l.turn = v_turn);
      continue when v_new = '{}';
      v_updated := v_updated || syncwell._correct_records(p_org_id, p_user_id, p_session_id, p_kind, v_new, p_now);
    end loop;
  end if;
  inserted := cardinality(v_inserted);
  updated := (
    select count(distinct u.id) from unnest(v_updated) as u (id)
    where u.id not in (select i.id from unnest(v_inserted) as i (id))
  );
  duplicates := v_taken - inserted - updated;
  if inserted + updated > 0 then
    v_counts.org_id := p_org_id;
    v_counts.session_id := p_session_id;
    v_counts.kind := p_kind;
    v_counts.records := inserted;
    v_counts.last_received_at := p_now;
    perform syncwell._count_records(v_counts, v_updated <> '{}');
  end if;
end
$$;
comment on function syncwell._store_records(
  uuid, uuid, uuid, text, syncwell.ingest_row[], timestamptz
) is
'Stores the rows of a batch of session records of one kind that are not rejected, one record a time, and counts them '
'in session_counts; the session''s row is the caller''s to mark. inserted, updated (a newer version than the stored '
'one), duplicates (changed nothing: sent before, older, or not the newest of their time in the batch) count rows. '
'After _lock_sessions(), shared at least. Errors: 40001 in a REPEATABLE READ transaction that began before somebody '
'else stored the same.';
revoke all on function syncwell._store_records(
  uuid, uuid, uuid, text, syncwell.ingest_row[], timestamptz
) from public;

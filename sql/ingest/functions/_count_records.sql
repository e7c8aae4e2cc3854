create or replace function syncwell._count_records(
  p_counts syncwell.session_counts,
  p_has_corrections boolean
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_counts.records > 0 then
    insert into syncwell.session_counts as c values (p_counts.*)
    on conflict (org_id, session_id, kind) do update
    set
      records = c.records + excluded.records,
      mock_records = c.mock_records + excluded.mock_records,
      late_records = c.late_records + excluded.late_records,
      first_at = least(c.first_at, excluded.first_at),
      last_at = greatest(c.last_at, excluded.last_at),
      first_received_at = least(c.first_received_at, excluded.first_received_at),
      last_received_at = greatest(c.last_received_at, excluded.last_received_at),
      spo2_count = c.spo2_count + excluded.spo2_count,
      spo2_sum = c.spo2_sum + excluded.spo2_sum,
      spo2_min = least(c.spo2_min, excluded.spo2_min),
      spo2_max = greatest(c.spo2_max, excluded.spo2_max),
      heart_rate_count = c.heart_rate_count + excluded.heart_rate_count,
      heart_rate_sum = c.heart_rate_sum + excluded.heart_rate_sum,
      heart_rate_min = least(c.heart_rate_min, excluded.heart_rate_min),
      heart_rate_max = greatest(c.heart_rate_max, excluded.heart_rate_max);
  end if;
  if not p_has_corrections then
    return;
  end if;

  perform from syncwell.session_counts as c
  where c.org_id = p_counts.org_id and c.session_id = p_counts.session_id and c.kind = p_counts.kind
  for update;
  -- a statement of its own, which sees what others stored until they let the row go
  update syncwell.session_counts as c
  set
    mock_records = r.mock_records,
    last_received_at = greatest(c.last_received_at, p_counts.last_received_at),
    spo2_count = r.spo2_count,
    spo2_sum = r.spo2_sum,
    spo2_min = r.spo2_min,
    spo2_max = r.spo2_max,
    heart_rate_count = r.heart_rate_count,
    heart_rate_sum = r.heart_rate_sum,
    heart_rate_min = r.heart_rate_min,
    heart_rate_max = r.heart_rate_max
  from (
    select
      count(*) filter (where s.data_source = 'mock') as mock_records,
      count(s.spo2) filter (where s.data_source is distinct from 'mock') as spo2_count,
      coalesce(sum(s.spo2::numeric) filter (where s.data_source is distinct from 'mock'), 0) as spo2_sum,
      min(s.spo2) filter (where s.data_source is distinct from 'mock') as spo2_min,
      max(s.spo2) filter (where s.data_source is distinct from 'mock') as spo2_max,
      count(s.heart_rate) filter (where s.data_source is distinct from 'mock') as heart_rate_count,
      coalesce(sum(s.heart_rate::numeric) filter (where s.data_source is distinct from 'mock'), 0) as heart_rate_sum,
      min(s.heart_rate) filter (where s.data_source is distinct from 'mock') as heart_rate_min,
      max(s.heart_rate) filter (where s.data_source is distinct from 'mock') as heart_rate_max
    from syncwell.session_counts as k
    join syncwell.session_records as s
      on s.org_id = k.org_id
      and s.session_id = k.session_id
      and s.kind = k.kind
      -- nobody looks into the partitions of other times
      and s.id >= syncwell._uuid7_floor(k.first_at)
      and s.id < syncwell._uuid7_floor(k.last_at + interval '1 millisecond')
    where k.org_id = p_counts.org_id and k.session_id = p_counts.session_id and k.kind = p_counts.kind
  ) as r
  where c.org_id = p_counts.org_id and c.session_id = p_counts.session_id and c.kind = p_counts.kind;
end
$$;
comment on function syncwell._count_records(syncwell.session_counts, boolean) is
'Adds what was stored of a kind to what a session has of it; with corrections among it all of the kind is counted '
'anew, since the lowest and highest may be gone.';
revoke all on function syncwell._count_records(syncwell.session_counts, boolean) from public;

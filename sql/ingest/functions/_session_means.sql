create or replace function syncwell._session_means(
  p_org_id uuid,
  p_session_id uuid,
  p_include_mock boolean,
  out average_spo2 double precision,
  out minimum_spo2 double precision,
  out maximum_spo2 double precision,
  out average_heart_rate double precision,
  out minimum_heart_rate double precision,
  out maximum_heart_rate double precision
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- called for one session after the other: finding the months again costs less than planning for each
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_counts syncwell.session_counts;
  v_mock record;
begin
  select c.* into v_counts
  from syncwell.session_counts as c
  where c.org_id = p_org_id and c.session_id = p_session_id and c.kind = 'reading';
  if p_include_mock and v_counts.mock_records > 0 then
    -- kept sums leave them out
    select
      count(r.spo2) as spo2_count, coalesce(sum(r.spo2), 0) as spo2_sum, min(r.spo2) as spo2_min,
      max(r.spo2) as spo2_max, count(r.heart_rate) as heart_rate_count,
      coalesce(sum(r.heart_rate), 0) as heart_rate_sum, min(r.heart_rate) as heart_rate_min,
      max(r.heart_rate) as heart_rate_max
    into v_mock
    from syncwell.session_records as r
    where r.org_id = p_org_id
      and r.session_id = p_session_id
      and r.kind = 'reading'
      and r.id >= syncwell._uuid7_floor(v_counts.first_at)
      and r.id < syncwell._uuid7_floor(v_counts.last_at + interval '1 millisecond')
      and r.data_source = 'mock';
    v_counts.spo2_count := v_counts.spo2_count + v_mock.spo2_count;
    v_counts.spo2_sum := v_counts.spo2_sum + v_mock.spo2_sum;
    v_counts.spo2_min := least(v_counts.spo2_min, v_mock.spo2_min);
    v_counts.spo2_max := greatest(v_counts.spo2_max, v_mock.spo2_max);
    v_counts.heart_rate_count := v_counts.heart_rate_count + v_mock.heart_rate_count;
    v_counts.heart_rate_sum := v_counts.heart_rate_sum + v_mock.heart_rate_sum;
    v_counts.heart_rate_min := least(v_counts.heart_rate_min, v_mock.heart_rate_min);
    v_counts.heart_rate_max := greatest(v_counts.heart_rate_max, v_mock.heart_rate_max);
  end if;
  average_spo2 := v_counts.spo2_sum / nullif(v_counts.spo2_count, 0);
  minimum_spo2 := v_counts.spo2_min;
  maximum_spo2 := v_counts.spo2_max;
  average_heart_rate := v_counts.heart_rate_sum / nullif(v_counts.heart_rate_count, 0);
  minimum_heart_rate := v_counts.heart_rate_min;
  maximum_heart_rate := v_counts.heart_rate_max;
end
$$;
comment on function syncwell._session_means(uuid, uuid, boolean) is
'Mean, lowest and highest of what was measured in a session, in percent and beats a minute; NULL where nothing was. '
'p_include_mock: made-up readings too.';
revoke all on function syncwell._session_means(uuid, uuid, boolean) from public;

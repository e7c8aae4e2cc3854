create or replace function syncwell.try_acquire(
  p_bucket text,
  p_cost double precision default 1,
  out allowed boolean,
  out wait_ms bigint,
  out tokens double precision
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_org_id constant uuid := v_caller.org_id;
  -- nobody empties the buckets of others
  v_bucket constant text := case
    when v_caller.role in ('member', 'analyst') then v_caller.user_id || ' ' || p_bucket else p_bucket
  end;
  v_now constant timestamptz := syncwell._now();
  -- what the HTTP edge asks is counted in requests of a whole org
  v_kind constant text := case when p_bucket like 'http.%' then 'http' else 'queue' end;
  v_rate double precision;
  v_burst double precision;
begin
  if p_bucket is null then
    raise exception using
      errcode = '22004',
      message = 'a bucket is needed',
      detail = 'p_bucket is NULL.',
      hint = 'Pass the name of what is limited, usually a source.';
  end if;
  if length(p_bucket) not between 1 and 200 then
    raise exception using
      errcode = '22023',
      message = 'this is no name of a bucket',
      detail = format('p_bucket has %s characters.', length(p_bucket)),
      hint = 'Pass 1 to 200 characters.';
  end if;
  v_rate := syncwell._setting(v_org_id, v_kind || '.rate', p_bucket)::double precision;
  v_burst := syncwell._setting(v_org_id, v_kind || '.burst', p_bucket)::double precision;
  -- NaN compares as larger than all numbers
  if p_cost is null or not (p_cost > 0 and p_cost <= v_burst) then
    raise exception using
      errcode = case when p_cost is null then '22004' else '22023' end,
      message = 'this can never be allowed',
      detail = format('p_cost is %s, and the bucket holds %s.', coalesce(p_cost::text, 'NULL'), v_burst),
      hint = format('Pass a cost above 0 and at most the setting %s.burst.', v_kind);
  end if;

  insert into syncwell.rate_limits as r (org_id, bucket, tokens, filled_at)
  values (v_org_id, v_bucket, v_burst - p_cost, v_now)
  on conflict (org_id, bucket) do update
  set
    tokens = least(
      v_burst, r.tokens + v_rate * greatest(extract(epoch from v_now - r.filled_at), 0)::double precision
    ) - p_cost,
    filled_at = greatest(r.filled_at, v_now)
  where least(
    v_burst, r.tokens + v_rate * greatest(extract(epoch from v_now - r.filled_at), 0)::double precision
  ) >= p_cost
  returning r.tokens into tokens;
  allowed := found;
  if allowed then
    wait_ms := 0;
    return;
  end if;
  select least(v_burst, r.tokens + v_rate * greatest(extract(epoch from v_now - r.filled_at), 0)::double precision)
  into tokens
  from syncwell.rate_limits as r
  where r.org_id = v_org_id and r.bucket = v_bucket;
  wait_ms := ceil(1000 * greatest(p_cost - tokens, 0) / v_rate);
end
$$;
comment on function syncwell.try_acquire(text, double precision) is
'Takes p_cost (default 1) from a bucket of the caller''s org, of a member or analyst its own, that holds settings '
'queue.burst and fills up by queue.rate a second, both by source p_bucket (1 to 200 characters); buckets http.… are '
'those of `syncwell serve`, by settings http.burst and http.rate. allowed: there was enough; else nothing is taken, '
'and wait_ms is when there will be. tokens: what is left. To be called before the work and in a transaction of its '
'own: its row is locked until the end. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.try_acquire(text, double precision) from public;
grant execute on function syncwell.try_acquire(text, double precision) to syncwell_client, syncwell_worker;

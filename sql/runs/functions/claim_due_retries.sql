create or replace function syncwell.claim_due_retries(
  p_limit integer default 10,
  p_lease_for interval default '5 minutes'
)
returns table (
  org_id uuid,
  user_id uuid,
  error_id uuid,
  retry_lease uuid,
  lease_until timestamptz,
  stream_id uuid,
  source text,
  sync_type text,
  attempt integer,
  error_type text,
  is_probe boolean
)
language plpgsql volatile security definer rows 10
set search_path = pg_catalog, pg_temp
-- one org or all, a few due rows or many: the plan must fit the call
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._claim_org();
  v_user_id constant uuid := syncwell._claim_user();
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_limit(p_limit);
  if p_lease_for is null then
    raise exception using
      errcode = '22004',
      message = 'a time for the claim is needed',
      detail = 'p_lease_for is NULL.',
      hint = 'Leave it out for five minutes.';
  end if;
  perform syncwell._check_duration('p_lease_for', p_lease_for, '1 second', '1 day');

  return query
  with probed as materialized (
    -- a source whose cooldown is over, or whose probe has not come back
    select c.org_id, c.source
    from syncwell.circuits as c
    where (v_org_id is null or c.org_id = v_org_id)
      and (
        (c.state = 'open' and c.reopen_at <= v_now)
        or (c.state = 'half_open' and c.probe_until <= v_now)
      )
    for update skip locked
  ),
  probes as materialized (
    select p.org_id, p.source, e.id, gen_random_uuid() as retry_lease
    from probed as p
    cross join lateral (
      select d.id
      from syncwell.sync_errors as d
      where d.org_id = p.org_id
        and d.source = p.source
        and (v_user_id is null or d.user_id = v_user_id)
        and d.resolved_at is null
        and d.next_retry_at <= v_now
        and (d.retry_lease_until is null or d.retry_lease_until <= v_now)
        and exists (
          select from syncwell.streams as s
          where s.org_id = d.org_id and s.stream_id = d.stream_id and s.retired_at is null
        )
      order by d.next_retry_at
      limit 1
      for update of d skip locked
    ) as e
    limit p_limit
  ),
  half_opened as (
    update syncwell.circuits as c
    set
      state = 'half_open',
      probe_token = p.retry_lease,
      probe_event = null,
      probe_until = v_now + syncwell._setting(p.org_id, 'circuit.probe_timeout', p.source)::interval
    from probes as p
    where c.org_id = p.org_id and c.source = p.source
  ),
  others as materialized (
    select d.org_id, d.id, gen_random_uuid() as retry_lease
    from syncwell.sync_errors as d
    where (v_org_id is null or d.org_id = v_org_id)
      and (v_user_id is null or d.user_id = v_user_id)
      and d.resolved_at is null
      and d.next_retry_at <= v_now
      and (d.retry_lease_until is null or d.retry_lease_until <= v_now)
      and not exists (
        select from syncwell.circuits as c
        where c.org_id = d.org_id and c.source = d.source and c.state <> 'closed'
      )
      and exists (
        select from syncwell.streams as s
        where s.org_id = d.org_id and s.stream_id = d.stream_id and s.retired_at is null
      )
    order by d.next_retry_at
    limit p_limit - (select count(*) from probes)
    for update of d skip locked
  ),
  claimed as (
    update syncwell.sync_errors as e
    set retry_lease = t.retry_lease, retry_lease_until = v_now + p_lease_for
    from (
      select p.org_id, p.id, p.retry_lease, true as is_probe from probes as p
      union all
      select o.org_id, o.id, o.retry_lease, false as is_probe from others as o
    ) as t
    where e.org_id = t.org_id and e.id = t.id
    returning e.*, t.is_probe
  )
  select
    c.org_id, c.user_id, c.id, c.retry_lease, c.retry_lease_until, c.stream_id, c.source,
    coalesce(v.sync_type, 'incremental'), c.retry_count, c.error_type, c.is_probe
  from claimed as c
  left join syncwell.sync_events as v on v.org_id = c.org_id and v.id = c.event_id
  order by c.next_retry_at, c.id;
end
$$;
comment on function syncwell.claim_due_retries(integer, interval) is
'Hands out errors whose retry is due, each to one caller only for p_lease_for (1 s to 1 day): start each with '
'record_sync_start(p_source => source, p_sync_type => sync_type, p_user_id => user_id, p_retry_of => error_id, '
'p_retry_lease => retry_lease), acting for org_id, before lease_until; what is not started by then is handed out '
'again. p_limit: 1 to 1000. Longest due first. A source whose circuit is open gets nothing; once its cooldown is over '
'one probe (is_probe), and another one only when that has not come back within setting circuit.probe_timeout. '
'attempt: number of the retry. Of the caller''s org (a member or analyst: of its own streams), or of all orgs for an '
'operator and for a gateway that acts for nobody. Errors: SW001, 22004, 22023.';
revoke all on function syncwell.claim_due_retries(integer, interval) from public;
grant execute on function syncwell.claim_due_retries(integer, interval) to syncwell_worker, syncwell_operator;

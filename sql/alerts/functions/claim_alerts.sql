create or replace function syncwell.claim_alerts(
  p_channel text,
  p_matcher jsonb default null,
  p_limit integer default 50,
  p_lease interval default '1 minute'
)
returns table (
  org_id uuid,
  alert_id uuid,
  issue_id uuid,
  lease_token uuid,
  lease_until timestamptz,
  attempt integer,
  failures integer,
  fingerprint text,
  status text,
  severity text,
  labels jsonb,
  annotations jsonb,
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz,
  replaced_labels jsonb
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
-- few rows by their keys, whatever the arguments are
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_token constant uuid := gen_random_uuid();
  v_org uuid;
  v_due uuid[];
  v_limits integer[];
  v_left integer;
begin
  perform syncwell._check_channel(p_channel);
  perform syncwell._check_alert_matcher(p_matcher);
  perform syncwell._check_limit(p_limit);
  if p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'a time for the lease is needed',
      detail = 'p_lease is NULL.',
      hint = 'Leave it out for a minute.';
  end if;
  perform syncwell._check_duration('p_lease', p_lease, '1 second', '1 day');

  for v_org in
    select o.org_id
    from (
      select v_org_id as org_id
      where v_org_id is not null
      union
      select a.org_id from syncwell.alert_outbox as a where v_org_id is null and not a.is_routed
      union
      select r.org_id
      from syncwell.alert_routes as r
      where v_org_id is null
        and not exists (
          select from syncwell.alert_channels as c where c.org_id = r.org_id and c.channel = p_channel
        )
    ) as o
    order by o.org_id
  loop
    perform syncwell._route_alerts(v_org, p_channel, v_now);
  end loop;
  update syncwell.alert_channels as c
  set seen_at = v_now
  from (
    select s.org_id
    from syncwell.alert_channels as s
    where (v_org_id is null or s.org_id = v_org_id)
      and s.channel = p_channel
      and s.seen_at < v_now - interval '1 hour'
    for no key update skip locked
  ) as s
  where c.org_id = s.org_id and c.channel = p_channel;

  -- orgs with something to do, the share of each; by a channel that is dead, one at a time
  select array_agg(d.org_id), array_agg(case when d.is_dead then 1 else ceil(p_limit::numeric / d.orgs)::integer end)
  into v_due, v_limits
  from (
    select c.org_id, c.dead_since is not null as is_dead, count(*) over () as orgs
    from syncwell.alert_channels as c
    where (v_org_id is null or c.org_id = v_org_id)
      and c.channel = p_channel
      -- the first that waits, by its index: an EXISTS may be planned as reading all that wait
      and (
        select q.next_attempt_at
        from syncwell.alert_deliveries as q
        where q.org_id = c.org_id and q.channel = c.channel and q.state = 'pending'
        order by q.next_attempt_at
        limit 1
      ) <= v_now
      and not (
        c.dead_since is not null
        and exists (
          select from syncwell.alert_deliveries as q
          where q.org_id = c.org_id
            and q.channel = c.channel
            and q.state = 'pending'
            and q.lease_token is not null
            and q.next_attempt_at > v_now
        )
      )
    order by random()
  ) as d;

  v_left := p_limit;
  for i in 1..coalesce(cardinality(v_due), 0) loop
    exit when v_left = 0;
    v_left := v_left - syncwell._claim_channel(
      v_due[i], p_channel, p_matcher, least(v_limits[i], v_left), v_token, v_now + p_lease, v_now
    );
  end loop;

  return query
  select
    q.org_id, q.alert_id, a.issue_id, q.lease_token, q.next_attempt_at, q.attempts, q.failures, q.fingerprint, q.status,
    a.severity, a.labels, a.annotations, a.starts_at, a.ends_at, a.created_at,
    case when l.status = 'firing' and l.labels <> a.labels then l.labels end
  from syncwell.alert_deliveries as q
  join syncwell.alert_outbox as a on a.org_id = q.org_id and a.id = q.alert_id
  left join lateral (
    select b.status, b.labels from syncwell._last_told(q.org_id, q.channel, q.fingerprint, q.alert_id) as b
  ) as l on true
  where q.lease_token = v_token
  order by q.org_id, q.alert_id;
end
$$;
comment on function syncwell.claim_alerts(text, jsonb, integer, interval) is
'Hands out alerts that are to go out by a channel now, each to one caller only until lease_until: p_lease (1 s to 1 '
'day) from now. Send them, then complete_alerts() or fail_alerts() with lease_token, or release_alerts() what was not '
'begun; what is not ended by then is handed out again: each goes out at least once. p_channel: its name; who asks for '
'it first opens it, and it gets what is firing now, then everything that follows. p_matcher: what the channel wants, '
'an object of labels (alertname, severity, org, source, stream, platform, user, channel) with a text, or a list of '
'texts, each; NULL: all. p_limit: 1 to 1000, default 50. Alerts of one fingerprint are handed out one after the other, '
'resolved ones only where the channel was told that it fires; of a channel that is dead one at a time. attempt: counts '
'from 1; failures: how many of those before are known to have failed; replaced_labels: those under which the channel '
'was told before, where they were others (a severity): a receiver that knows alerts by their labels must end that one. '
'An alert of a dead channel does not go to that channel. Of the caller''s org, fairly of all orgs for an operator and '
'for a gateway that acts for nobody. Errors: SW001, 22004, 22023 (p_channel, p_matcher, p_limit, p_lease), 42501 for '
'users who are no admin, 40001 above read committed.';
revoke all on function syncwell.claim_alerts(text, jsonb, integer, interval) from public;
grant execute on function syncwell.claim_alerts(text, jsonb, integer, interval) to syncwell_worker, syncwell_operator;

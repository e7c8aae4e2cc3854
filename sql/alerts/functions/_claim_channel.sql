create or replace function syncwell._claim_channel(
  p_org_id uuid,
  p_channel text,
  p_matcher jsonb,
  p_limit integer,
  p_token uuid,
  p_until timestamptz,
  p_now timestamptz
)
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  v_claimed integer := 0;
  v_new integer;
  v_skipped integer;
begin
  loop
    with picked as materialized (
      select q.ctid as place, q.alert_id, q.fingerprint, q.status
      from syncwell.alert_deliveries as q
      where q.org_id = p_org_id
        and q.channel = p_channel
        and q.state = 'pending'
        and q.next_attempt_at <= p_now
        -- one after the other: nothing is over before it has begun; the order says which index serves
        and q.alert_id = (
          select e.alert_id
          from syncwell.alert_deliveries as e
          where e.org_id = p_org_id
            and e.channel = p_channel
            and e.fingerprint = q.fingerprint
            and e.state = 'pending'
          order by e.alert_id
          limit 1
        )
      order by q.next_attempt_at, q.alert_id
      limit p_limit - v_claimed
      for update of q skip locked
    ),
    judged as materialized (
      select
        p.place,
        case
          when p.status = 'firing' and not syncwell._alert_fits(a.labels, p_matcher) then 'no_match'
          when p.status = 'resolved' and l.status is distinct from 'firing' then 'not_told'
        end as skipped
      from picked as p
      join syncwell.alert_outbox as a on a.org_id = p_org_id and a.id = p.alert_id
      left join lateral (
        select t.status from syncwell._last_told(p_org_id, p_channel, p.fingerprint, p.alert_id) as t
      ) as l on true
    ),
    written as (
      update syncwell.alert_deliveries as q
      set
        state = case when j.skipped is null then 'pending' else 'skipped' end,
        reason = coalesce(j.skipped, q.reason),
        ended_at = case when j.skipped is not null then p_now end,
        attempts = q.attempts + (j.skipped is null)::integer,
        lease_token = case when j.skipped is null then p_token end,
        next_attempt_at = case when j.skipped is null then p_until else q.next_attempt_at end
      from judged as j
      -- the locked row itself: before the first ANALYZE any index of the channel looks as good as the key
      where q.ctid = j.place
      returning q.state
    )
    select count(*) filter (where w.state = 'pending'), count(*) filter (where w.state = 'skipped')
    into v_new, v_skipped
    from written as w;
    v_claimed := v_claimed + v_new;
    -- what the channel does not want makes room for more
    exit when v_skipped = 0 or v_claimed >= p_limit;
  end loop;
  return v_claimed;
end
$$;
comment on function syncwell._claim_channel(uuid, text, jsonb, integer, uuid, timestamptz, timestamptz) is
'The part of claim_alerts() for one org: leases at most p_limit alerts to p_token until p_until, and skips those that '
'the channel does not want, or that end what it was never told of. Returns how many were leased.';
revoke all on function syncwell._claim_channel(uuid, text, jsonb, integer, uuid, timestamptz, timestamptz) from public;

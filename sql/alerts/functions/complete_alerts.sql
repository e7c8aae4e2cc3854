create or replace function syncwell.complete_alerts(
  p_alert_ids uuid[],
  p_lease_token uuid
)
returns table (
  alert_id uuid,
  outcome text
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_held syncwell.alert_deliveries[];
begin
  perform syncwell._check_alert_ids(p_alert_ids, p_lease_token);
  v_held := array(select h from syncwell._leased_alerts(v_org_id, p_alert_ids, p_lease_token) as h);
  update syncwell.alert_deliveries as d
  set state = 'done', ended_at = v_now, reason = null
  from unnest(v_held) as h
  where d.org_id = h.org_id and d.alert_id = h.alert_id and d.channel = h.channel;
  perform syncwell._channel_works(c.org_id, c.channel, v_now)
  from (select distinct h.org_id, h.channel from unnest(v_held) as h) as c;

  return query
  select
    i.alert_id,
    case
      when d.state = 'done' then 'completed'
      when exists (
        select from syncwell.alert_outbox as a where (v_org_id is null or a.org_id = v_org_id) and a.id = i.alert_id
      ) then 'lease_lost'
      else 'unknown'
    end
  from unnest(p_alert_ids) with ordinality as i (alert_id, place)
  left join syncwell.alert_deliveries as d
    on d.lease_token = p_lease_token
    and d.alert_id = i.alert_id
    and (v_org_id is null or d.org_id = v_org_id)
  order by i.place;
end
$$;
comment on function syncwell.complete_alerts(uuid[], uuid) is
'Ends alerts of claim_alerts() as gone out, those of p_alert_ids (at most 1000) that p_lease_token still holds. A '
'channel that was dead works again: its issue is resolved, and what waits for it is due at once. Returns a row an id, '
'in their order: completed (also when this call said so before: it may be repeated), lease_lost (it was handed out '
'again, or ended otherwise), unknown (no such alert). Errors: SW001, 22004, 22023, 42501 for users who are no admin.';
revoke all on function syncwell.complete_alerts(uuid[], uuid) from public;
grant execute on function syncwell.complete_alerts(uuid[], uuid) to syncwell_worker, syncwell_operator;

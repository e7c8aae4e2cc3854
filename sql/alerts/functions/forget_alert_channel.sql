create or replace function syncwell.forget_alert_channel(p_channel text)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id constant uuid := syncwell._deliverer_org();
  v_now constant timestamptz := syncwell._now();
  v_waiting bigint;
begin
  perform syncwell._check_channel(p_channel);
  select sum(syncwell._forget_channel(c.org_id, c.channel, v_now)) into v_waiting
  from (
    select a.org_id, a.channel
    from syncwell.alert_channels as a
    where (v_org_id is null or a.org_id = v_org_id) and a.channel = p_channel
    order by a.org_id
  ) as c;
  if v_waiting is null then
    raise exception using
      errcode = 'SW611',
      message = 'unknown channel',
      detail = format('There is no channel %s.', p_channel),
      hint = 'get_alert_channels() lists those that somebody delivers by.';
  end if;
  return v_waiting;
end
$$;
comment on function syncwell.forget_alert_channel(text) is
'Forgets a channel that is not used any more, with what waits for it, and resolves its issue; a deliverer that asks '
'for it again opens it anew. p_channel: its name. Of the caller''s org, of all orgs for an operator. Returns how many '
'alerts waited. Errors: SW001, 22004, 22023, 42501 for users who are no admin, SW611.';
revoke all on function syncwell.forget_alert_channel(text) from public;
grant execute on function syncwell.forget_alert_channel(text) to syncwell_worker, syncwell_operator;

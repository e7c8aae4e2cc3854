create or replace function syncwell._channel_is_dead(
  p_org_id uuid,
  p_channel text,
  p_reason text,
  p_now timestamptz
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_fingerprint constant text := syncwell._issue_fingerprint('alert_channel', null, null, null, null, p_channel);
  v_channel syncwell.alert_channels;
  v_evidence jsonb;
  v_suggestion text;
  v_issue_id uuid;
begin
  select c.* into v_channel
  from syncwell.alert_channels as c
  where c.org_id = p_org_id and c.channel = p_channel
  for no key update;
  if v_channel.dead_since is not null then
    return;
  end if;
  v_evidence := jsonb_build_object(
    'channel', p_channel,
    'reason', p_reason,
    'error_type', v_channel.last_error_type,
    'failed_at', v_channel.failed_at,
    'delivered_at', v_channel.delivered_at
  );
  v_suggestion := case p_reason
    when 'failing'
      then 'See what its receiver says (get_alert_channels), mend it or its configuration, then requeue_alerts.'
    else 'See why nobody delivers by it (syncwell alerts deliver); of one that is not used any more, forget_alert_channel.'
  end;

  select i.id into v_issue_id
  from syncwell.sync_issues as i
  where i.org_id = p_org_id
    and i.fingerprint = v_fingerprint
    and (
      i.resolved_at is null
      or i.resolved_at > p_now - syncwell._setting(p_org_id, 'health.reopen_within')::interval
    )
  order by i.id desc
  limit 1
  for no key update;
  if found then
    update syncwell.sync_issues as i
    set
      state = case i.state when 'resolved' then 'open' else i.state end,
      times_opened = i.times_opened + (i.state = 'resolved')::integer,
      resolved_at = null,
      gone_since = null,
      since = p_now,
      last_seen_at = p_now,
      evidence = v_evidence,
      suggestion = v_suggestion
    where i.org_id = p_org_id and i.id = v_issue_id;
  else
    insert into syncwell.sync_issues (
      org_id, id, fingerprint, issue_type, severity, muted_by, since, evidence, suggestion, opened_at, last_seen_at
    )
    values (
      p_org_id, syncwell._uuid7(p_now), v_fingerprint, 'alert_channel', 'critical',
      case
        when syncwell._is_silenced(p_org_id, 'alert_channel', 'critical', null, null, null, null, p_now) then 'silence'
      end,
      p_now, v_evidence, v_suggestion, p_now, p_now
    )
    returning id into v_issue_id;
  end if;
  update syncwell.alert_channels as c
  set dead_since = p_now, dead_reason = p_reason, issue_id = v_issue_id
  where c.org_id = p_org_id and c.channel = p_channel;
end
$$;
comment on function syncwell._channel_is_dead(uuid, text, text, timestamptz) is
'Nothing gets through by a channel any more (p_reason: failing, overdue): opens or reopens its issue, once.';
revoke all on function syncwell._channel_is_dead(uuid, text, text, timestamptz) from public;

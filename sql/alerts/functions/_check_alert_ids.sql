create or replace function syncwell._check_alert_ids(
  p_alert_ids uuid[],
  p_lease_token uuid
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_alert_ids is null or array_position(p_alert_ids, null) is not null or p_lease_token is null then
    raise exception using
      errcode = '22004',
      message = 'alerts and their lease are needed',
      detail = case when p_lease_token is null then 'p_lease_token is NULL.' else 'p_alert_ids is or has a NULL.' end,
      hint = 'Pass what claim_alerts() returned.';
  end if;
  if cardinality(p_alert_ids) > 1000 then
    raise exception using
      errcode = '22023',
      message = 'too many alerts at once',
      detail = format('There are %s.', cardinality(p_alert_ids)),
      hint = 'Pass at most 1000.';
  end if;
end
$$;
comment on function syncwell._check_alert_ids(uuid[], uuid) is
'Refuses alerts and a lease that are missing (22004), and more than 1000 alerts (22023).';
revoke all on function syncwell._check_alert_ids(uuid[], uuid) from public;

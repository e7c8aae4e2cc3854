create or replace function syncwell.get_sync_clients(
  p_user_id uuid default null,
  p_limit integer default 100
)
returns table (
  user_id uuid,
  device_id text,
  platform text,
  app_version text,
  network_type text,
  first_seen timestamptz,
  last_seen timestamptz,
  last_pull timestamptz,
  last_push timestamptz,
  cursor_age interval,
  next_pull text,
  schema_version integer,
  records bigint,
  pulls bigint,
  pushes bigint,
  failures bigint,
  failing_since timestamptz,
  last_error_code text,
  conflicts bigint,
  quarantined bigint,
  open_quarantined bigint,
  full_resyncs bigint
)
language plpgsql volatile security definer rows 100
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
  v_incarnation integer;
  v_user_id uuid := p_user_id;
begin
  perform syncwell._note_access('get_sync_clients', p_user_id);
  perform syncwell._check_limit(p_limit);
  if p_user_id is not null and p_user_id is distinct from v_caller.user_id then
    perform from syncwell.users as u
    where u.org_id = v_caller.org_id and u.user_id = p_user_id and v_caller.sees_org;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s about whom this caller may ask.', p_user_id),
        hint = 'Leave p_user_id out for all you may see; analysts, admins and services may ask about their whole org.';
    end if;
  elsif not v_caller.sees_org then
    v_user_id := v_caller.user_id;
  end if;
  select max(i.incarnation) into v_incarnation from syncwell.sync_incarnations as i;

  return query
  with devices as materialized (
    select d.*
    from syncwell.sync_devices as d
    where d.org_id = v_caller.org_id and (v_user_id is null or d.user_id = v_user_id)
    order by d.last_seen desc, d.user_id, d.device_id
    limit p_limit
  )
  select
    d.user_id,
    syncwell._redact(d.org_id, d.user_id, nullif(d.device_id, '')),
    d.platform,
    d.app_version,
    syncwell._redact(d.org_id, d.user_id, d.network_type),
    d.first_seen,
    d.last_seen,
    d.last_pull,
    d.last_push,
    case when c.cursor is not null then v_now - d.cursor_at end,
    case
      when d.last_pull is null then 'first'
      when c.cursor is null or not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot) or exists (
        select from syncwell.sync_horizons as h
        where h.scope in (d.org_id, d.user_id) and pg_snapshot_xmin(c.snapshot) < h.purged_below
      ) then 'replacement'
      else 'incremental'
    end,
    d.schema_version,
    (select sum(r.value::bigint)::bigint from jsonb_each_text(d.records) as r (table_id, value)),
    d.pulls,
    d.pushes,
    d.failures,
    d.failing_since,
    d.last_error_code,
    d.conflicts,
    d.quarantined,
    (
      select count(*)
      from syncwell.sync_quarantine as q
      where q.org_id = d.org_id and q.user_id = d.user_id and q.device_id = d.device_id and q.resolved_at is null
    ),
    d.full_resyncs
  from devices as d
  left join syncwell.sync_cursors as c
    on c.org_id = d.org_id and c.user_id = d.user_id and c.cursor = d.cursor and c.incarnation = v_incarnation
  order by d.last_seen desc, d.user_id, d.device_id;
end
$$;
comment on function syncwell.get_sync_clients(uuid, integer) is
'The devices that sync, those seen last first, at most p_limit (1 to 1000), of p_user_id or (NULL) everything the '
'caller may see. device_id and network_type with consent only; device_id NULL: the client names none, its devices '
'share a row. last_seen, last_pull: idle pulls count once a setting delta.idle_interval; cursor_age: how long ago it '
'was given what it stands at, NULL when that is no longer known; next_pull: first, incremental, or replacement '
'(everything is sent anew); records: how many it should have, NULL when not known; pulls: those with changes; '
'failures: pushes that failed, failing_since the first in a row, last_error_code the SQLSTATE of the last; '
'conflicts: records in conflict; quarantined: records put aside as bad, open_quarantined those that nobody settled; '
'full_resyncs: pulls that replaced everything. Asking about another user is written to the access log. Errors: '
'SW001, SW002, 25006 (another user, in a read-only transaction), 22004, 22023.';
revoke all on function syncwell.get_sync_clients(uuid, integer) from public;
grant execute on function syncwell.get_sync_clients(uuid, integer) to syncwell_reader, syncwell_client;

create or replace function syncwell.get_quarantined_records(
  p_table text default null,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  quarantine_id uuid,
  user_id uuid,
  device_id text,
  table_name text,
  record_id text,
  action text,
  record text,
  error_code text,
  reason text,
  quarantined_at timestamptz
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_shows boolean;
begin
  perform syncwell._note_access('get_quarantined_records', p_user_id);
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  v_shows := v_caller.role in ('admin', 'service');
  return query
  select
    q.id, q.user_id,
    case when o.is_own then q.device_id else syncwell._redact(q.org_id, q.user_id, q.device_id) end,
    q.table_name, q.record_id, q.action,
    case
      when o.is_own then q.record
      when v_shows then syncwell._redact(q.org_id, q.user_id, q.record)
    end,
    q.error_code,
    case when o.is_own then q.reason else syncwell._redact(q.org_id, q.user_id, q.reason) end,
    q.quarantined_at
  from syncwell.sync_quarantine as q
  cross join lateral (select q.user_id is not distinct from v_caller.user_id as is_own) as o
  where q.org_id = v_caller.org_id and q.resolved_at is null
    and (v_caller.sees_org or q.user_id = v_caller.user_id)
    and (p_user_id is null or q.user_id = p_user_id)
    and (p_table is null or q.table_name = p_table)
  order by q.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_quarantined_records(text, integer, uuid) is
'Pushed records that the table refused and that no later push has settled, newest first, p_limit (1 to 1000) of '
'them: of p_table (NULL: all) and p_user_id (NULL: everything the caller may see). record: as the device sent it, '
'NULL for a deletion; shown to the user whose device it was, and to admins and services with consent. error_code: '
'SQLSTATE of the refusal. Asking about another user is written to the access log. Errors: SW001, SW002, 25006 '
'(another user, in a read-only transaction), 22004, 22023.';
revoke all on function syncwell.get_quarantined_records(text, integer, uuid) from public;
grant execute on function syncwell.get_quarantined_records(text, integer, uuid) to syncwell_client, syncwell_reader;

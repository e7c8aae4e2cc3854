create or replace function syncwell.get_sync_conflicts(
  p_table text default null,
  p_open boolean default true,
  p_limit integer default 50,
  p_user_id uuid default null
)
returns table (
  conflict_id uuid,
  user_id uuid,
  device_id text,
  table_name text,
  record_id text,
  action text,
  policy text,
  outcome text,
  server_record jsonb,
  client_record jsonb,
  changed_columns text[],
  occurred_at timestamptz,
  choice text,
  resolved_at timestamptz,
  resolved_by uuid
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
  perform syncwell._note_access('get_sync_conflicts', p_user_id);
  perform syncwell._check_limit(p_limit);
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  v_shows := v_caller.role in ('admin', 'service');
  return query
  select
    c.id, c.user_id,
    case when o.is_own then c.device_id else syncwell._redact(c.org_id, c.user_id, c.device_id) end,
    c.table_name, c.record_id, c.action, c.policy, c.outcome,
    case
      when o.is_own then c.server_record
      when v_shows then syncwell._redact(c.org_id, c.user_id, c.server_record)
    end,
    case
      when o.is_own then c.client_record
      when v_shows then syncwell._redact(c.org_id, c.user_id, c.client_record)
    end,
    c.changed_columns, c.occurred_at, c.choice, c.resolved_at, c.resolved_by
  from syncwell.sync_conflicts as c
  cross join lateral (select c.user_id is not distinct from v_caller.user_id as is_own) as o
  where c.org_id = v_caller.org_id
    and (v_caller.sees_org or c.user_id = v_caller.user_id)
    and (p_user_id is null or c.user_id = p_user_id)
    and (p_table is null or c.table_name = p_table)
    and (p_open is null or (c.resolved_at is null) = p_open)
  order by c.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) is
'Conflicts that a policy decided, newest first, p_limit (1 to 1000) of them: of p_table (NULL: all) and p_user_id '
'(NULL: everything the caller may see); p_open true: those in which no person has chosen otherwise yet, false: the '
'others, NULL: both. server_record and client_record: the two versions as the client sees them, NULL where it was '
'deleted; shown to the user whose device it was, and to admins and services with consent. Asking about another user '
'is written to the access log. Errors: SW001, SW002, 25006 (another user, in a read-only transaction), 22004, 22023.';
revoke all on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) from public;
grant execute on function syncwell.get_sync_conflicts(text, boolean, integer, uuid) to syncwell_client, syncwell_reader;

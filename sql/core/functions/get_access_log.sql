create or replace function syncwell.get_access_log(
  p_user_id uuid default null,
  p_limit integer default 100,
  p_before uuid default null
)
returns table (
  access_id uuid,
  accessed_at timestamptz,
  login_role name,
  user_id uuid,
  role text,
  function_name text,
  subject uuid
)
language plpgsql volatile security definer rows 100
set search_path = pg_catalog, pg_temp
-- with or without a subject: another index each
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_subject constant uuid := case
    when v_caller.role in ('admin', 'service') then p_user_id else coalesce(p_user_id, v_caller.user_id)
  end;
begin
  perform syncwell._note_access('get_access_log', p_user_id);
  perform syncwell._check_limit(p_limit);
  if p_user_id is not null and p_user_id is distinct from v_caller.user_id then
    -- who else was looked at is no analyst's business
    perform syncwell._target_user(p_user_id);
  end if;
  return query
  select a.id, syncwell._uuid7_time(a.id), a.login_role, a.user_id, a.role, a.function_name, a.subject
  from syncwell.access_log as a
  where a.org_id = v_caller.org_id
    and (v_subject is null or a.subject = v_subject)
    and (p_before is null or a.id < p_before)
  order by a.id desc
  limit p_limit;
end
$$;
comment on function syncwell.get_access_log(uuid, integer, uuid) is
'Who asked about p_user_id, newest first; NULL: about anybody of the org for admins and services, about the caller '
'itself for others, who may ask about nobody else. p_limit: default 100, 1 to 1000; p_before: the last access_id of '
'the page before. login_role, user_id (NULL: a service, an operator, or erased since) and role say who asked; '
'function_name what; subject about whom (NULL: erased since). Asking about another user is an entry of its own. '
'Errors: SW001, SW002, 22004, 22023, 25006.';
revoke all on function syncwell.get_access_log(uuid, integer, uuid) from public;
grant execute on function syncwell.get_access_log(uuid, integer, uuid)
to syncwell_client, syncwell_reader, syncwell_worker;

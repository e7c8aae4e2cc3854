create or replace function syncwell.get_sync_activity(
  p_user_id uuid default null,
  p_entity_type text default null,
  p_action text default null,
  p_status text default null,
  p_sync_id text default null,
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_limit integer default 50,
  p_page_token text default null
)
returns table (
  id uuid,
  created_at timestamptz,
  action text,
  status text,
  sync_id text,
  entity_type text,
  record_count bigint,
  duration_seconds numeric,
  error_message text,
  user_id uuid,
  page_token text
)
language plpgsql volatile security definer rows 50
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_last_at timestamptz;
  v_last_id uuid;
begin
  v_caller := syncwell._caller();
  perform syncwell._note_access('get_sync_activity', p_user_id);
  perform syncwell._check_limit(p_limit);
  perform syncwell._check_activity_status(p_status);
  if p_from > p_to then
    raise exception using
      errcode = '22023',
      message = 'the range is the wrong way round',
      detail = format('p_from %s is after p_to %s.', p_from, p_to),
      hint = 'Entries from p_from on and before p_to are returned.';
  end if;
  if p_user_id is not null then
    perform from syncwell.users as u where u.org_id = v_caller.org_id and u.user_id = p_user_id;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s in your org.', p_user_id),
        hint = 'Leave p_user_id out for everybody of the org.';
    end if;
  end if;
  if p_page_token is not null then
    select p.created_at, p.id into v_last_at, v_last_id from syncwell._activity_place(p_page_token) as p;
  end if;
  return query
  select
    a.id, a.created_at, a.action::text, a.status::text, a.sync_id, a.entity_type::text, a.record_count,
    a.duration_seconds,
    case
      when a.error_message is not null and (v_caller.sees_org or a.user_id is null or a.user_id = v_caller.user_id)
        -- consent may have been withdrawn since
        then syncwell._redact(a.org_id, a.user_id, a.error_message)
    end,
    a.user_id,
    to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"') || a.id
  from syncwell._activity_page(
    v_caller.org_id, p_user_id, p_entity_type, p_action, p_status, p_sync_id, p_from, p_to, v_last_at, v_last_id,
    p_limit
  ) as a;
end
$$;
comment on function
syncwell.get_sync_activity(uuid, text, text, text, text, timestamptz, timestamptz, integer, text) is
'The activity log of the caller''s org, newest first: entries of p_user_id, p_entity_type, p_action, p_status, '
'p_sync_id (NULL: any), from p_from on and before p_to (NULL: no bound), p_limit (1 to 1000) of them. The next page: '
'the same call with p_page_token = page_token of the last row; it names a place in time and nothing else, so that of '
'another org''s nothing is seen. error_message: to members only of their own entries and the org''s, by consent. '
'duration in seconds. A filter that nothing matches gives no rows. Asking about another user is written to the access '
'log. Errors: SW001, SW002 the org has no such user, 22004, 22023 limit, status, range or page token, 25006.';
revoke all on function
syncwell.get_sync_activity(uuid, text, text, text, text, timestamptz, timestamptz, integer, text) from public;
grant execute on function
syncwell.get_sync_activity(uuid, text, text, text, text, timestamptz, timestamptz, integer, text)
to syncwell_client, syncwell_reader, syncwell_worker;

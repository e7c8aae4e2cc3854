create or replace function syncwell._visible_streams(
  p_source text,
  p_user_id uuid
)
returns setof syncwell.streams
language plpgsql stable security invoker rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
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
  end if;

  if p_user_id is null and v_caller.sees_org then
    return query
    select s.* from syncwell.streams as s
    where s.org_id = v_caller.org_id
      and s.retired_at is null
      and (p_source is null or s.source = p_source);
  else
    return query
    select s.* from syncwell.streams as s
    where s.org_id = v_caller.org_id
      and s.user_id = coalesce(p_user_id, v_caller.user_id)
      and s.retired_at is null
      and (p_source is null or s.source = p_source);
    if p_user_id is null then
      return query
      select s.* from syncwell.streams as s
      where s.org_id = v_caller.org_id
        and s.user_id is null
        and s.retired_at is null
        and (p_source is null or s.source = p_source);
    end if;
  end if;
end
$$;
comment on function syncwell._visible_streams(text, uuid) is
'Every live stream the caller may see: of p_user_id, or (NULL) its own and the org''s, or all for analysts, admins '
'and services; p_source NULL = all. The one rule of who sees what for functions that read as owner. Errors: SW001, '
'SW002.';
revoke all on function syncwell._visible_streams(text, uuid) from public;

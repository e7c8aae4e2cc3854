create or replace function syncwell._may_depend_on(
  p_org_id uuid,
  p_user_id uuid,
  p_operation_ids uuid[]
)
returns boolean
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_operation_ids = '{}' then
    return true;
  end if;
  return not exists (
    select from unnest(p_operation_ids) as d (id)
    where not exists (
        select from syncwell.sync_queue as q
        where q.org_id = p_org_id and q.id = d.id and (q.user_id is null or q.user_id is not distinct from p_user_id)
      )
      and not exists (
        select from syncwell.sync_queue_archive as a
        where a.org_id = p_org_id and a.id = d.id and (a.user_id is null or a.user_id is not distinct from p_user_id)
      )
  );
end
$$;
comment on function syncwell._may_depend_on(uuid, uuid, uuid[]) is
'Whether an operation of this user may wait for these: they are there, or were, and are its user''s or the org''s.';
revoke all on function syncwell._may_depend_on(uuid, uuid, uuid[]) from public;

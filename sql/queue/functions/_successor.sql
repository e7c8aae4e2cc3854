create or replace function syncwell._successor(
  p_org_id uuid,
  p_operation_id uuid
)
returns uuid
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid := p_operation_id;
  v_next uuid;
begin
  loop
    select a.superseded_by into v_next
    from syncwell.sync_queue_archive as a
    where a.org_id = p_org_id and a.id = v_id and a.status = 'superseded';
    exit when v_next is null;
    v_id := v_next;
  end loop;
  return v_id;
end
$$;
comment on function syncwell._successor(uuid, uuid) is
'The operation itself, or, where it gave way to a newer one, that one.';
revoke all on function syncwell._successor(uuid, uuid) from public;

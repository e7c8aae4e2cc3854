create or replace function syncwell._ensure_stream(
  p_org_id uuid,
  p_user_id uuid,
  p_source text,
  p_platform text
)
returns uuid
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_stream_id uuid;
begin
  -- somebody else may create it at the same moment: then this waits, does nothing, and reads theirs
  insert into syncwell.streams (org_id, user_id, source, platform)
  values (p_org_id, p_user_id, p_source, p_platform)
  on conflict (org_id, user_id, source) do nothing
  returning stream_id into v_stream_id;
  if not found then
    select s.stream_id into strict v_stream_id
    from syncwell.streams as s
    where s.org_id = p_org_id
      and (s.user_id = p_user_id or (p_user_id is null and s.user_id is null))
      and s.source = p_source;
    -- what runs is alive
    update syncwell.streams as s set retired_at = null
    where s.org_id = p_org_id and s.stream_id = v_stream_id and s.retired_at is not null;
  end if;
  insert into syncwell.sync_state (org_id, stream_id, user_id)
  values (p_org_id, v_stream_id, p_user_id)
  on conflict (org_id, stream_id) do nothing;
  return v_stream_id;
end
$$;
comment on function syncwell._ensure_stream(uuid, uuid, text, text) is
'The stream of a user (NULL: the org''s own) and source, with its state; made where it is missing, brought back where '
'it is retired.';
revoke all on function syncwell._ensure_stream(uuid, uuid, text, text) from public;

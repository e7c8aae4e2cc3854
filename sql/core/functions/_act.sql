create or replace function syncwell._act(
  p_org_id uuid,
  p_user_id uuid
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform
    set_config('syncwell.user_id', coalesce(p_user_id::text, ''), true),
    set_config('syncwell.org_id', case when p_user_id is null then p_org_id::text else '' end, true),
    -- the host's own policies see the same user
    set_config(
      'request.jwt.claims',
      jsonb_strip_nulls(jsonb_build_object('sub', p_user_id, 'org_id', p_org_id))::text,
      true
    );
end
$$;
comment on function syncwell._act(uuid, uuid) is
'Sets the identity of a gateway for this transaction. Only act_as() and act_as_org() call it.';
revoke all on function syncwell._act(uuid, uuid) from public;

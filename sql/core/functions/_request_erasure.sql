create or replace function syncwell._request_erasure(
  p_org_id uuid,
  p_user_id uuid
)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.detail_erasures as e (org_id, user_id, requested_at)
  select u.org_id, u.user_id, syncwell._now()
  from syncwell.users as u
  where (p_org_id is null or u.org_id = p_org_id)
    and (p_user_id is null or u.user_id = p_user_id)
    and not syncwell._has_consent(u.org_id, u.user_id, 'detailed_monitoring')
    and u.org_id in (
      select o.org_id from syncwell.orgs as o where syncwell._setting(o.org_id, 'consent_required')::boolean
    )
  -- from the beginning: details may have been stored in between
  on conflict (org_id, user_id) do update
  set
    requested_at = excluded.requested_at,
    requested_xid = excluded.requested_xid,
    reached_step = 0,
    reached_stream = null,
    reached_id = null,
    has_erased = false,
    checked_at = null,
    waits_for = null;
end
$$;
comment on function syncwell._request_erasure(uuid, uuid) is
'Has the stored details erased of p_user_id, of an org''s users, or (both NULL) of all users, as far as consent is '
'required and missing.';
revoke all on function syncwell._request_erasure(uuid, uuid) from public;

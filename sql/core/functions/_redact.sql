create or replace function syncwell._redact(
  p_org_id uuid,
  p_user_id uuid,
  p_value anyelement
)
returns anyelement
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value is null or p_user_id is null then
    return p_value;
  end if;
  -- in two steps: where no consent is required, none is looked for
  if syncwell._setting(p_org_id, 'consent_required')::boolean then
    if not syncwell._has_consent(p_org_id, p_user_id, 'detailed_monitoring') then
      return null;
    end if;
  end if;
  return p_value;
end
$$;
comment on function syncwell._redact(uuid, uuid, anyelement) is
'A detail of a user''s stream (error text, device, network, sample) as it may be stored and shown: itself, or NULL '
'where the org requires consent (setting consent_required) and the user''s to detailed_monitoring is not in force. '
'Details of the org''s own streams always pass.';
revoke all on function syncwell._redact(uuid, uuid, anyelement) from public;

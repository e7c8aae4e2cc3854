create or replace function syncwell._preview_lifetime(
  p_org_id uuid,
  p_sync_type text,
  p_ttl interval
)
returns interval
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_ttl not between interval '1 second' and interval '30 days' then
    raise exception using
      errcode = '22023',
      message = 'a preview can not be valid for this long',
      detail = format('p_ttl is %s.', p_ttl),
      hint = 'Pass 1 second to 30 days, or leave it out for setting preview.ttl.';
  end if;
  return coalesce(p_ttl, syncwell._setting(p_org_id, 'preview.ttl', p_sync_type)::interval);
end
$$;
comment on function syncwell._preview_lifetime(uuid, text, interval) is
'How long a preview is valid: p_ttl, or setting preview.ttl when NULL. Errors: 22023 outside 1 second to 30 days.';
revoke all on function syncwell._preview_lifetime(uuid, text, interval) from public;

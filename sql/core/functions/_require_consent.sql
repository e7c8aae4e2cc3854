create or replace function syncwell._require_consent()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(new.key, old.key) = 'consent_required' then
    perform syncwell._request_erasure(coalesce(new.org_id, old.org_id), null);
  end if;
  return null;
end
$$;
comment on function syncwell._require_consent() is
'Trigger: once consent is required, what was stored without it is erased.';
revoke all on function syncwell._require_consent() from public;

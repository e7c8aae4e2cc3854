create or replace function syncwell.get_setting(
  p_key text,
  p_source text default null,
  p_platform text default null
)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return syncwell._setting((syncwell._identity()).org_id, p_key, p_source, p_platform);
end
$$;
comment on function syncwell.get_setting(text, text, text) is
'The effective value of the setting p_key, as text, for the caller''s org (nobody: for all orgs), p_source and '
'p_platform. Errors: SW010.';
revoke all on function syncwell.get_setting(text, text, text) from public;
grant execute on function syncwell.get_setting(text, text, text)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

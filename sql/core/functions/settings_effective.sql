create or replace function syncwell.settings_effective(p_source text default null)
returns table (
  key text,
  value text,
  level text,
  default_value text,
  unit text,
  description text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select e.key, e.value, e.level, d.default_value, d.unit, d.description
  from syncwell._effective_settings((syncwell._identity()).org_id, p_source) as e
  join syncwell.setting_definitions as d using (key)
  order by e.key;
end
$$;
comment on function syncwell.settings_effective(text) is
'Every setting as it holds for the caller''s org and p_source: value as text, the level that decided (source, org, '
'everywhere, default), the default, unit and meaning. Errors: none.';
revoke all on function syncwell.settings_effective(text) from public;
grant execute on function syncwell.settings_effective(text)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

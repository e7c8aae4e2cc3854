create or replace function syncwell._setting(
  p_org_id uuid,
  p_key text,
  p_source text default null,
  p_platform text default null
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
-- called again and again: planning costs more than reading
set plan_cache_mode = force_generic_plan
as $$
declare
  v_value text;
begin
  select coalesce(
    (
      select s.value
      from syncwell.settings as s
      where s.key = d.key
        and (s.org_id is null or s.org_id = p_org_id)
        and (s.source is null or s.source = p_source)
        and (s.platform is null or s.platform = p_platform)
      order by s.source is null, s.platform is null, s.org_id is null
      limit 1
    ),
    d.default_value
  )
  into v_value
  from syncwell.setting_definitions as d
  where d.key = p_key;
  if not found then
    raise exception using
      errcode = 'SW010',
      message = 'unknown setting',
      detail = format('There is no setting %s.', coalesce(quote_literal(left(p_key, 100)), 'NULL')),
      hint = 'select key, description from syncwell.setting_definitions lists them.';
  end if;
  return v_value;
end
$$;
comment on function syncwell._setting(uuid, text, text, text) is
'The effective value of a setting as text; the most specific wins in the order source, platform, org, default. '
'Errors: SW010.';
revoke all on function syncwell._setting(uuid, text, text, text) from public;

create or replace function syncwell.set_setting(
  p_key text,
  p_value text,
  p_source text default null,
  p_platform text default null,
  p_org_id uuid default null
)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_source is not null then
    perform syncwell._check_source(p_source);
  end if;
  perform syncwell._check_platform(p_platform);
  if p_org_id is not null then
    perform from syncwell.orgs as o where o.org_id = p_org_id;
    if not found then
      raise exception using
        errcode = 'SW003',
        message = 'unknown org',
        detail = format('There is no org %s.', p_org_id),
        hint = 'Leave p_org_id out to set it for all orgs.';
    end if;
  end if;

  if p_value is null then
    -- raises for a key that is not defined
    perform syncwell._setting(p_org_id, p_key);
    delete from syncwell.settings as s
    where s.key = p_key
      and (s.org_id, s.source, s.platform) is not distinct from (p_org_id, p_source, p_platform);
  else
    perform syncwell._check_setting(p_key, p_value);
    insert into syncwell.settings (org_id, source, platform, key, value)
    values (p_org_id, p_source, p_platform, p_key, p_value)
    on conflict on constraint settings_are_set_once_per_place do update
    set value = excluded.value, set_at = excluded.set_at, set_by = excluded.set_by
    where settings.value <> excluded.value;
  end if;
  return syncwell._setting(p_org_id, p_key, p_source, p_platform);
end
$$;
comment on function syncwell.set_setting(text, text, text, text, uuid) is
'Sets the setting p_key to p_value for p_source, p_platform and p_org_id (NULL: all), or removes it there (p_value '
'NULL); returns what is effective there now. Errors: SW010 unknown key, SW011 value out of range, SW003 unknown org, '
'22023 bad source or platform.';
revoke all on function syncwell.set_setting(text, text, text, text, uuid) from public;
grant execute on function syncwell.set_setting(text, text, text, text, uuid) to syncwell_operator;

create or replace function syncwell._effective_settings(
  p_org_id uuid,
  p_source text default null,
  p_platform text default null
)
returns table (
  key text,
  value text,
  level text
)
language sql stable security invoker
begin atomic
  select distinct on (d.key)
    d.key,
    coalesce(s.value, d.default_value) as value,
    case
      when s.key is null then 'default'
      when s.source is not null then 'source'
      when s.platform is not null then 'platform'
      when s.org_id is not null then 'org'
      else 'everywhere'
    end as level
  from syncwell.setting_definitions as d
  left join syncwell.settings as s
    on
      d.key = s.key
      and (s.org_id is null or s.org_id = p_org_id)
      and (s.source is null or s.source = p_source)
      and (s.platform is null or s.platform = p_platform)
  -- the most specific first
  order by d.key, s.source is null, s.platform is null, s.org_id is null;
end;
comment on function syncwell._effective_settings(uuid, text, text) is
'Every setting with its effective value and the level that decided: source, platform, org, everywhere (set for all), '
'default.';
revoke all on function syncwell._effective_settings(uuid, text, text) from public;

create or replace function syncwell._health_settings(
  p_org_id uuid,
  p_stale_after interval default null,
  out settings jsonb,
  out overrides jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_any boolean;
  v_stale_after constant jsonb := case
    when p_stale_after is not null then jsonb_build_object('health.stale_after', p_stale_after::text)
    else '{}'
  end;
begin
  select
    jsonb_object_agg(d.key, d.default_value) || v_stale_after,
    exists (select from syncwell.settings as s where s.org_id = p_org_id or s.org_id is null)
  into settings, v_any
  from syncwell.setting_definitions as d
  where d.key like 'health.%' or d.key like 'runs.%';
  -- nearly always nobody set anything
  if not v_any then
    return;
  end if;

  select jsonb_object_agg(e.key, e.value) || v_stale_after into settings
  from syncwell._effective_settings(p_org_id) as e
  where e.key like 'health.%' or e.key like 'runs.%';

  -- every combination that somebody set something for, under the key that _stream_settings() looks for
  with places as materialized (
    select s.source, s.platform
    from syncwell.settings as s
    where (s.org_id = p_org_id or s.org_id is null)
      and (s.source is not null or s.platform is not null)
      and (s.key like 'health.%' or s.key like 'runs.%')
  ),
  combinations as (
    select a.source, b.platform
    from (select p.source from places as p union select null) as a
    cross join (select p.platform from places as p union select null) as b
    where a.source is not null or b.platform is not null
  )
  select jsonb_object_agg(coalesce(c.source, '') || '|' || coalesce(c.platform, ''), v.document) into overrides
  from combinations as c
  cross join lateral (
    select jsonb_object_agg(e.key, e.value) || v_stale_after as document
    from syncwell._effective_settings(p_org_id, c.source, c.platform) as e
    where e.key like 'health.%' or e.key like 'runs.%'
  ) as v;
end
$$;
comment on function syncwell._health_settings(uuid, interval) is
'The settings that health reads, for all streams of an org at once: settings = as they hold for the org; overrides = '
'one document for each source and platform that somebody set something for, NULL when nobody did. _stream_settings() '
'picks a stream''s. p_stale_after: in place of health.stale_after in all of them; NULL: as set.';
revoke all on function syncwell._health_settings(uuid, interval) from public;

create or replace function syncwell._without_pending(
  p_org_id uuid,
  p_now timestamptz,
  p_settings jsonb,
  p_overrides jsonb,
  p_found syncwell.issue_verdict[]
)
returns syncwell.issue_verdict[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_waiting text[];
begin
  -- nearly always nobody asked for it
  if
    (p_settings ->> 'health.pending_for')::interval = '0'
    and not exists (
      select from jsonb_each(p_overrides) as o (key, settings)
      where (o.settings ->> 'health.pending_for')::interval > '0'
    )
    and not exists (
      select from syncwell.stream_states as t where t.org_id = p_org_id and t.pending_issues is not null
    )
  then
    return p_found;
  end if;

  with candidates as materialized (
    select
      f.stream_id, f.fingerprint,
      coalesce((t.pending_issues ->> f.fingerprint)::timestamptz, p_now) as found_at,
      (
        syncwell._stream_settings(p_settings, p_overrides, f.source, f.platform) ->> 'health.pending_for'
      )::interval as pending_for
    from unnest(p_found) as f
    left join syncwell.stream_states as t on t.org_id = p_org_id and t.stream_id = f.stream_id
    where f.stream_id is not null
      and (f.issue_type <> 'failure' or f.severity <> 'critical')
      and not exists (
        select from syncwell.sync_issues as i
        where i.org_id = p_org_id and i.fingerprint = f.fingerprint and i.state <> 'resolved'
      )
  ),
  waiting as materialized (
    select c.stream_id, c.fingerprint, c.found_at from candidates as c where p_now - c.found_at < c.pending_for
  ),
  documents as materialized (
    select w.stream_id, jsonb_object_agg(w.fingerprint, w.found_at) as pending_issues
    from waiting as w
    group by w.stream_id
  ),
  changed as materialized (
    select t.stream_id, d.pending_issues
    from syncwell.stream_states as t
    left join documents as d on d.stream_id = t.stream_id
    where t.org_id = p_org_id
      and t.pending_issues is distinct from d.pending_issues
  ),
  locked as materialized (
    select t.stream_id
    from syncwell.stream_states as t
    where t.org_id = p_org_id and t.stream_id in (select c.stream_id from changed as c)
    order by t.stream_id
    for no key update skip locked
  ),
  written as (
    update syncwell.stream_states as t
    set pending_issues = c.pending_issues
    from locked as l
    inner join changed as c on c.stream_id = l.stream_id
    where t.org_id = p_org_id and t.stream_id = l.stream_id
  )
  select array_agg(w.fingerprint) into v_waiting from waiting as w;
  return array(
    select f
    from unnest(p_found) as f
    left join unnest(v_waiting) as w (fingerprint) on w.fingerprint = f.fingerprint
    where w.fingerprint is null
  );
end
$$;
comment on function syncwell._without_pending(uuid, timestamptz, jsonb, jsonb, syncwell.issue_verdict[]) is
'What was found without what has not lasted for health.pending_for yet, which stream_states.pending_issues remembers. '
'From the failure threshold on failures wait for nothing, nor does what is no stream''s.';
revoke all on function
syncwell._without_pending(uuid, timestamptz, jsonb, jsonb, syncwell.issue_verdict[]) from public;

create or replace function syncwell._found_issues(
  p_org_id uuid,
  p_now timestamptz,
  p_settings jsonb,
  p_overrides jsonb,
  p_expecting bigint,
  p_late bigint,
  p_blind_from timestamptz
)
returns syncwell.issue_verdict[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_found syncwell.issue_verdict[];
  v_mass_fingerprint constant text := syncwell._issue_fingerprint('mass_staleness', null, null, null, null, null);
  v_mass syncwell.sync_issues;
  v_share constant numeric := (p_settings ->> 'health.mass_share')::numeric;
  v_minimum constant bigint := (p_settings ->> 'health.mass_minimum')::bigint;
  v_stale bigint;
  v_sources text[];
  v_first uuid[];
  v_since timestamptz;
  v_goes_on boolean;
begin
  v_found := array(
    select
      row(
        null, f.fingerprint, i.issue_type, i.severity, i.stream_id, i.user_id, i.source, i.platform, i.since,
        i.evidence, i.suggestion, null, null, null, true, false, false, false
      )::syncwell.issue_verdict
    from syncwell._issues_of(p_org_id, null, null, null, true) as i
    cross join lateral (
      select
        syncwell._issue_fingerprint(i.issue_type, i.stream_id, i.source, i.platform, i.user_id, i.cause) as fingerprint
    ) as f
  );
  -- two of one fingerprint would end the evaluation of the org
  if (select count(*) > count(distinct f.fingerprint) from unnest(v_found) as f) then
    v_found := array(
      select f
      from (
        select distinct on (f.fingerprint) f
        from unnest(v_found) as f
        order by f.fingerprint, array_position(array['critical', 'warning', 'info'], f.severity), f.since
      ) as u (f)
    );
  end if;
  v_found := syncwell._without_pending(p_org_id, p_now, p_settings, p_overrides, v_found);

  select count(*), min(f.since) into v_stale, v_since
  from unnest(v_found) as f
  where f.issue_type in ('stale_data', 'missing_source');
  select i.* into v_mass
  from syncwell.sync_issues as i
  where i.org_id = p_org_id and i.fingerprint = v_mass_fingerprint and i.state <> 'resolved';
  v_goes_on := v_mass.id is not null;
  v_stale := v_stale + p_late;
  -- it begins above the share, and ends below half of it
  if
    v_goes_on and v_stale > 0 and v_stale >= v_share / 2 * p_expecting
    or not v_goes_on and v_stale >= v_minimum and v_stale > v_share * p_expecting
  then
    v_sources := array(
      select distinct f.source
      from unnest(v_found) as f
      where f.issue_type in ('stale_data', 'missing_source')
      order by f.source
    );
    v_first := array(
      select f.stream_id
      from unnest(v_found) as f
      where f.issue_type in ('stale_data', 'missing_source')
      order by f.since, f.stream_id
      limit 20
    );
    v_found := v_found || row(
      v_mass.id, v_mass_fingerprint, 'mass_staleness', 'critical', null, null, null, null,
      case when v_goes_on then v_mass.since else v_since end,
      case
        when v_goes_on and p_late > 0 then v_mass.evidence
        else
          jsonb_build_object(
            'streams', v_stale,
            'expecting', p_expecting,
            'share', round(v_stale::numeric / greatest(p_expecting, 1), 3),
            'mass_share', v_share,
            'sources', v_sources,
            'first_streams', v_first
          )
      end,
      'One cause for all of them: see what they share (scheduler, network, credentials, a release).',
      null, null, null, true, false, false, false
    )::syncwell.issue_verdict;
  end if;

  if p_blind_from is not null then
    v_found := v_found || row(
      null, syncwell._issue_fingerprint('evaluation_gap', null, null, null, null, null), 'evaluation_gap', 'warning',
      null, null, null, null, p_blind_from,
      jsonb_build_object(
        'from', p_blind_from,
        'until', p_now,
        'gap_seconds', round(extract(epoch from p_now - p_blind_from)),
        'evaluation_interval_seconds', extract(epoch from (p_settings ->> 'health.evaluation_interval')::interval)
      ),
      'See why nothing called evaluate_health() (scheduler, server); what happened meanwhile is unknown.',
      null, null, null, true, false, false, false
    )::syncwell.issue_verdict;
  end if;
  return v_found;
end
$$;
comment on function syncwell._found_issues(uuid, timestamptz, jsonb, jsonb, bigint, bigint, timestamptz) is
'The part of evaluate_health() that finds what is wrong in an org: what _issues_of() tells, once a fingerprint and '
'after health.pending_for; mass_staleness where more than health.mass_share of p_expecting streams are stale, until '
'fewer than half of that share are (p_late: how many are not found, but overdue since before nothing evaluated); '
'evaluation_gap where nothing evaluated from p_blind_from on (NULL: something did).';
revoke all on function syncwell._found_issues(uuid, timestamptz, jsonb, jsonb, bigint, bigint, timestamptz) from public;

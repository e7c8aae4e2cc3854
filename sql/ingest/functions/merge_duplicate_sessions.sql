create or replace function syncwell.merge_duplicate_sessions(
  p_dry_run boolean default true,
  p_user_id uuid default null,
  p_limit integer default 100,
  p_again boolean default false
)
returns table (
  merge_id uuid,
  user_id uuid,
  kept_id uuid,
  removed_id uuid,
  reason text,
  moved bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
  v_org_id uuid;
  v_in_org uuid;
  v_now constant timestamptz := syncwell._now();
  v_merges syncwell.session_merges[] := array[]::syncwell.session_merges[];
  v_undone boolean := false;
begin
  if p_dry_run is null then
    raise exception using
      errcode = '22004',
      message = 'a dry run or not?',
      detail = 'p_dry_run is NULL.',
      hint = 'Pass false to merge; leave it out to see what would be.';
  end if;
  perform syncwell._check_limit(p_limit);
  v_org_id := syncwell._may_merge_sessions();
  if p_user_id is not null then
    select u.org_id into v_org_id
    from syncwell.users as u
    where u.user_id = p_user_id and (v_org_id is null or u.org_id = v_org_id);
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s whose sessions this caller may merge.', p_user_id),
        hint = 'Leave it out for all users.';
    end if;
  end if;

  -- a dry run does all of it, and then it has not happened: so it can not be wrong
  begin
    for v_in_org in
      select o.org_id from syncwell.orgs as o where v_org_id is null or o.org_id = v_org_id order by o.org_id
    loop
      exit when cardinality(v_merges) >= p_limit;
      v_merges := v_merges || syncwell._merge_duplicates(
        v_in_org, p_user_id, p_limit - cardinality(v_merges), coalesce(p_again, false), v_now
      );
    end loop;
    if p_dry_run then
      v_undone := true;
      raise exception using
        errcode = 'raise_exception',
        message = 'a dry run ends here',
        detail = 'It is caught where it is raised.',
        hint = 'Nothing is to be done.';
    end if;
  exception
    when raise_exception then
      if not v_undone then
        raise;
      end if;
  end;
  return query
  select
    case when not p_dry_run then m.merge_id end, m.user_id, m.kept_id, m.removed_id, m.reason, m.moved
  from unnest(v_merges) as m;
end
$$;
comment on function syncwell.merge_duplicate_sessions(boolean, uuid, integer, boolean) is
'Merges sessions that are one and the same, as find_duplicate_sessions() finds them, and again what then is, until '
'none are left or p_limit (1 to 1000) merges are done; of p_user_id (NULL: all). p_dry_run (the default) tells what '
'it would do and changes nothing; merge_id is NULL then. The removed session''s records, events and local ids move to '
'the kept one, each logged (session_merges, session_merge_moves; moved: how many), of two records of a kind and time '
'the one written later stays; the kept one has the earliest start, the latest end, and is completed if either was. '
'What arrives for the removed one later goes to the kept one. revert_session_merge() undoes it; what was reverted is '
'merged again with p_again only. Admins and services merge their org''s, operators any org''s. Nothing is taken for '
'these users while the transaction lasts. Errors: SW001, SW002, 22004, 22023, 25006, 40001, 42501.';
revoke all on function syncwell.merge_duplicate_sessions(boolean, uuid, integer, boolean) from public;
grant execute on function syncwell.merge_duplicate_sessions(boolean, uuid, integer, boolean)
to syncwell_client, syncwell_worker, syncwell_operator;

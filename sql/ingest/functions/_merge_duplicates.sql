create or replace function syncwell._merge_duplicates(
  p_org_id uuid,
  p_user_id uuid,
  p_limit integer,
  p_again boolean,
  p_now timestamptz
)
returns syncwell.session_merges[]
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_users uuid[] := case when p_user_id is not null then array[p_user_id] end;
  v_user_id uuid;
  v_pair record;
  v_merges syncwell.session_merges[] := array[]::syncwell.session_merges[];
  v_before integer := -1;
begin
  v_users := array(
    select distinct f.user_id
    from (
      select p.user_id
      from syncwell._session_pairs(p_org_id, syncwell._session_candidates(p_org_id, v_users), p_again) as p
      order by p.user_id
      limit p_limit
    ) as f
    order by f.user_id
  );
  foreach v_user_id in array v_users loop
    perform syncwell._lock_sessions(p_org_id, v_user_id, true);
  end loop;
  -- What is merged may be one with a third, or now be the only one for records without a session. What was found before
  -- the locks is found again.
  while v_users <> '{}' and cardinality(v_merges) < p_limit and cardinality(v_merges) > v_before loop
    v_before := cardinality(v_merges);
    for v_pair in
      select p.*
      from syncwell._session_pairs(p_org_id, syncwell._session_candidates(p_org_id, v_users), p_again) as p
      order by p.user_id, p.kept_id
      limit p_limit - cardinality(v_merges)
    loop
      v_merges := v_merges || syncwell._merge_sessions(
        p_org_id, v_pair.user_id, v_pair.kept_id, v_pair.removed_id, v_pair.reason, p_now
      );
    end loop;
  end loop;
  return v_merges;
end
$$;
comment on function syncwell._merge_duplicates(uuid, uuid, integer, boolean, timestamptz) is
'Merges the duplicate sessions of a user (NULL: of all of the org), p_limit at most, until none are left, and returns '
'what it did.';
revoke all on function syncwell._merge_duplicates(uuid, uuid, integer, boolean, timestamptz) from public;

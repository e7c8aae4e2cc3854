create or replace function syncwell._session_candidates(
  p_org_id uuid,
  p_user_ids uuid[]
)
returns uuid[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_within constant interval := syncwell._setting(p_org_id, 'ingest.duplicate_within')::interval;
begin
  return array(
    select n.session_id
    from (
      select
        s.session_id,
        s.started_at - lag(s.started_at) over w as since,
        lead(s.started_at) over w - s.started_at as until
      from syncwell.sync_sessions as s
      where s.org_id = p_org_id and (p_user_ids is null or s.user_id = any(p_user_ids))
      window w as (partition by s.user_id order by s.started_at)
    ) as n
    where least(n.since, n.until) <= v_within
    union
    select c.session_id
    from syncwell.session_counts as c
    where c.org_id = p_org_id and not c.has_session and (p_user_ids is null or c.user_id = any(p_user_ids))
  );
end
$$;
comment on function syncwell._session_candidates(uuid, uuid[]) is
'The sessions of users (NULL: of all of the org) that may be another one: those that start near another, and those '
'that nobody started.';
revoke all on function syncwell._session_candidates(uuid, uuid[]) from public;

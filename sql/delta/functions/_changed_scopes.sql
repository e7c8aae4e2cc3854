create or replace function syncwell._changed_scopes(
  p_scopes uuid[],
  p_since pg_snapshot,
  out seen pg_snapshot,
  out scopes uuid[]
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
-- an array is planned for as long as it is
set plan_cache_mode = force_custom_plan
as $$
declare
  v_me constant record := syncwell._identity();
begin
  perform syncwell._check_gateway();
  seen := pg_current_snapshot();
  scopes := array(
    select s.scope
    from unnest(p_scopes) as s (scope)
    where (v_me.org_id is null or s.scope in (v_me.user_id, v_me.org_id))
      and exists (
        select from syncwell.record_changes as c
        where c.scope = s.scope
          and c.xid >= pg_snapshot_xmin(p_since)
          -- what was under way then and is committed now counts, whatever the order of ids
          and not pg_visible_in_snapshot(c.xid, p_since)
      )
  );
end
$$;
comment on function syncwell._changed_scopes(uuid[], pg_snapshot) is
'In which of these scopes (users and orgs, as in record_changes) records have changed since p_since (NULL: in none); '
'seen: what to ask with next time. For the server that tells devices when to pull; a gateway that acts for somebody '
'learns of its own scopes only. Errors: 42501 for all but gateways.';
revoke all on function syncwell._changed_scopes(uuid[], pg_snapshot) from public;
-- whoever may act for every user may know whose records changed
grant execute on function syncwell._changed_scopes(uuid[], pg_snapshot) to syncwell_gateway;

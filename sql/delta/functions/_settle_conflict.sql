create or replace function syncwell._settle_conflict(
  p_conflict_id uuid,
  p_choice text
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record;
begin
  v_caller := syncwell._caller();
  update syncwell.sync_conflicts as c
  set choice = p_choice, resolved_at = syncwell._now(), resolved_by = v_caller.user_id
  where c.org_id = v_caller.org_id and c.id = p_conflict_id
    and (c.user_id = v_caller.user_id or v_caller.role in ('admin', 'service'));
end
$$;
comment on function syncwell._settle_conflict(uuid, text) is
'Notes who chose what in a conflict: the caller''s own, or for admins and services one of their org. Errors: SW001.';
revoke all on function syncwell._settle_conflict(uuid, text) from public;
-- resolve_conflict writes the record with the caller's rights
grant execute on function syncwell._settle_conflict(uuid, text) to syncwell_client, syncwell_worker;

create or replace function syncwell.mark_error_resolved(p_error_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_error syncwell.sync_errors := syncwell._locked_error(p_error_id);
begin
  if v_error.resolved_at is not null then
    return false;
  end if;
  update syncwell.sync_errors as e
  set
    resolved_at = syncwell._now(),
    next_retry_at = null,
    lane = 'none',
    retry_lease = null,
    retry_lease_until = null
  where e.org_id = v_error.org_id and e.id = v_error.id;
  return true;
end
$$;
comment on function syncwell.mark_error_resolved(uuid) is
'Resolves the error p_error_id by hand: it is not retried any more and the next of its kind is a new one. The '
'stream''s health stays as its runs made it. False when it was resolved already. Errors: SW001, SW104, 22004.';
revoke all on function syncwell.mark_error_resolved(uuid) from public;
grant execute on function syncwell.mark_error_resolved(uuid) to syncwell_worker;

create or replace function syncwell.release_preview(p_lease_token uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller constant record := syncwell._caller();
begin
  if p_lease_token is null then
    raise exception using
      errcode = '22004',
      message = 'a token is needed',
      detail = 'p_lease_token is NULL.',
      hint = 'Pass what claim_preview() gave.';
  end if;
  delete from syncwell.preview_claims as c where c.org_id = v_caller.org_id and c.lease_token = p_lease_token;
  return found;
end
$$;
comment on function syncwell.release_preview(uuid) is
'Gives up what claim_preview() gave, by its p_lease_token, so that another one may compute it at once; false: it was '
'not held any more. Errors: SW001, 22004.';
revoke all on function syncwell.release_preview(uuid) from public;
grant execute on function syncwell.release_preview(uuid) to syncwell_worker;

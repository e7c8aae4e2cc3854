create or replace function syncwell._refuse_resolved_error(p_error_id uuid)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW106',
    message = 'the error is resolved',
    detail = format('Error %s is resolved: there is nothing left to retry.', p_error_id),
    hint = 'If it comes back, it comes back as a new error.';
end
$$;
comment on function syncwell._refuse_resolved_error(uuid) is 'Raises SW106.';
revoke all on function syncwell._refuse_resolved_error(uuid) from public;

create or replace function syncwell._refuse_unknown_error(p_error_id uuid)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_error_id is null then
    raise exception using
      errcode = '22004',
      message = 'the id of an error is needed',
      detail = 'p_error_id is NULL.',
      hint = 'record_sync_error() and get_error_report() return it.';
  end if;
  raise exception using
    errcode = 'SW104',
    message = 'unknown sync error',
    detail = format('There is no error %s here.', p_error_id),
    hint = 'get_error_report() lists the errors.';
end
$$;
comment on function syncwell._refuse_unknown_error(uuid) is
'Raises SW104, the same for a missing error and a foreign one, or 22004 when none was named.';
revoke all on function syncwell._refuse_unknown_error(uuid) from public;

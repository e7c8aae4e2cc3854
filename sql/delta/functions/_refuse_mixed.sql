create or replace function syncwell._refuse_mixed()
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'SW305',
    message = 'this transaction has pulled: it may not write to synced tables any more',
    detail = 'The cursor that was handed out counts this transaction as seen, so that its writes would never be sent.',
    hint = 'Pull in a transaction of its own.';
end
$$;
comment on function syncwell._refuse_mixed() is
'Refuses a tracked write after a pull in the same transaction. Errors: SW305.';
revoke all on function syncwell._refuse_mixed() from public;

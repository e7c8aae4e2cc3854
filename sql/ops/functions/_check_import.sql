create or replace function syncwell._check_import(
  p_kind text,
  p_query text,
  p_import text,
  p_dry_run boolean,
  p_batch integer
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if num_nulls(p_kind, p_query, p_import, p_dry_run, p_batch) > 0 then
    raise exception using
      errcode = '22004',
      message = 'an import needs all of its arguments',
      detail = 'One of them is NULL.',
      hint = 'Pass a kind and a query; leave the others out for their defaults.';
  end if;
  if p_kind <> all (array['sessions', 'records', 'events', 'sync_state', 'sync_health']) then
    raise exception using
      errcode = '22023',
      message = 'unknown kind',
      detail = format('p_kind is %L.', left(p_kind, 100)),
      hint = 'Pass sessions, records, events, sync_state or sync_health.';
  end if;
  if p_import !~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}$' then
    raise exception using
      errcode = '22023',
      message = 'bad name of an import',
      detail = format('p_import is %L.', left(p_import, 100)),
      hint = 'Pass 1 to 63 letters, digits and _.:-, the first a letter or digit.';
  end if;
  if p_batch not between 1 and 100000 then
    raise exception using
      errcode = '22023',
      message = 'batch out of range',
      detail = format('p_batch is %s.', p_batch),
      hint = 'Pass a number of rows from 1 to 100000.';
  end if;
  if length(p_query) > 100000 then
    raise exception using
      errcode = '22001',
      message = 'the query is too long',
      detail = format('It has %s characters.', length(p_query)),
      hint = 'Make it a view, and select from that.';
  end if;
end
$$;
comment on function syncwell._check_import(text, text, text, boolean, integer) is
'Refuses arguments that import_existing() does not take. Errors: 22001, 22004, 22023.';
revoke all on function syncwell._check_import(text, text, text, boolean, integer) from public;
-- import_existing() runs as its caller, as its query must
grant execute on function syncwell._check_import(text, text, text, boolean, integer) to syncwell_operator;

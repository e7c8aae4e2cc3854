create or replace function syncwell._check_pull(
  p_schema_version integer,
  p_tables text[],
  p_device_id text,
  p_limit integer
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if current_setting('transaction_read_only')::boolean then
    raise exception using
      errcode = '25006',
      message = 'a pull stores its cursor, which can''t be done here',
      detail = case when pg_is_in_recovery() then 'This server is a standby.' else 'The transaction is read-only.' end,
      hint = 'Pull from the primary, in a transaction that may write.';
  end if;
  v_wrong := case
    when p_limit not between 1 and 100000 then format('p_limit is %s; it goes from 1 to 100000.', p_limit)
    when p_schema_version < 0 then format('p_schema_version is %s.', p_schema_version)
    when cardinality(p_tables) > 1000 then format('p_tables has %s names, more than 1000.', cardinality(p_tables))
  end;
  if v_wrong is not null then
    raise exception using
      errcode = '22023',
      message = 'a parameter of the pull is out of range',
      detail = v_wrong,
      hint = 'Leave it out, or see the comment on sync_pull().';
  end if;
  if char_length(p_device_id) > 255 then
    raise exception using
      errcode = '22001',
      message = 'p_device_id is too long',
      detail = format('It has %s characters, more than 255.', char_length(p_device_id)),
      hint = 'A UUID will do.';
  end if;
end
$$;
comment on function syncwell._check_pull(integer, text[], text, integer) is
'Refuses what a pull can''t be made with. Errors: 22001, 22023, 25006.';
revoke all on function syncwell._check_pull(integer, text[], text, integer) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._check_pull(integer, text[], text, integer) to syncwell_client;

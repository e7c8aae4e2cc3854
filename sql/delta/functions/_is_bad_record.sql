create or replace function syncwell._is_bad_record(p_sqlstate text)
returns boolean
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- what would be the same for every record: no connection, feature, transaction, privilege, syntax, resource, lock,
  -- shutdown, system, foreign server, syncwell's own. But 42501 can be a policy's, about one record, and 54 a text that
  -- is too long for an index
  return p_sqlstate = '42501' or left(p_sqlstate, 2) <> all (
    array['08', '0A', '25', '26', '28', '34', '3D', '3F', '40', '42', '53', '55', '57', '58', 'F0', 'HV', 'SW', 'XX']
  );
end
$$;
comment on function syncwell._is_bad_record(text) is
'Whether an SQLSTATE says that a record is bad (a value, a constraint, a trigger that raises) and not that the push '
'as a whole can''t be done.';
revoke all on function syncwell._is_bad_record(text) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._is_bad_record(text) to syncwell_client;

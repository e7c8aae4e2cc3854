create or replace function syncwell._hidden_records(
  p_part syncwell.pull_part,
  p_ids text[]
)
returns text[]
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- what a push kept may be gone by now without a change that is newer than the cursor
  v_ids constant text[] := array(
    select i.id from unnest(p_ids) as i (id) where i.id <> all (coalesce(p_part.absent, '{}'))
  );
begin
  if v_ids <> '{}' and not p_part.revokes then
    raise exception using
      errcode = 'SW306',
      message = 'records are hidden from their owner',
      detail = format(
        '%s of the changed records of table %s are the caller''s but not shown to it: %s.', cardinality(v_ids),
        p_part.table_name, left(array_to_string(v_ids[:5], ', '), 200)
      ),
      hint = 'Correct the table''s policies, or register it with p_rls_revokes => true to have such records deleted on '
      'devices. Records that went while their triggers were disabled: resync_table().';
  end if;
  return v_ids;
end
$$;
comment on function syncwell._hidden_records(syncwell.pull_part, text[]) is
'Which of the changed records that could not be read a device has to delete, where the table says that hidden means '
'revoked. Errors: SW306 where it does not.';
revoke all on function syncwell._hidden_records(syncwell.pull_part, text[]) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._hidden_records(syncwell.pull_part, text[]) to syncwell_client;

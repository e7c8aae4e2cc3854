create or replace function syncwell._delete_pushed(
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_ids text[],
  p_search_path text,
  out deleted bigint,
  out refused text[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_gone text[];
begin
  refused := '{}';
  execute format(
    'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)', p_table || '_push_delete'
  )
  into v_gone
  using p_scope, p_org, p_ids, p_search_path;
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  deleted := cardinality(v_gone);
  if deleted < cardinality(p_ids) then
    -- what is still there: a trigger or a policy keeps it
    execute format(
      'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)', p_table || '_push_lock'
    )
    into refused
    using p_scope, p_org, array(
      select i.id from unnest(p_ids) as i (id)
      except
      select g.id from unnest(v_gone) as g (id)
    ), p_search_path;
  end if;
end
$$;
comment on function syncwell._delete_pushed(text, uuid, uuid, text[], text) is
'Deletes records of one table, whose rows are locked. refused: those that are still there. Errors: whatever the table '
'raises.';
revoke all on function syncwell._delete_pushed(text, uuid, uuid, text[], text) from public;
-- sync_push runs with the caller's rights
-- resolve_conflict too, also for services
grant execute on function syncwell._delete_pushed(text, uuid, uuid, text[], text) to syncwell_client, syncwell_worker;

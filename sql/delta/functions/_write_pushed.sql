create or replace function syncwell._write_pushed(
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_records json,
  p_found text[],
  p_whole text[],
  p_search_path text,
  out created bigint,
  out updated bigint,
  out refused text[],
  out is_stale boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_n constant integer := json_array_length(p_records);
  v_new text[] := '{}'::text[];
begin
  created := 0;
  updated := 0;
  refused := '{}';
  is_stale := false;
  if p_found <> '{}' then
    -- the application's triggers find what they name as they do elsewhere, nothing else does
    execute format(
      'select syncwell_tables.%I($1, $2, $3, $4) from set_config(''search_path'', $5, true)', p_table || '_push_update'
    )
    into updated
    using p_scope, p_org, p_records, p_whole, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
  end if;
  if cardinality(p_found) < v_n then
    execute format(
      'select syncwell_tables.%I($1, $2, $3, $4) from set_config(''search_path'', $5, true)', p_table || '_push_insert'
    )
    into v_new
    using p_scope, p_org, p_records, p_found, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
    created := cardinality(v_new);
    if created + cardinality(p_found) < v_n then
      refused := array(
        select r.id from json_to_recordset(p_records) as r (id text)
        except
        select w.id from unnest(v_new || p_found) as w (id)
      );
      -- of this scope: somebody else made it meanwhile. Else its id is taken where the caller can't look, or a trigger
      -- wants no such row: neither is told.
      execute format(
        'select syncwell_tables.%I($1, $2, $3) <> ''{}'' from set_config(''search_path'', $4, true)', p_table || '_push_lock'
      )
      into is_stale
      using p_scope, p_org, refused, p_search_path;
    end if;
  end if;
end
$$;
comment on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text) is
'Writes records of one table: those in p_found, whose rows are locked, are updated where they differ (those in p_whole '
'in all columns), the others inserted. refused: what could be neither; is_stale: rows appeared since they were locked, '
'the push has to look again. Errors: whatever the table raises.';
revoke all on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text) from public;
-- sync_push runs with the caller's rights
-- resolve_conflict too, also for services
grant execute on function syncwell._write_pushed(text, uuid, uuid, json, text[], text[], text)
to syncwell_client, syncwell_worker;

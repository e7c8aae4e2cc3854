create or replace function syncwell._push_part(
  p_table_id integer,
  p_table text,
  p_scope uuid,
  p_org uuid,
  p_is_delete boolean,
  p_elements text[],
  p_found text[],
  p_whole text[],
  p_max_bad integer,
  p_deferred oid[],
  p_search_path text,
  out created bigint,
  out updated bigint,
  out deleted bigint,
  out refused text[],
  out is_stale boolean,
  out bad jsonb
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- ranges still to be written, the next one last
  v_from integer[] := array[1];
  v_to integer[] := array[cardinality(p_elements)];
  v_first integer;
  v_last integer;
  v_top integer;
  v_middle integer;
  v_records json;
  v_repaired json;
  v_removed record;
  v_written record;
  v_state text;
  v_reason text;
  v_found text[];
begin
  created := 0;
  updated := 0;
  deleted := 0;
  refused := '{}';
  is_stale := false;
  bad := '[]';
  while cardinality(v_from) > 0 and cardinality(p_elements) > 0 loop
    v_top := cardinality(v_from);
    v_first := v_from[v_top];
    v_last := v_to[v_top];
    v_from := v_from[: v_top - 1];
    v_to := v_to[: v_top - 1];
    v_repaired := null;
    v_records := null;
    if not p_is_delete then
      v_records := ('[' || array_to_string(p_elements[v_first : v_last], ',') || ']')::json;
    end if;
    loop
      v_state := null;
      begin
        if p_is_delete then
          v_removed := syncwell._delete_pushed(p_table, p_scope, p_org, p_elements[v_first : v_last], p_search_path);
        else
          v_found := array(
            select r.id from json_to_recordset(v_records) as r (id text)
            intersect
            select f.id from unnest(p_found) as f (id)
          );
          v_written := syncwell._write_pushed(
            p_table, p_scope, p_org, v_records, v_found, p_whole, p_search_path
          );
        end if;
        if p_deferred is not null then
          perform syncwell._check_deferred(p_deferred);
        end if;
      exception
        when others then
          get stacked diagnostics v_state = returned_sqlstate, v_reason = message_text;
          if not syncwell._is_bad_record(v_state) or v_state = '42501' and not syncwell._may_push(p_table_id) then
            raise;
          end if;
      end;
      exit when v_state is null or v_first < v_last or v_repaired is not null or p_is_delete;
      -- it stands alone: once more with its types put right
      v_repaired := syncwell._repaired_record(p_table_id, v_records -> 0);
      exit when v_repaired is null;
      v_records := json_build_array(v_repaired);
    end loop;

    if v_state is null then
      if p_is_delete then
        deleted := deleted + v_removed.deleted;
        refused := refused || v_removed.refused;
      else
        created := created + v_written.created;
        updated := updated + v_written.updated;
        is_stale := is_stale or v_written.is_stale;
        refused := refused || v_written.refused;
      end if;
    elsif v_first = v_last then
      bad := bad || jsonb_build_object(
        'n', v_first, 'code', v_state, 'reason', left(syncwell._scrub_secrets(v_reason), 500)
      );
    elsif jsonb_array_length(bad) >= p_max_bad then
      bad := bad || (
        select jsonb_agg(jsonb_build_object('n', n.n, 'code', v_state, 'reason', 'batch too damaged'))
        from generate_series(v_first, v_last) as n (n)
      );
    else
      v_middle := (v_first + v_last) / 2;
      v_from := v_from || (v_middle + 1) || v_first;
      v_to := v_to || v_last || v_middle;
    end if;
  end loop;
end
$$;
comment on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) is
'Writes the records (JSON texts), or deletes the ids, p_elements of one table in as few statements as it can: what '
'fails by its data is halved until the bad ones stand alone; such a one is put right where that is safe and tried '
'once more. bad: [{n, code, reason}] with n its place in p_elements; once there are p_max_bad, a part that fails is '
'bad as a whole. p_deferred: constraints to be checked each time. Errors: what is no record''s fault.';
revoke all on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._push_part(
  integer, text, uuid, uuid, boolean, text[], text[], text[], integer, oid[], text
) to syncwell_client;
-- a reason is shown to who pushed; it is read there, with the caller's rights
grant execute on function syncwell._scrub_secrets(text) to syncwell_client;

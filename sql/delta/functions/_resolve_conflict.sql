create or replace function syncwell._resolve_conflict(
  p_conflict_id uuid,
  p_choice text,
  p_search_path text
)
returns json
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_conflict record;
  v_record jsonb;
  v_found text[];
  v_done record;
  v_refused text[] := '{}'::text[];
  v_changed boolean := false;
begin
  if p_choice is null or p_choice not in ('client', 'server') then
    raise exception using
      errcode = '22023',
      message = 'unknown choice',
      detail = format('The choice is %s.', coalesce(quote_literal(left(p_choice, 100)), 'NULL')),
      hint = 'Choose client or server.';
  end if;
  v_conflict := syncwell._take_conflict(p_conflict_id);
  if v_conflict.choice = p_choice then
    return json_build_object('success', true, 'choice', p_choice, 'changed', false);
  end if;
  v_record := case p_choice when 'client' then v_conflict.client_record else v_conflict.server_record end;
  execute format(
    'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
    v_conflict.table_name || '_push_lock'
  )
  into v_found
  using v_conflict.scope, v_conflict.org_id, array[v_conflict.record_id], p_search_path;
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  if v_record is not null then
    v_done := syncwell._write_pushed(
      v_conflict.table_name, v_conflict.scope, v_conflict.org_id,
      json_build_array(v_record || jsonb_build_object('id', v_conflict.record_id)), v_found,
      array[v_conflict.record_id], p_search_path
    );
    v_changed := v_done.created + v_done.updated > 0;
    v_refused := v_done.refused;
  elsif v_found <> '{}' then
    v_done := syncwell._delete_pushed(
      v_conflict.table_name, v_conflict.scope, v_conflict.org_id, v_found, p_search_path
    );
    v_changed := v_done.deleted > 0;
    v_refused := v_done.refused;
  end if;
  if v_refused <> '{}' then
    raise exception using
      errcode = '42501',
      message = 'the table did not take the record',
      detail = 'A policy or a trigger of the table keeps the caller from writing it.',
      hint = 'Ask somebody whom the table''s policies let write it.';
  end if;
  perform syncwell._settle_conflict(p_conflict_id, p_choice);
  return json_build_object('success', true, 'choice', p_choice, 'changed', v_changed);
end
$$;
comment on function syncwell._resolve_conflict(uuid, text, text) is
'See resolve_conflict(). Errors: SW001, SW301, SW309, 22023, 42501, and what the table raises.';
revoke all on function syncwell._resolve_conflict(uuid, text, text) from public;
-- resolve_conflict runs with the caller's rights
grant execute on function syncwell._resolve_conflict(uuid, text, text) to syncwell_client, syncwell_worker;

create or replace function syncwell._decide_conflict(
  p_policy text,
  p_function text,
  p_id text,
  p_server jsonb,
  p_client jsonb,
  p_is_delete boolean,
  out outcome text,
  out write text,
  out record jsonb,
  out changed text[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_client constant jsonb := case
    when jsonb_typeof(p_client) = 'object' then p_client - '_status' - '_changed'
    else p_client
  end;
  v_told constant text := case when jsonb_typeof(p_client) = 'object' then p_client ->> '_changed' end;
begin
  if v_told ~ '^[A-Za-z][A-Za-z0-9_, ]*$' then
    changed := string_to_array(replace(v_told, ' ', ''), ',');
  end if;
  case p_policy
    when 'last_write_wins' then
      outcome := 'client';
      write := case when p_is_delete then 'delete' else 'whole' end;
    when 'merge_columns' then
      outcome := case when p_is_delete or p_server is null or changed is null then 'client' else 'merged' end;
      write := case when p_is_delete then 'delete' when outcome = 'client' then 'whole' else 'changed' end;
    when 'server_wins' then
      outcome := 'server';
      write := 'nothing';
    else
      execute format('select %s($1, $2, $3)', to_regprocedure(p_function || '(jsonb, jsonb, text[])')::regproc)
      into record
      using p_server, v_client, changed;
      if record is not null and jsonb_typeof(record) not in ('object', 'null') then
        raise exception using
          errcode = '22023',
          message = 'a conflict function must return an object',
          detail = format('It returned %s.', jsonb_typeof(record)),
          hint = 'The record to write; NULL for the server''s; JSON null to delete it.';
      end if;
      if jsonb_typeof(record) = 'object' then
        record := record - '_status' - '_changed' || jsonb_build_object('id', p_id);
      end if;
      if record is null or record = p_server then
        outcome := 'server';
        write := 'nothing';
      elsif record = 'null' then
        outcome := case when p_is_delete then 'client' when p_server is null then 'server' else 'merged' end;
        write := case when p_server is null then 'nothing' else 'delete' end;
      else
        outcome := case when record = v_client then 'client' else 'merged' end;
        write := 'record';
      end if;
  end case;
end
$$;
comment on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) is
'What a policy makes of a record in conflict; p_server NULL: it was deleted; p_client NULL with p_is_delete: the '
'device deleted it. outcome: client, server or merged; write: whole (the pushed record, all its columns), changed '
'(those the device says it changed), record (that one), delete or nothing. A function gets both versions and the '
'changed columns, and returns the record to write, NULL for the server''s version, JSON null to delete it. Errors: '
'22023, and the function''s own.';
revoke all on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._decide_conflict(text, text, text, jsonb, jsonb, boolean) to syncwell_client;

create or replace function syncwell._import_sessions(
  p_rows jsonb[],
  p_now timestamptz,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejections jsonb[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_row record;
  v_told syncwell.sync_sessions;
  v_names text[];
  v_settings jsonb;
  v_org_id uuid;
  v_created boolean;
  v_changed boolean;
  v_message text;
  v_detail text;
begin
  imported := 0;
  duplicates := 0;
  updated := 0;
  rejections := array[]::jsonb[];
  perform syncwell._lock_sessions(u.org_id, u.user_id, true)
  from (
    select distinct (r ->> 'org_id')::uuid as org_id, (r ->> 'user_id')::uuid as user_id
    from unnest(p_rows) as r
    order by 1, 2
  ) as u;
  for v_row in
    select x.row as d, x.place
    from unnest(p_rows) with ordinality as x (row, place)
    order by x.row ->> 'org_id', x.place
  loop
    begin
      v_told := null;
      v_told.org_id := (v_row.d ->> 'org_id')::uuid;
      v_told.user_id := (v_row.d ->> 'user_id')::uuid;
      v_told.started_at := syncwell._import_time(v_row.d, 'started_at');
      v_told.ended_at := syncwell._import_time(v_row.d, 'ended_at');
      v_told.status := coalesce(
        v_row.d ->> 'status', case when v_told.ended_at is null then 'active' else 'completed' end
      );
      v_told.source := v_row.d ->> 'source';
      v_told.data_source := v_row.d ->> 'data_source';
      v_told.expected := nullif(v_row.d -> 'expected', 'null');
      v_told.metadata := nullif(v_row.d -> 'metadata', 'null');
      v_told.platform := v_row.d ->> 'platform';
      v_told.device_id := v_row.d ->> 'device_id';
      v_told.created_at := syncwell._import_time(v_row.d, 'created_at', p_now);
      v_names := array_remove(array[v_row.d ->> 'local_id', v_row.d ->> 'id'], null);
      if v_names = '{}' or v_told.started_at is null then
        raise exception using
          errcode = '22004',
          message = 'a session needs an id or local id, and a start',
          detail = 'One of them is NULL.',
          hint = 'Leave such rows out.';
      end if;
      if v_org_id is distinct from v_told.org_id then
        v_org_id := v_told.org_id;
        v_settings := syncwell._settings(v_org_id);
      end if;
      perform syncwell._check_session(v_told, p_now, v_settings);
      perform syncwell._check_local_id('local_id', n, 200) from unnest(v_names) as n;
      v_told.device_id := syncwell._redact(v_org_id, v_told.user_id, v_told.device_id);
      v_told.local_id := coalesce(v_row.d ->> 'local_id', v_row.d ->> 'id');

      -- either of its names may be known
      select l.server_id into v_told.session_id
      from syncwell.local_ids as l
      where l.org_id = v_org_id
        and l.user_id = v_told.user_id
        and l.entity_type = 'session'
        and l.local_id = any(v_names)
      order by l.local_id <> v_told.local_id
      limit 1;
      if not found then
        v_told.session_id := syncwell._session_of(v_org_id, v_told.user_id, v_told.local_id, true, null);
      end if;
      insert into syncwell.local_ids (org_id, user_id, entity_type, local_id, server_id, created_at)
      select v_org_id, v_told.user_id, 'session', n, v_told.session_id, p_now
      from unnest(v_names) as n
      on conflict (org_id, user_id, entity_type, local_id) do nothing;

      v_created := syncwell._begin_session(v_told, p_now, v_settings ->> 'ingest.session_source');
      v_changed := (syncwell._fill_session(v_told, p_now, v_settings ->> 'ingest.session_source', false)).changed;
      update syncwell.sync_sessions as s
      set created_at = v_told.created_at
      where s.org_id = v_org_id and s.session_id = v_told.session_id and s.created_at > v_told.created_at;
      case
        when v_created then imported := imported + 1;
        when v_changed then updated := updated + 1;
        else duplicates := duplicates + 1;
      end case;
    exception
      when data_exception or check_violation then
        get stacked diagnostics v_message = message_text, v_detail = pg_exception_detail;
        rejections := rejections || jsonb_build_object(
          'key', v_row.d -> 'key', 'reason', concat_ws(': ', 'bad_session', v_message, nullif(v_detail, ''))
        );
    end;
  end loop;
end
$$;
comment on function syncwell._import_sessions(jsonb[], timestamptz) is
'The sessions of import_existing(), each row by itself; those that share an id or local id become one.';
revoke all on function syncwell._import_sessions(jsonb[], timestamptz) from public;

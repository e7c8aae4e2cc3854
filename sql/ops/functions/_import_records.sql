create or replace function syncwell._import_records(
  p_rows jsonb[],
  p_now timestamptz,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejections jsonb[]
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_group record;
  v_done record;
begin
  imported := 0;
  duplicates := 0;
  updated := 0;
  rejections := array(
    select jsonb_build_object(
      'key', r -> 'key', 'reason',
      case
        when r ->> 'session' is null or length(r ->> 'session') not between 1 and 200
          then 'bad_session: session must be a text of 1 to 200 characters'
        else 'bad_kind: kind must be reading, survey_pre, survey_inter, survey_post, progression or adaptive_event'
      end
    )
    from unnest(p_rows) as r
    where not syncwell._is_import_record(r)
  );
  perform syncwell._lock_sessions(u.org_id, u.user_id, true)
  from (
    select distinct (r ->> 'org_id')::uuid as org_id, (r ->> 'user_id')::uuid as user_id
    from unnest(p_rows) as r
    order by 1, 2
  ) as u;
  for v_group in
    select (r ->> 'org_id')::uuid as org_id, (r ->> 'user_id')::uuid as user_id, r ->> 'kind' as kind, array_agg(r) as rows
    from unnest(p_rows) as r
    where syncwell._is_import_record(r)
    group by 1, 2, 3
    order by 1, 2, 3
  loop
    v_done := syncwell._import_records_of(v_group.org_id, v_group.user_id, v_group.kind, v_group.rows, p_now);
    imported := imported + v_done.imported;
    updated := updated + v_done.updated;
    duplicates := duplicates + v_done.duplicates;
    rejections := rejections || v_done.rejections;
  end loop;
end
$$;
comment on function syncwell._import_records(jsonb[], timestamptz) is 'The session records of import_existing().';
revoke all on function syncwell._import_records(jsonb[], timestamptz) from public;

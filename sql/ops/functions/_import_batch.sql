create or replace function syncwell._import_batch(
  p_import text,
  p_kind text,
  p_is_dry_run boolean,
  p_rows jsonb[],
  p_last_key text,
  p_batch integer,
  out imported bigint,
  out duplicates bigint,
  out updated bigint,
  out rejected bigint,
  out rejections jsonb
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_rows jsonb[];
  v_refused jsonb[];
  v_done record;
  v_undone boolean := false;
begin
  -- whose they are; a user is of one org only
  select
    array_agg(r.row || jsonb_build_object('org_id', coalesce(u.org_id, o.org_id)) order by r.place)
    filter (where coalesce(u.org_id, o.org_id) is not null),
    array_agg(
      jsonb_build_object('key', r.row -> 'key', 'reason', 'unknown_user: no such user, or org, is registered')
      order by r.place
    )
    filter (where coalesce(u.org_id, o.org_id) is null)
  into v_rows, v_refused
  from (
    select
      x.row, x.place, syncwell._as_uuid(x.row ->> 'user_id') as user_id,
      case
        when x.row ->> 'user_id' is null and p_kind in ('events', 'sync_state', 'sync_health')
          then syncwell._as_uuid(x.row ->> 'org_id')
      end as org_id
    from unnest(p_rows) with ordinality as x (row, place)
  ) as r
  left join syncwell.users as u on u.user_id = r.user_id
  left join syncwell.orgs as o on o.org_id = r.org_id;
  v_rows := coalesce(v_rows, array[]::jsonb[]);

  -- a dry run does all of it, and then it has not happened: so it can not be wrong
  begin
    case p_kind
      when 'sessions' then v_done := syncwell._import_sessions(v_rows, v_now);
      when 'records' then v_done := syncwell._import_records(v_rows, v_now);
      when 'events' then v_done := syncwell._import_events(v_rows, v_now);
      when 'sync_state' then v_done := syncwell._import_states(v_rows, v_now);
      when 'sync_health' then v_done := syncwell._import_reports(v_rows, v_now);
    end case;
    if p_is_dry_run then
      v_undone := true;
      raise exception using
        errcode = 'raise_exception',
        message = 'a dry run ends here',
        detail = 'It is caught where it is raised.',
        hint = 'Nothing is to be done.';
    end if;
  exception
    when raise_exception then
      if not v_undone then
        raise;
      end if;
  end;
  imported := v_done.imported;
  duplicates := v_done.duplicates;
  updated := v_done.updated;
  v_refused := v_refused || v_done.rejections;
  rejected := coalesce(cardinality(v_refused), 0);
  rejections := coalesce(to_jsonb(v_refused[:100]), '[]');

  update syncwell.imports as i
  set
    last_key = p_last_key,
    rows_read = i.rows_read + cardinality(p_rows),
    imported = i.imported + _import_batch.imported,
    duplicates = i.duplicates + _import_batch.duplicates,
    updated = i.updated + _import_batch.updated,
    rejected = i.rejected + _import_batch.rejected,
    is_done = cardinality(p_rows) < p_batch,
    updated_at = v_now
  where i.name = p_import and i.kind = p_kind and i.is_dry_run = p_is_dry_run;
end
$$;
comment on function syncwell._import_batch(text, text, boolean, jsonb[], text, integer) is
'Takes rows of import_existing() in, or sees what would become of them, and notes how far the import has come.';
revoke all on function syncwell._import_batch(text, text, boolean, jsonb[], text, integer) from public;
-- import_existing() runs as its caller, as its query must; who may call that may import anything
grant execute on function syncwell._import_batch(text, text, boolean, jsonb[], text, integer) to syncwell_operator;

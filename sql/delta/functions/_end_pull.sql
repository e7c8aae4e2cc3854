create or replace function syncwell._end_pull(
  p_base bigint,
  p_page bigint,
  p_device_id text,
  p_kind text,
  p_snapshot pg_snapshot,
  p_covers integer[],
  p_schema_version integer,
  p_counts jsonb,
  p_started_at timestamptz,
  p_client jsonb,
  p_page_table integer default null,
  p_page_record text default null,
  p_plan jsonb default null
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- also what a session planned while the tables were small serves it when they have grown
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- before PostgreSQL 18 a plan that can not do without a sequential scan looks dear enough to be compiled
set jit = off
as $$
declare
  v_me record := syncwell._syncing_user();
  v_now constant timestamptz := syncwell._now();
  v_device constant text := coalesce(p_device_id, '');
  v_base syncwell.sync_cursors;
  v_page syncwell.sync_cursors;
  v_own xid8[];
  v_late xid8[];
  v_known xid8[];
  v_kept bigint;
  v_kept_new bigint;
  v_cursor constant bigint := nextval('syncwell.sync_cursor_numbers') * 1024 + floor(random() * 1024)::integer;
begin
  if p_page_table is null and (p_kind = 'replacement' or (p_counts -> 'hidden')::bigint > 0) then
    perform syncwell._check_shrinking(
      v_me.org_id, v_me.user_id, v_device, p_kind, p_covers, p_counts -> 'records', (p_counts ->> 'hidden')::bigint
    );
  end if;
  if p_base is not null then
    select c.* into v_base
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_base;
  end if;
  if p_page is not null then
    select c.* into v_page
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_page;
  end if;

  -- What was presented has arrived, so what is older goes; one more is kept of those that were handed out since, whose
  -- answer may still be on its way. A page has only arrived as far as it goes: the cursor that it started from stays.
  select max(c.cursor) into v_kept
  from syncwell.sync_cursors as c
  where c.org_id = v_me.org_id
    and c.user_id = v_me.user_id
    and c.device_id = v_device
    and c.cursor > coalesce(p_page, p_base, 0)
    and (v_device <> '' or c.parent = p_base);
  if p_base is null then
    select c.cursor into v_kept_new
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.device_id = v_device and c.parent is null
    order by c.cursor desc
    offset case when v_device <> '' then 2 else 30 end
    limit 1;
  end if;
  with gone as (
    delete from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id
      and c.user_id = v_me.user_id
      and c.device_id = v_device
      and c.cursor is distinct from p_base
      and c.cursor is distinct from p_page
      and c.cursor is distinct from v_kept
      and case
        -- nothing is proven by starting from nothing: a few such cursors are kept, and all that were used
        when p_base is null then c.parent is null and c.cursor < v_kept_new
        when v_device <> '' then true
        -- several devices may come without a name: only what descends from the same cursor is surely this one's
        else c.cursor = v_base.parent or c.parent = v_base.parent or c.parent = p_base
      end
    returning c.own_xids
  )
  select array_agg(x.xid) into v_known
  from gone as g
  cross join unnest(g.own_xids) as x (xid);
  v_known := v_known || v_base.own_xids || v_page.base_own_xids;
  if v_known <> '{}' then
    select
      array_agg(distinct x.xid) filter (where not pg_visible_in_snapshot(x.xid, p_snapshot)),
      array_agg(distinct x.xid) filter (
        where not pg_visible_in_snapshot(x.xid, v_base.snapshot) and x.xid <> all (v_base.own_xids)
      )
    into v_own, v_late
    from unnest(v_known) as x (xid);
  end if;
  -- pushes that committed after the cursor that followed theirs was made: this answer may get lost, too
  if v_late is not null then
    update syncwell.sync_cursors as c
    set own_xids = c.own_xids || v_late
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = p_base;
  end if;

  insert into syncwell.sync_cursors (
    org_id, user_id, cursor, device_id, incarnation, snapshot, base_snapshot, base_own_xids, page_table, page_record,
    plan, parent, own_xids, absent, tables, schema_version, created_at, idle_until
  )
  values (
    v_me.org_id, v_me.user_id, v_cursor, v_device, syncwell._incarnation(), p_snapshot,
    case when p_page_table is not null then coalesce(v_page.base_snapshot, v_base.snapshot) end,
    case when p_page_table is not null then coalesce(
      v_page.base_own_xids, array(select x.xid::xid8 from jsonb_array_elements_text(p_plan -> 'own') as x (xid))
    ) end,
    p_page_table, p_page_record,
    case
      when p_page_table is null then p_plan || jsonb_build_object('counts', p_counts, 'client', p_client)
      else p_plan
    end,
    p_base, coalesce(v_own, '{}'),
    case when p_page_table is null then nullif(p_counts -> 'absent', '{}') end, p_covers, p_schema_version, v_now,
    syncwell._idle_until(v_me.org_id, v_now)
  );
  if p_page_table is null and p_plan is null then
    perform syncwell._note_pull(
      v_me.org_id, v_me.user_id, v_device, p_kind, v_cursor, p_schema_version,
      (p_counts ->> 'created')::bigint, (p_counts ->> 'updated')::bigint, (p_counts ->> 'deleted')::bigint,
      (p_counts ->> 'bytes')::bigint,
      case
        when p_counts -> 'replaced' = '{}' then p_counts -> 'records'
        else syncwell._pulled_records(v_me.org_id, v_me.user_id, v_device, p_counts)
      end,
      -- not further back than a request can last
      greatest(p_started_at, v_now - interval '1 hour'), p_client
    );
  end if;
  perform set_config('syncwell.pulled', pg_current_xact_id()::text, true);
  return v_cursor;
end
$$;
comment on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) is
'Stores the cursor of a pull, forgets those it makes needless, and notes the pull once its last page is read. p_base: '
'the complete cursor it started from; p_page: the page cursor that was presented; p_counts: {created, updated, '
'deleted, bytes, hidden, absent, records: {table id: records}, replaced: {table id: records}}; p_page_table, '
'p_page_record, p_plan: where it stopped, for a page that is not the last. Errors: SW001, 42501, SW307.';
revoke all on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) from public;
-- sync_pull() runs with its caller's rights; what is told here is about the caller's own device
grant execute on function
syncwell._end_pull(
  bigint, bigint, text, text, pg_snapshot, integer[], integer, jsonb, timestamptz, jsonb, integer, text, jsonb
) to syncwell_client;

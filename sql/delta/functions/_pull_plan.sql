create or replace function syncwell._pull_plan(
  p_cursor bigint,
  p_migration jsonb,
  p_tables text[],
  p_device_id text,
  p_as_updated boolean,
  p_limit integer,
  out kind text,
  out org_id uuid,
  out base bigint,
  out page bigint,
  out plan jsonb,
  out snapshot pg_snapshot,
  out parts syncwell.pull_part[],
  out covers integer[],
  out ignored text[],
  out max_bytes bigint,
  out refresh boolean,
  out due boolean
)
language plpgsql stable security definer
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
  v_own_xid constant xid8 := pg_current_xact_id_if_assigned();
  v_incarnation integer;
  v_identifier text;
  v_cursor syncwell.sync_cursors;
  v_new_tables text[];
  v_new_columns jsonb;
  v_old pg_snapshot;
  v_own xid8[];
  v_late xid8[];
  v_absent jsonb;
  v_late_absent jsonb;
  v_name text;
  v_untracked text;
begin
  select i.incarnation, i.system_identifier into v_incarnation, v_identifier
  from syncwell.sync_incarnations as i
  order by i.incarnation desc
  limit 1;
  if v_identifier is distinct from current_setting('syncwell.system_identifier', true) or v_identifier is null then
    kind := 'again';
    return;
  end if;
  org_id := v_me.org_id;
  snapshot := pg_current_snapshot();

  if v_own_xid is not null and (
    exists (
      select from syncwell.synced_tables as t
      where t.registered_xid = v_own_xid
        or t.reset_xid = v_own_xid
        or exists (
          select from syncwell.record_changes as c
          where c.scope = case when t.scope_kind = 'org' then v_me.org_id else v_me.user_id end
            and c.table_id = t.table_id
            and c.xid = v_own_xid
        )
    )
  ) then
    raise exception using
      errcode = 'SW305',
      message = 'this transaction has already written what it wants to pull',
      detail = 'The cursor of the pull could not tell the transaction''s own changes from those that come after it.',
      hint = 'Commit first, then pull.';
  end if;

  if p_tables is not null then
    select left(n.name, 100) into v_name
    from unnest(p_tables) as n (name)
    where not exists (select from syncwell.synced_tables as t where t.table_name = n.name)
    limit 1;
    if found then
      raise exception using
        errcode = 'SW301',
        message = 'unknown synced table',
        detail = format('No table is registered as %s.', coalesce(quote_literal(v_name), 'NULL')),
        hint = 'select table_name from syncwell.synced_tables lists them.';
    end if;
    select array_agg(t.table_id) into covers
    from syncwell.synced_tables as t
    where t.table_name = any (p_tables);
    covers := coalesce(covers, '{}');
  end if;
  if p_migration is not null then
    select m.tables, m.columns, m.ignored into v_new_tables, v_new_columns, ignored
    from syncwell._pull_migration(p_migration) as m;
  end if;

  if p_cursor <> 0 then
    select c.* into v_cursor
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id
      and c.user_id = v_me.user_id
      and c.cursor = p_cursor
      and c.device_id = v_device
      and c.incarnation = v_incarnation
      -- not from before its device was invalidated
      and not exists (
        select from syncwell.sync_devices as d
        where d.org_id = c.org_id
          and d.user_id = c.user_id
          and d.device_id = c.device_id
          and not pg_visible_in_snapshot(d.invalidated_xid, c.snapshot)
      )
      -- what was cleaned up since may be missing on the device
      and not exists (
        select from syncwell.sync_horizons as h
        where h.scope in (v_me.user_id, v_me.org_id)
          and h.purged_below > pg_snapshot_xmin(case when c.page_table is null then c.snapshot else c.base_snapshot end)
      );
    kind := case when found then 'delta' else 'replacement' end;
  else
    kind := 'first';
  end if;
  base := v_cursor.cursor;

  if v_cursor.page_table is not null then
    kind := v_cursor.plan ->> 'kind';
    base := v_cursor.parent;
    page := v_cursor.cursor;
    snapshot := v_cursor.snapshot;
    covers := v_cursor.tables;
    plan := v_cursor.plan;
    v_old := v_cursor.base_snapshot;
    v_own := v_cursor.base_own_xids;
    v_absent := v_cursor.plan -> 'absent';
  elsif kind = 'delta' then
    v_old := v_cursor.snapshot;
    v_own := v_cursor.own_xids;
    v_absent := v_cursor.absent;
    select c.own_xids, c.absent into v_late, v_late_absent
    from syncwell.sync_cursors as c
    where c.org_id = v_me.org_id and c.user_id = v_me.user_id and c.cursor = v_cursor.parent;
    if exists (select from unnest(v_late) as x (xid) where not pg_visible_in_snapshot(x.xid, v_old)) then
      -- a push whose answer was lost has committed after the cursor that followed it was made
      v_own := v_own || v_late;
      v_absent := syncwell._merged_absent(v_absent, v_late_absent);
    end if;
  end if;
  max_bytes := syncwell._setting(v_me.org_id, 'delta.max_bytes')::bigint;
  if p_limit is not null and page is null then
    plan := jsonb_build_object('kind', kind, 'own', to_jsonb(coalesce(v_own, '{}')::text[]), 'absent', v_absent);
  end if;

  if kind = 'delta'
    and page is null
    and p_migration is null
    and covers is null
    and v_absent is null
    and v_cursor.tables is null
    and not exists (
      select from syncwell.synced_tables as s
      where s.partitions is not null
        or not pg_visible_in_snapshot(s.registered_xid, v_old)
        or not pg_visible_in_snapshot(s.reset_xid, v_old)
    )
  then
    -- the usual case: one look at what has changed in the scopes, however many tables there are
    select
      array_agg(
        row(
          s.table_id, s.table_name, d.scope, 'delta', s.rls_revokes, null,
          case when not p_as_updated then d.created end,
          case when p_as_updated then d.created || d.updated else d.updated end,
          d.deleted, null, null, null, null
        )::syncwell.pull_part
        order by s.position, s.table_id
      )
    into parts
    from (
      select
        e.table_id,
        e.scope,
        array_agg(e.record_id) filter (where e.what = 'created') as created,
        array_agg(e.record_id) filter (where e.what = 'updated') as updated,
        array_agg(e.record_id) filter (where e.what = 'deleted') as deleted
      from (
        select
          c.table_id,
          c.scope,
          c.record_id,
          case
            when c.deleted_at is not null then 'deleted'
            when syncwell._seen(c.created_xid, v_old, v_own) then 'updated'
            when c.earlier_lives is null then 'created'
            when syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own) then 'updated'
            else 'created'
          end as what
        from syncwell.record_changes as c
        where c.scope in (v_me.user_id, v_me.org_id)
          and c.xid >= pg_snapshot_xmin(v_old)
          and not pg_visible_in_snapshot(c.xid, v_old)
      ) as e
      group by e.table_id, e.scope
    ) as d
    join syncwell.synced_tables as s
      on s.table_id = d.table_id and d.scope = case when s.scope_kind = 'org' then v_me.org_id else v_me.user_id end;
  else
    select
      array_agg(
        row(
          t.table_id, t.table_name, t.scope, t.how, t.rls_revokes, t.columns,
          case when not p_as_updated then d.created end,
          case when p_as_updated then d.created || d.updated else d.updated end,
          d.deleted, t.after, d.absent,
          case
            when t.how = 'delta' and t.columns is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.xid >= pg_snapshot_xmin(v_old)
                and not pg_visible_in_snapshot(c.xid, v_old)
            )
            -- later pages of a table that is sent in full leave out what came after the first one
            when t.how <> 'delta' and page is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.deleted_at is null
                and c.xid >= pg_snapshot_xmin(snapshot)
                and not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
            )
          end,
          -- and those that the first page would have had and this one can't have any more
          case
            when page is not null then array(
              select c.record_id
              from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.deleted_at is not null
                and c.xid >= pg_snapshot_xmin(snapshot)
                and not pg_visible_in_snapshot(c.xid, snapshot)
                and syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
                and (
                t.how <> 'delta'
                or v_absent -> t.table_id::text ? c.record_id
                or not syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own)
              )
            )
          end
        )::syncwell.pull_part
        order by t.place, t.table_id
      ) filter (
        where t.how <> 'delta'
          or t.columns is not null
          or d.created is not null
          or d.updated is not null
          or d.deleted is not null
      ),
      min(t.table_name) filter (where t.untracked)
    into parts, v_untracked
    from (
      select
        s.table_id,
        s.table_name,
        s.rls_revokes,
        coalesce(p.place, s.position) as place,
        case when s.scope_kind = 'org' then v_me.org_id else v_me.user_id end as scope,
        case
          when page is not null then p.part ->> 'how'
          when kind = 'first' then 'created'
          when kind = 'replacement' then 'updated'
          when s.table_name = any (v_new_tables) then 'new'
          when not pg_visible_in_snapshot(s.registered_xid, v_old) then case
            -- registered again: the device may have it from before
            when exists (select from syncwell.unregistered_tables as u where u.table_name = s.table_name) then 'updated'
            else 'created'
          end
          when not pg_visible_in_snapshot(s.reset_xid, v_old) then 'updated'
          when s.table_id <> all (v_cursor.tables) then 'updated'
          else 'delta'
        end as how,
        case
          when p.part ? 'columns' then array(select jsonb_array_elements_text(p.part -> 'columns'))
          when v_new_columns ? s.table_name then array(select jsonb_array_elements_text(v_new_columns -> s.table_name))
        end as columns,
        case when s.table_id = v_cursor.page_table then v_cursor.page_record end as after,
        case
          when s.partitions is not null then s.partitions is distinct from syncwell._count_partitions(s.relation)
        end as untracked
      from syncwell.synced_tables as s
      left join jsonb_array_elements(plan -> 'parts') with ordinality as p (part, place)
        on s.table_id = (p.part ->> 'id')::integer
      where case
          when page is null then covers is null or s.table_id = any (covers)
          else p.place >= (plan ->> 'place')::bigint
        end
    ) as t
    cross join lateral (
      select
        array_agg(e.record_id) filter (where e.what = 'created') as created,
        array_agg(e.record_id) filter (where e.what = 'updated') as updated,
        array_agg(e.record_id) filter (where e.what = 'deleted') as deleted,
        array_agg(e.record_id) filter (where e.may_be_gone) as absent
      from (
        select
          c.record_id,
          case
            when c.deleted_at is not null then 'deleted'
            when page is not null
              and not pg_visible_in_snapshot(c.xid, snapshot)
              and not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}') then 'deleted'
            when v_absent -> t.table_id::text ? c.record_id then 'created'
            when syncwell._seen(c.created_xid, v_old, v_own) then 'updated'
            when c.earlier_lives is null then 'created'
            when syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own) then 'updated'
            else 'created'
          end as what,
          false as may_be_gone
        from syncwell.record_changes as c
        where t.how = 'delta'
          and c.scope = t.scope
          and c.table_id = t.table_id
          and c.xid >= pg_snapshot_xmin(v_old)
          and not pg_visible_in_snapshot(c.xid, v_old)
          and (t.after is null or c.record_id > t.after)
          -- What changed after the first page comes with the next pull, by what lived then: so what the device does not
          -- have and should have by then is sent now, as it is, and what it has and should not have is deleted.
          and (
            page is null
            or pg_visible_in_snapshot(c.xid, snapshot)
            or case
              when coalesce(not v_absent -> t.table_id::text ? c.record_id, true)
                and syncwell._existed(c.created_xid, c.earlier_lives, v_old, v_own)
                then not syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
              else c.deleted_at is null and syncwell._existed(c.created_xid, c.earlier_lives, snapshot, '{}')
            end
          )
        union all
        -- what pushes have left to be put right on this device
        (
          select distinct on (a.record_id) a.record_id, k.what, k.what <> 'deleted'
          from unnest(array['', ' updated', ' deleted'], array['created', 'updated', 'deleted']) as k (suffix, what)
          cross join jsonb_array_elements_text(v_absent -> (t.table_id::text || k.suffix)) as a (record_id)
          where t.how = 'delta'
            and (t.after is null or a.record_id collate "C" > t.after)
            and not exists (
              select from syncwell.record_changes as c
              where c.scope = t.scope
                and c.table_id = t.table_id
                and c.record_id = a.record_id
                and not pg_visible_in_snapshot(c.xid, v_old)
            )
          order by a.record_id, k.what
        )
      ) as e
    ) as d;
  end if;
  if v_untracked is not null then
    raise exception using
      errcode = 'SW308',
      message = 'a synced table has partitions that are not tracked',
      detail = format('%s has partitions whose changes would be lost.', v_untracked),
      hint = 'select syncwell.ensure_tracking(); then pull again.';
  end if;

  if kind = 'delta' and parts is null and page is null then
    kind := 'idle';
    refresh := v_cursor.created_at < v_now - syncwell._setting(v_me.org_id, 'delta.cursor_refresh')::interval;
    due := v_cursor.idle_until is null or v_cursor.idle_until <= v_now;
  end if;
end
$$;
comment on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) is
'What a pull has to read: of which table everything (created, updated, new: of a migration) or which records (delta), '
'by the changes in the scopes of the caller that p_cursor has not seen. kind: first, delta, replacement (the cursor '
'is unknown, or tombstones after it are gone), idle (nothing to send; refresh: the cursor has come of age, due: it is '
'time to note that the device was here), again (_begin_pull() was not called in this session). It reads with the '
'snapshot of the calling statement. Errors: SW001, 42501, 22023, SW301, SW305, SW308.';
revoke all on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) from public;
-- sync_pull() runs with its caller's rights; what is told is the caller's own
grant execute on function syncwell._pull_plan(bigint, jsonb, text[], text, boolean, integer) to syncwell_client;

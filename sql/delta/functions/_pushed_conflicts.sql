create or replace function syncwell._pushed_conflicts(
  p_table_id integer,
  p_ids text[],
  p_missing text[],
  p_snapshot pg_snapshot,
  p_own_xids xid8[]
)
returns table (record_id text, is_deleted boolean, is_known boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user record;
  v_scope uuid;
begin
  v_user := syncwell._syncing_user();
  select case t.scope_kind when 'org' then v_user.org_id else v_user.user_id end into v_scope
  from syncwell.synced_tables as t
  where t.table_id = p_table_id;
  if cardinality(p_ids) <= 100 then
    return query
    select c.record_id, c.deleted_at is not null, false
    from unnest(p_ids) as i (id)
    inner join syncwell.record_changes as c
      on c.scope = v_scope and c.table_id = p_table_id and c.record_id = i.id
    where not coalesce(pg_visible_in_snapshot(c.xid, p_snapshot), false) and c.xid <> all (p_own_xids);
  else
    -- few changes are newer than a device's last pull: they are looked at, not the many ids. Grouping takes no longer
    -- than it must, whatever the planner expects
    return query
    select r.record_id, bool_or(r.is_deleted), false
    from (
      select c.record_id, c.deleted_at is not null as is_deleted
      from syncwell.record_changes as c
      where c.scope = v_scope and c.table_id = p_table_id
        and c.xid >= coalesce(pg_snapshot_xmin(p_snapshot), '0')
        and not coalesce(pg_visible_in_snapshot(c.xid, p_snapshot), false)
        and c.xid <> all (p_own_xids)
      union all
      select i.id collate "C", null from unnest(p_ids) as i (id)
    ) as r
    group by r.record_id
    having count(*) > 1;
  end if;
  if p_snapshot is null then
    return query
    select m.id, false, false
    from unnest(p_missing) as m (id)
    where not exists (
      select from syncwell.record_changes as c
      where c.scope = v_scope and c.table_id = p_table_id and c.record_id = m.id
    );
  elsif cardinality(p_missing) > 0 then
    return query
    select c.record_id, true, true
    from syncwell.record_changes as c
    where c.scope = v_scope and c.table_id = p_table_id and c.record_id = any (p_missing)
      and c.deleted_at is not null
      and (pg_visible_in_snapshot(c.xid, p_snapshot) or c.xid = any (p_own_xids));
  end if;
end
$$;
comment on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) is
'Which of the caller''s records p_ids of a table were changed where p_snapshot and the transactions p_own_xids don''t '
'see it, and which of p_missing, which are not there, are known as deleted. p_snapshot NULL, for a device that never '
'had the table: which were changed by anybody else, and which of p_missing, which are there, never were. Call it when '
'the rows are locked: each call looks anew. Errors: SW001, 42501.';
revoke all on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._pushed_conflicts(integer, text[], text[], pg_snapshot, xid8[]) to syncwell_client;

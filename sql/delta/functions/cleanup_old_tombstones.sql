create or replace function syncwell.cleanup_old_tombstones(
  p_older_than interval default '30 days',
  p_batch integer default 10000
)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_scopes uuid[];
  v_tables integer[];
  v_ids text[];
  v_xids xid8[];
  v_count bigint := 0;
begin
  if p_older_than is null or p_batch is null then
    raise exception using
      errcode = '22004',
      message = 'p_older_than and p_batch must not be NULL',
      detail = 'Without an age every tombstone would go, and every device would replace everything.',
      hint = 'Leave them out for 30 days, 10000 at a time.';
  end if;
  if not p_older_than between interval '0' and interval '100 years' or p_batch not between 1 and 1000000 then
    raise exception using
      errcode = '22023',
      message = 'a parameter of the cleanup is out of range',
      detail = format('p_older_than is %s, p_batch is %s.', p_older_than, p_batch),
      hint = 'p_older_than goes from 0 to 100 years, p_batch from 1 to 1000000.';
  end if;

  loop
    -- an id that is being used again is left to who uses it
    select array_agg(d.scope), array_agg(d.table_id), array_agg(d.record_id), array_agg(d.xid)
    into v_scopes, v_tables, v_ids, v_xids
    from (
      select c.scope, c.table_id, c.record_id, c.xid
      from syncwell.record_changes as c
      where c.deleted_at < v_now - p_older_than
        -- else a transaction that is open now would keep every cursor below the horizon until it ends
        and c.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by c.deleted_at
      limit p_batch
      for update skip locked
    ) as d;
    exit when v_ids is null;

    -- First the horizon: who sees a tombstone gone sees this too, since both commit at once. A pull with an older
    -- snapshot reads the tombstones still, or it is a cursor that can't see them: then it is below the horizon.
    insert into syncwell.sync_horizons as h (scope, purged_below, purged, raised_at)
    select d.scope, (max(d.xid::text::numeric) + 1)::text::xid8, count(*), v_now
    from unnest(v_scopes, v_xids) as d (scope, xid)
    group by d.scope
    order by d.scope
    on conflict (scope) do update
    set
      purged_below = greatest(h.purged_below, excluded.purged_below),
      purged = h.purged + excluded.purged,
      raised_at = excluded.raised_at;

    delete from syncwell.record_changes as c
    using unnest(v_scopes, v_tables, v_ids) as d (scope, table_id, record_id)
    where c.scope = d.scope and c.table_id = d.table_id and c.record_id = d.record_id;
    v_count := v_count + cardinality(v_ids);
    exit when cardinality(v_ids) < p_batch;
  end loop;
  return v_count;
end
$$;
comment on function syncwell.cleanup_old_tombstones(interval, integer) is
'Forgets deletions older than p_older_than (0 to 100 years, default 30 days), p_batch at a time (1..1000000, default '
'10000), and returns how many. A device whose last pull may not have seen one of them is told to replace everything '
'at its next pull, and never keeps a deleted record. Tombstones whose id is being used again at the moment wait for '
'the next call, as do those that are younger than a transaction that is still open. Maintenance calls it with setting '
'delta.tombstone_retention. Errors: 22004 on NULL, 22023 out of range.';
revoke all on function syncwell.cleanup_old_tombstones(interval, integer) from public;
grant execute on function syncwell.cleanup_old_tombstones(interval, integer) to syncwell_operator;

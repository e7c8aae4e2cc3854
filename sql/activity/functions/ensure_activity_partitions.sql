create or replace function syncwell.ensure_activity_partitions(p_months_ahead integer default 3)
returns table (
  partition_name text,
  moved_rows bigint
)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
begin atomic
  select
    p.partition_name,
    p.moved_rows
  from syncwell.ensure_partitions('sync_activity_log', p_months_ahead) as p;
end;
comment on function syncwell.ensure_activity_partitions(integer) is
'Makes the activity log''s partitions (UTC months) from this month to p_months_ahead (0 to 120, default 3; NULL: the '
'registry''s number) and moves entries that fell into the default partition to a partition of their own, as '
'ensure_partitions() does for all tables. Returns what it made; nothing when all was there. Errors: 22023 out of '
'range, 55P03 a lock took longer than 5 s: nothing is made, try again.';
revoke all on function syncwell.ensure_activity_partitions(integer) from public;
grant execute on function syncwell.ensure_activity_partitions(integer) to syncwell_operator;

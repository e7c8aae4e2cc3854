create or replace function syncwell._erase_leftovers_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_due bytea[];
  v_column record;
  v_user_id uuid;
  v_users uuid[];
  v_erased bigint := 0;
  v_open constant text[] := syncwell._open_transactions();
begin
  -- nobody is left who looked the user up before it was erased
  select array_agg(e.subject_hash) into v_due
  from (
    select e.subject_hash
    from syncwell.erasures as e
    where e.settled_at is null
      and e.erased_at <= syncwell._now() - interval '1 hour'
      and e.erased_xid < pg_snapshot_xmin(pg_current_snapshot())
      -- one that had only read has no number, but its snapshot: it is waited for by another look
      and (e.waits_for && v_open) is not true
    for update skip locked
  ) as e;
  if v_due is null then
    return 0;
  end if;
  for v_column in select c.* from syncwell._personal_columns() as c order by c.place loop
    execute format(
      'select array_agg(distinct s.named::uuid)
       from (select distinct %s as named from syncwell.%I as t) as s
       where syncwell._subject_hash(s.named) = any($1)
         -- registered again: what there is now is new
         and not exists (select from syncwell.users as u where u.user_id = s.named::uuid)',
      v_column.named_user, v_column.table_name
    )
    into v_users using v_due;
    foreach v_user_id in array coalesce(v_users, array[]::uuid[]) loop
      v_erased := v_erased + (select sum(e.affected_rows) from syncwell._erase_rows(null, v_user_id) as e);
    end loop;
  end loop;
  update syncwell.erasures as e
  set
    settled_at = case when e.waits_for is not null or v_open = '{}' then syncwell._now() end,
    waits_for = coalesce(e.waits_for, v_open)
  where e.subject_hash = any(v_due) and e.settled_at is null;
  return v_erased;
end
$$;
comment on function syncwell._erase_leftovers_task() is
'Maintenance duty: erases what calls that were under way wrote about a user who was being erased. Reads each table '
'with persons in it only after an erasure: once, and again when the last transaction that was open then has ended. '
'Returns how many rows.';
revoke all on function syncwell._erase_leftovers_task() from public;

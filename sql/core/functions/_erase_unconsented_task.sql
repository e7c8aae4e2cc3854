create or replace function syncwell._erase_unconsented_task()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
declare
  v_user record;
  v_erased bigint := 0;
  c_batch constant integer := 50000;
begin
  for v_user in
    select e.org_id, e.user_id
    from syncwell.detail_erasures as e
    -- a second look before it can be the last one is of no use
    where e.checked_at is null or e.requested_at <= syncwell._now() - interval '1 hour'
    order by e.checked_at nulls first, e.requested_at, e.org_id, e.user_id
    limit 5000
  loop
    begin
      v_erased := v_erased
        + (syncwell._erase_details(v_user.org_id, v_user.user_id, (c_batch - v_erased)::integer)).erased;
    exception
      -- somebody holds rows of this user: the others do not wait for that, and go before it next time
      when lock_not_available or deadlock_detected then
        update syncwell.detail_erasures as e
        set checked_at = syncwell._now()
        where e.org_id = v_user.org_id and e.user_id = v_user.user_id;
    end;
    exit when v_erased >= c_batch;
  end loop;
  return v_erased;
end
$$;
comment on function syncwell._erase_unconsented_task() is
'Maintenance duty: erases stored details of users whose consent is missing, up to about 50 000 rows and 5000 '
'users a call; goes on at the next one. A user whose rows somebody holds waits for a later one. Returns how many rows.';
revoke all on function syncwell._erase_unconsented_task() from public;

create or replace function syncwell._expire_sessions(
  p_org_id uuid,
  p_since timestamptz
)
returns bigint
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_users uuid[];
  v_ids uuid[];
  v_user_id uuid;
  v_count bigint;
  v_total bigint;
begin
  select array_agg(s.session_id), array_agg(distinct s.user_id)
  into v_ids, v_users
  from (
    select e.session_id, e.user_id from syncwell.sync_sessions as e
    where e.org_id = p_org_id and e.started_at < p_since and coalesce(e.ended_at, e.started_at) < p_since
    order by e.started_at
    limit 1000
  ) as s;
  if v_ids is null then
    return 0;
  end if;
  foreach v_user_id in array v_users loop
    perform syncwell._lock_sessions(p_org_id, v_user_id, true);
  end loop;

  delete from syncwell.session_records as r
  using syncwell.session_counts as c
  where c.org_id = p_org_id
    and c.session_id = any (v_ids)
    and r.org_id = c.org_id
    and r.session_id = c.session_id
    and r.kind = c.kind
    and r.id >= syncwell._uuid7_floor(c.first_at)
    and r.id < syncwell._uuid7_floor(c.last_at + interval '1 millisecond');
  get diagnostics v_total = row_count;
  delete from syncwell.session_counts as c where c.org_id = p_org_id and c.session_id = any (v_ids);
  get diagnostics v_count = row_count;
  v_total := v_total + v_count;
  delete from syncwell.session_merges as m
  where m.org_id = p_org_id and m.user_id = any (v_users) and m.kept_id = any (v_ids) and m.merged_at < p_since;
  get diagnostics v_count = row_count;
  v_total := v_total + v_count;
  delete from syncwell.sync_sessions as s where s.org_id = p_org_id and s.session_id = any (v_ids);
  get diagnostics v_count = row_count;
  return v_total + v_count;
end
$$;
comment on function syncwell._expire_sessions(uuid, timestamptz) is
'Deletes sessions of an org that ended before p_since, at most the 1000 oldest, with their records, counts and merges; '
'returns how many rows. What devices called them stays, so that a name stands for one session for ever.';
revoke all on function syncwell._expire_sessions(uuid, timestamptz) from public;

create or replace function syncwell.get_session_integrity(
  p_user_id uuid default null,
  p_days integer default 90
)
returns table (
  finding text,
  sessions bigint,
  affected bigint,
  percent numeric,
  examples uuid[]
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_caller record;
  v_user_id uuid;
begin
  if p_days is null then
    raise exception using
      errcode = '22004',
      message = 'days are needed',
      detail = 'p_days is NULL.',
      hint = 'Pass a number from 1 to 3660, or leave it out for 90.';
  end if;
  if p_days not between 1 and 3660 then
    raise exception using
      errcode = '22023',
      message = 'days out of range',
      detail = format('p_days is %s.', p_days),
      hint = 'Pass a number from 1 to 3660.';
  end if;
  v_caller := syncwell._caller();
  perform syncwell._check_shown_user(p_user_id);
  perform syncwell._note_access('get_session_integrity', p_user_id);
  v_user_id := coalesce(p_user_id, case when not v_caller.sees_org then v_caller.user_id end);
  return query
  with found as materialized (
    select s.*
    from syncwell._session_integrity(
      v_caller.org_id, v_user_id, syncwell._now() - make_interval(days => p_days), 10000
    ) as s
  )
  select
    k.finding, coalesce(n.sessions, 0), coalesce(n.affected, 0), round(100.0 * n.affected / nullif(n.sessions, 0), 1),
    -- of every source some
    array(
      select e.session_id
      from found as f
      cross join lateral unnest(f.examples) with ordinality as e (session_id, place)
      where f.finding = k.finding
      order by e.place, e.session_id
      limit 5
    )
  from unnest(
    array['sessions_without_readings', 'late_surveys', 'orphans', 'duplicates', 'incomplete']
  ) with ordinality as k (finding, place)
  left join (
    select f.finding, sum(f.sessions)::bigint as sessions, sum(f.affected)::bigint as affected
    from found as f
    group by f.finding
  ) as n on n.finding = k.finding
  order by k.place;
end
$$;
comment on function syncwell.get_session_integrity(uuid, integer) is
'Whether sessions are whole: those that began in the last p_days (1 to 3660), of p_user_id (NULL: everything the '
'caller may see), the newest 10 000, mock ones left out. Five rows, finding: sessions_without_readings (completed, '
'and not one came), late_surveys (setting ingest.late_after), orphans (records of a session that nobody started), '
'duplicates (find_duplicate_sessions()), incomplete (fewer records than the device said there are, of completed '
'sessions and of those not heard of for a day). What may still be on its way, for setting ingest.orphan_after, is not '
'counted. sessions: to how many it could apply; affected: to how many it does, all zero where all is well; percent: '
'of these, NULL without any; examples: five at most. Asking about another user is written to the access log. Errors: '
'SW001, SW002, 22004, 22023, 25006.';
revoke all on function syncwell.get_session_integrity(uuid, integer) from public;
grant execute on function syncwell.get_session_integrity(uuid, integer) to syncwell_client, syncwell_reader;

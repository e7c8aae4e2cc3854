create or replace function syncwell.get_silences(
  p_ended boolean default false,
  p_limit integer default 50
)
returns table (
  silence_id uuid,
  matcher jsonb,
  starts_at timestamptz,
  ends_at timestamptz,
  is_on boolean,
  reason text,
  created_by uuid
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_caller record := syncwell._caller();
  v_now constant timestamptz := syncwell._now();
begin
  perform syncwell._check_limit(p_limit);
  return query
  select s.id, s.matcher, s.starts_at, s.ends_at, s.starts_at <= v_now and s.ends_at > v_now, s.reason, s.created_by
  from syncwell.silences as s
  where s.org_id = v_caller.org_id
    and v_caller.sees_org
    and (p_ended or s.ends_at > v_now)
  order by s.starts_at desc, s.id
  limit p_limit;
end
$$;
comment on function syncwell.get_silences(boolean, integer) is
'Silences of the org, the newest first, for analysts, admins and services; others see none. p_ended: those that are '
'over as well; p_limit: default 50, 1 to 1000. matcher: which issues, see silence(); is_on: whether it holds now; '
'created_by: who asked for it, NULL = a service. Errors: SW001, 22004, 22023 (p_limit).';
revoke all on function syncwell.get_silences(boolean, integer) from public;
grant execute on function syncwell.get_silences(boolean, integer) to syncwell_client, syncwell_reader;

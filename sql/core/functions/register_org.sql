create or replace function syncwell.register_org(
  p_name text,
  p_org_id uuid default null,
  p_time_zone text default 'UTC'
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
begin
  if p_name is null or p_time_zone is null then
    raise exception using
      errcode = '22004',
      message = 'an org needs a name and a time zone',
      detail = 'p_name or p_time_zone is NULL.',
      hint = 'Leave p_time_zone out for UTC.';
  end if;
  perform syncwell._check_text('p_name', p_name, 200);
  perform syncwell._check_time_zone(p_time_zone);
  if p_name = '' then
    raise exception using
      errcode = '22023',
      message = 'an org needs a name',
      detail = 'p_name is empty.',
      hint = 'Give the org''s display name.';
  end if;

  insert into syncwell.orgs (org_id, name, time_zone)
  values (coalesce(p_org_id, gen_random_uuid()), p_name, p_time_zone)
  on conflict (org_id) do update
  set name = excluded.name, time_zone = excluded.time_zone
  returning org_id into v_org_id;
  return v_org_id;
end
$$;
comment on function syncwell.register_org(text, uuid, text) is
'Creates an org called p_name, or renames the one with p_org_id; returns its id. p_time_zone: IANA name, default UTC. '
'Errors: 22004, 22001, 22023.';
revoke all on function syncwell.register_org(text, uuid, text) from public;
grant execute on function syncwell.register_org(text, uuid, text) to syncwell_operator;

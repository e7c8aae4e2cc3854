create or replace function syncwell.lift_silence(p_silence_id uuid)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_handler record := syncwell._issue_handler();
  v_now constant timestamptz := syncwell._now();
  v_ends_at timestamptz;
begin
  if p_silence_id is null then
    raise exception using
      errcode = '22004',
      message = 'a silence is needed',
      detail = 'p_silence_id is NULL.',
      hint = 'syncwell.get_silences() lists them.';
  end if;
  select s.ends_at into v_ends_at
  from syncwell.silences as s
  where s.org_id = v_handler.org_id and s.id = p_silence_id
  for update;
  if not found then
    raise exception using
      errcode = 'SW602',
      message = 'unknown silence',
      detail = format('There is no silence %s in this org.', p_silence_id),
      hint = 'syncwell.get_silences() lists them.';
  end if;
  if v_ends_at <= v_now then
    return false;
  end if;
  update syncwell.silences as s
  -- a clock that went back must not end it before it began
  set ends_at = greatest(v_now, s.starts_at)
  where s.org_id = v_handler.org_id and s.id = p_silence_id;
  return true;
end
$$;
comment on function syncwell.lift_silence(uuid) is
'Ends the silence p_silence_id now: what it kept quiet is alerted of from the next evaluate_health() on. For admins '
'and services. False when it was over already. Errors: SW001; SW602 no such silence; 22004; 42501 for others.';
revoke all on function syncwell.lift_silence(uuid) from public;
grant execute on function syncwell.lift_silence(uuid) to syncwell_client, syncwell_worker;

create or replace function syncwell.silence(
  p_matcher jsonb,
  p_until timestamptz,
  p_reason text default null
)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_handler record := syncwell._issue_handler();
  v_now constant timestamptz := syncwell._now();
  v_id uuid;
begin
  if p_matcher is null or p_until is null then
    raise exception using
      errcode = '22004',
      message = 'a silence needs a matcher and an end',
      detail = format('%s is NULL.', case when p_matcher is null then 'p_matcher' else 'p_until' end),
      hint = 'Pass e.g. ''{"source": "calls"}'', and until when nobody is to be alerted.';
  end if;
  if not (p_until > v_now and p_until <= v_now + interval '10 years') then
    raise exception using
      errcode = '22023',
      message = 'p_until is out of range',
      detail = format('It is %s.', p_until),
      hint = 'Pass a time to come, within ten years.';
  end if;
  perform syncwell._check_text('p_reason', p_reason, 1000);
  insert into syncwell.silences (org_id, matcher, starts_at, ends_at, reason, created_by)
  values (
    v_handler.org_id, syncwell._checked_matcher(v_handler.org_id, p_matcher), v_now, p_until, p_reason,
    v_handler.user_id
  )
  returning id into v_id;
  return v_id;
end
$$;
comment on function syncwell.silence(jsonb, timestamptz, text) is
'Lets nobody be alerted until p_until (at most ten years) of issues that fit p_matcher: an object of texts under any '
'of the keys source, issue_type, severity, platform, user_id, stream_id, all of which must be equal; {} fits all. '
'Issues are found and shown all the same, as muted by it from the next evaluate_health() on. p_reason: at most 1000 '
'characters. For admins and services. Returns its id, which lift_silence() takes. Errors: SW001; SW002 and SW105 for '
'a user or stream that the org does not have; 22004; 22023 (p_matcher, p_until); 22001; 42501 for others.';
revoke all on function syncwell.silence(jsonb, timestamptz, text) from public;
grant execute on function syncwell.silence(jsonb, timestamptz, text) to syncwell_client, syncwell_worker;

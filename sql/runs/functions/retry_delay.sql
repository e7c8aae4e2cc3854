create or replace function syncwell.retry_delay(
  p_attempt integer,
  p_retry_after interval default null,
  p_jitter text default null
)
returns interval
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_attempt is null then
    raise exception using
      errcode = '22004',
      message = 'the number of the retry is needed',
      detail = 'p_attempt is NULL.',
      hint = 'Pass 1 for the first retry.';
  end if;
  if p_attempt < 1 then
    raise exception using
      errcode = '22023',
      message = 'retries are numbered from 1',
      detail = format('p_attempt is %s.', p_attempt),
      hint = 'Pass 1 for the first retry.';
  end if;
  if p_jitter not in ('none', 'full', 'equal') then
    raise exception using
      errcode = '22023',
      message = 'unknown jitter',
      detail = format('p_jitter is %L.', left(p_jitter, 100)),
      hint = 'Pass none, full or equal, or leave it out for the setting retry.jitter.';
  end if;
  return syncwell._retry_delay(p_attempt, p_retry_after, p_jitter, syncwell._settings(syncwell.current_org_id()));
end
$$;
comment on function syncwell.retry_delay(integer, interval, text) is
'How long to wait before retry p_attempt (1, 2, …): at most d = least(retry.cap, retry.base * 2^(p_attempt - 1)), by '
'default 1, 2, 4, 8, 16 s; NULL beyond setting retry.max_retries. p_jitter none: d; full: between 0 and d; equal: '
'between d/2 and d; NULL: setting retry.jitter. Never less than p_retry_after, of which at most setting '
'retry.after_cap counts. Formula: "full" and "equal" jitter of the AWS Architecture Blog, Exponential Backoff And '
'Jitter. Errors: 22004 without a number, 22023 for a number below 1 or an unknown jitter.';
revoke all on function syncwell.retry_delay(integer, interval, text) from public;
grant execute on function syncwell.retry_delay(integer, interval, text) to syncwell_reader, syncwell_worker;

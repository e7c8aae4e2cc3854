create or replace function syncwell._retry_delay(
  p_attempt integer,
  p_retry_after interval,
  p_jitter text,
  p_settings jsonb
)
returns interval
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_bound interval;
begin
  if p_attempt > (p_settings ->> 'retry.max_retries')::integer then
    return null;
  end if;
  v_bound := least(
    (p_settings ->> 'retry.base')::interval * power(2, p_attempt - 1),
    (p_settings ->> 'retry.cap')::interval
  );
  return greatest(
    case coalesce(p_jitter, p_settings ->> 'retry.jitter')
      when 'none' then v_bound
      when 'full' then v_bound * random()
      else v_bound * (0.5 + 0.5 * random())
    end,
    least(coalesce(p_retry_after, interval '0'), (p_settings ->> 'retry.after_cap')::interval)
  );
end
$$;
comment on function syncwell._retry_delay(integer, interval, text, jsonb) is 'retry_delay() with the settings given.';
revoke all on function syncwell._retry_delay(integer, interval, text, jsonb) from public;

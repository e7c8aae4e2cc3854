create or replace function syncwell._sync_back_off(
  p_failures integer,
  p_seed text,
  p_settings jsonb
)
returns interval
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  -- always the same for one failure: who asks often must not be let through by luck
  v_share constant double precision := (hashtextextended(p_seed || p_failures, 0) & 1023) / 1023.0;
begin
  return coalesce(
    syncwell._retry_delay(p_failures, null, 'none', p_settings), (p_settings ->> 'ops.parked_wait')::interval
  ) * case p_settings ->> 'retry.jitter'
    when 'none' then 1
    when 'full' then v_share
    else 0.5 + 0.5 * v_share
  end;
end
$$;
comment on function syncwell._sync_back_off(integer, text, jsonb) is
'How long after failure number p_failures in a row the next sync may begin: retry_delay(), and setting '
'ops.parked_wait when the retries are used up, with the jitter of setting retry.jitter, drawn from p_seed.';
revoke all on function syncwell._sync_back_off(integer, text, jsonb) from public;

create or replace function syncwell._is_plain_operation(
  p_operation_type text,
  p_source text,
  p_dedup_key text,
  p_mode text,
  p_priority integer,
  p_run_at timestamptz,
  p_max_attempts integer,
  p_ordering_key text,
  p_depends_on uuid[],
  p_platform text,
  p_device_id text
)
returns boolean
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return p_mode in ('ignore', 'none')
    and p_ordering_key is null
    and (p_depends_on is null or p_depends_on = '{}')
    and length(p_operation_type) between 1 and 100
    and p_source ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'
    and (p_dedup_key is null or length(p_dedup_key) between 1 and 500)
    and p_priority between 0 and 9
    and (p_run_at is null or p_run_at between '2000-01-01 00:00+00' and '2200-01-01 00:00+00')
    and (p_max_attempts is null or p_max_attempts between 1 and 100)
    and (p_platform is null or p_platform in ('android', 'ios', 'web', 'server', 'other'))
    and (p_device_id is null or length(p_device_id) <= 255);
end
$$;
comment on function
syncwell._is_plain_operation(text, text, text, text, integer, timestamptz, integer, text, uuid[], text, text) is
'Whether an operation certainly has no fault (see _operation_fault()), waits for nothing and changes no other one.';
revoke all on function
syncwell._is_plain_operation(text, text, text, text, integer, timestamptz, integer, text, uuid[], text, text)
from public;

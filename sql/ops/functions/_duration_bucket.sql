create or replace function syncwell._duration_bucket(p_index integer)
returns text
language sql immutable security invoker parallel safe
-- bucket i of a sketch ends at 2^((i + 1) / 32): 32 of them are one of these, exactly
return least(24, greatest(5, pg_catalog.ceil((p_index + 1) / 32.0)))::text;
comment on function syncwell._duration_bucket(integer) is
'Which bucket of metric_totals the durations in a bucket of a sketch belong to; -1 for those of 0.';
revoke all on function syncwell._duration_bucket(integer) from public;

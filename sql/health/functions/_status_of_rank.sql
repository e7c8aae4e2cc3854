create or replace function syncwell._status_of_rank(p_rank integer)
returns text
language sql immutable security invoker parallel safe
return (array['unknown', 'healthy', 'late', 'degraded', 'unhealthy'])[p_rank];
comment on function syncwell._status_of_rank(integer) is 'The status of a rank of _status_rank(); NULL for none.';
revoke all on function syncwell._status_of_rank(integer) from public;

create or replace function syncwell._status_rank(p_status text)
returns integer
language sql immutable security invoker parallel safe
return pg_catalog.array_position(array['unknown', 'healthy', 'late', 'degraded', 'unhealthy'], p_status);
comment on function syncwell._status_rank(text) is
'How bad a status is: the worst of several is the one of the highest rank. Unknown is the lowest: it is only what '
'all of them are when nothing is known.';
revoke all on function syncwell._status_rank(text) from public;
